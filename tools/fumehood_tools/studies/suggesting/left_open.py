"""What the records of a sandbox leave open: facts about what was measured, and no predictions.

For transcoders: packaged methods without a score, dead latents, and what a skip path took over. For
sandboxes with an evaluation of their own, about which nothing else is known: files and values of
constants that were not tried. Light: reads records.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.bench.which_setting import pick_setting
from fumehood_tools.errors import StorageFailed
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.labelling import label_of
from fumehood_tools.records.levels import is_at
from fumehood_tools.records.parameters import Value, constants_of
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY
from fumehood_tools.runs.baselines import UNTRAINED
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import variant_names
from fumehood_tools.settings import Settings
from fumehood_tools.studies.suggesting.answer import Found, Suggestion
from fumehood_tools.studies.suggesting.board import Board

ALIVE, SKIP_ALONE, LATENTS_ALONE = "alive", "explained_variance_skip", "explained_variance_latents"
MOST_DEAD, MOST_ROWS = 0.1, 6
"""Share of latents that never fired above which it is said; rows of one rule."""
_NO_TRIES = {"TRAIN", "KNOB", "SKIP"}


def open_in_transcoders(board: Board, box: Sandbox) -> list[Suggestion]:
    """Return what the scores of the newest setting of a sandbox of transcoders leave open."""
    found = board.lab.found(box.name)
    setting = pick_setting(list(set(found.settings.values())), None, box.folder)
    by_label: dict[str, list[Score]] = defaultdict(list)
    packaged = board.packaged(box.name)
    for place, score in found.scores.items():
        if score.control is None and found.settings[place] == setting:
            by_label[label_of(score, packaged)].append(score)
    unscored = _unscored(box, packaged, by_label, found.failures.values())
    return [*unscored, *_dead(by_label), *_skips(box, by_label)]


def _unscored(
    box: Sandbox,
    packaged: Mapping[str, str],
    by_label: Mapping[str, Sequence[Score]],
    failures: Iterable[Failure],
) -> Iterator[Suggestion]:
    ran = {score.variant for some in by_label.values() for score in some}
    failed = _failed_now(box, [one for one in failures if _is_there(one, box)])
    if left := sorted(packaged.keys() - ran - failed.keys() - {UNTRAINED, "example"}):
        yield Suggestion(
            part="hints",
            what=f"packaged methods without a score in this setting: {', '.join(left)}",
            why="Each is a known alternative; how it does here was not measured.",
            call=f"run_variants(sandbox={box.name!r}, variants={left!r})",
        )


def _is_there(failure: Failure, box: Sandbox) -> bool:
    """Return whether a run that was no control failed on the sandbox's subject of now."""
    subject = box.spec.subject
    place = failure.subject, failure.layer
    return place == (subject.name, subject.layer) and failure.control is None


def _dead(by_label: Mapping[str, Sequence[Score]]) -> Iterator[Suggestion]:
    shares = {
        label: 1 - fmean(score.metrics[ALIVE] for score in some)
        for label, some in by_label.items()
        if all(ALIVE in score.metrics for score in some) and some[0].variant != UNTRAINED
    }
    worst = sorted((label for label in shares if shares[label] > MOST_DEAD), key=shares.__getitem__)
    for label in list(reversed(worst))[:MOST_ROWS]:
        yield Suggestion(
            part="hints",
            what=f"dead latents: {shares[label]:.0%} of those of {label} never fired",
            why=f"Mean of {_seeds(len(by_label[label]))}, on the evaluation tokens. What acts on "
            "them: the auxiliary loss, initialization, learning rate. Whether fewer would explain "
            "more is open.",
        )


def _skips(box: Sandbox, by_label: Mapping[str, Sequence[Score]]) -> Iterator[Suggestion]:
    """Yield, for each skip transcoder, what both of its paths explain, beside one without."""
    means = {label: _means(some) for label, some in by_label.items()}
    skips = {label for label, found in means.items() if SKIP_ALONE in found}
    for label in sorted(skips)[:MOST_ROWS]:
        found = means[label]
        same = [
            f"{other} {means[other][QUALITY]:.3f}"
            for other in sorted(means)
            if other not in skips
            and by_label[other][0].variant != UNTRAINED
            and QUALITY in means[other]
            and is_at(means[other][SPARSITY], found[SPARSITY])
        ]
        beside = f" Without one, at the same L0: {', '.join(same[:3])}." if same else ""
        latents = found.get(LATENTS_ALONE)
        alone = "" if latents is None else f", the latents alone {latents:.3f}"
        yield Suggestion(
            part="hints",
            what=f"skip path of {label}: both paths explain {found[QUALITY]:.3f}, the skip path "
            f"alone {found[SKIP_ALONE]:.3f}{alone}",
            why=f"Mean of {_seeds(len(by_label[label]))}.{beside} These are not tested: "
            "compare_variants says what is more than noise.",
            call=f"compare_variants(sandbox={box.name!r})",
        )


def _means(scores: Sequence[Score]) -> dict[str, float]:
    """Return the mean of what every score has, with what its two paths explain alone."""
    found = [_values(score) for score in scores]
    keys = set.intersection(*(set(one) for one in found))
    return {key: fmean(one[key] for one in found) for key in keys}


def _values(score: Score) -> dict[str, float]:
    if (checked := score.integrity) is None:
        return dict(score.metrics)
    alone = {
        SKIP_ALONE: checked.explained_variance_skip,
        LATENTS_ALONE: checked.explained_variance_latents,
    }
    return {**score.metrics, **{key: one for key, one in alone.items() if one is not None}}


def _seeds(count: int) -> str:
    return f"{count} seed{'s' * (count > 1)}"


def open_in_custom(settings: Settings, box: Sandbox) -> Found:
    """Return what was not tried in a sandbox with an evaluation of its own."""
    # Most servers have no such sandbox.
    from fumehood_tools.custom.scored import scores_of

    scores = scores_of(settings, box)
    current = scores.current()
    failed = _failed_now(box, scores.unresolved())
    rows = [_failed_row(box, failed)] if failed else []
    if left := [name for name in variant_names(box) if name not in {*current, *failed}]:
        rows.append(
            Suggestion(
                part="hints",
                what=f"files whose version of now has no score: {', '.join(left[:MOST_ROWS])}",
                why="With the sealed files of now.",
                call=f"run_variants(sandbox={box.name!r}, variants={left[:MOST_ROWS]!r})",
            )
        )
    few = [one.variant for one in current.values() if len(one.scores) < LEAST_SEEDS]
    if few := [name for name in few if name not in failed]:
        rows.append(
            Suggestion(
                part="hints",
                what=f"fewer than {LEAST_SEEDS} seeds: {', '.join(few[:MOST_ROWS])}",
                why=f"A verdict needs {LEAST_SEEDS}. Seeds that are added are another look.",
                call=f"run_variants(sandbox={box.name!r}, variants={few[:MOST_ROWS]!r}, "
                f"seeds=['0-{LEAST_SEEDS - 1}'])",
            )
        )
    tried: dict[str, list[dict[str, Value]]] = defaultdict(list)
    for version in scores.versions:
        if version.kind != "control":
            place = next(iter(version.places.values()))
            source = _source(settings, f"{place}/{version.variant}.py")
            tried[version.variant].append(constants_of(source))
    rows += [row for name, some in sorted(tried.items()) for row in _constants(name, some)]
    notes = [
        "What would help is not known here: the metrics are this sandbox's own. Each edited value "
        "is a try, for which p is corrected."
    ]
    return Found(rows, notes)


def _failed_now(box: Sandbox, failures: Sequence[Failure]) -> dict[str, Failure]:
    """Return the newest failure of each file, as it is now, that failed by itself."""
    from fumehood_tools.custom.scored import variant_sha256

    return {
        one.variant: one
        for one in sorted(failures, key=lambda one: one.finished)
        if one.limit is None and one.file_version == variant_sha256(box, one.variant)
    }


def _failed_row(box: Sandbox, failed: Mapping[str, Failure]) -> Suggestion:
    last = max(failed.values(), key=lambda one: one.finished)
    return Suggestion(
        part="hints",
        what=f"files that fail as they are now: {', '.join(list(failed)[:MOST_ROWS])}",
        why=f"They would fail again. {last.variant} did in stage {last.stage}.",
        quote=last.message,
        call=f"check_variant(sandbox={box.name!r}, variant={last.variant!r})",
    )


def _source(settings: Settings, place: str) -> bytes:
    try:
        return read_plain(settings.workspace / place)
    except StorageFailed:
        return b""


def _constants(variant: str, versions: Sequence[Mapping[str, Value]]) -> Iterator[Suggestion]:
    """Yield one row per constant of a file: the values that were scored."""
    names = dict.fromkeys(name for one in versions for name in one if name not in _NO_TRIES)
    for name in list(names)[:MOST_ROWS]:
        values = list(dict.fromkeys(one[name] for one in versions if name in one))
        shown = ", ".join(map(repr, values[:MOST_ROWS]))
        alone = "No other value has a score." if len(values) == 1 else "Others have no score."
        yield Suggestion(part="hints", what=f"{name} of {variant}: scored with {shown}", why=alone)
