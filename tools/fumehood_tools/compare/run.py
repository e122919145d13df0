"""Compare the variants of a sandbox. Light: reads records; a child process does the arithmetic.

Costs a few ms per record and 1 s for the child (scipy). Writes nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.bench.changes import changes
from fumehood_tools.bench.collect import (
    CONTROL,
    Chosen,
    SandboxRecords,
    Setting,
    choose,
    settings_of,
    unresolved,
)
from fumehood_tools.bench.controls import judge_controls
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table_notes import warnings_about_trust
from fumehood_tools.bench.table_rows import kind_of, outline, stale_reason
from fumehood_tools.bench.which_setting import Again, again, pick_setting
from fumehood_tools.children import ChildTask, ask_once
from fumehood_tools.compare.doubts import differing, doubts_about, to_be_run, usual_schedule
from fumehood_tools.compare.looks import count_looks
from fumehood_tools.compare.question import (
    ChangeSaid,
    PairsAsked,
    PairsFound,
    PowerAsked,
    PowerFound,
    Question,
    Rival,
    ScoredSae,
)
from fumehood_tools.compare.report import Comparison
from fumehood_tools.compare.seeds import missing_seeds, scattered
from fumehood_tools.compare.training import (
    few_steps,
    otherwise,
    schedule_of,
    trained_elsewhere,
)
from fumehood_tools.compare.tries import count_tries, count_tries_of
from fumehood_tools.errors import BadRequest, FumehoodError, PartMissing, UnknownName
from fumehood_tools.installing import install_command
from fumehood_tools.kinds import Kind, kind_named, template_folder
from fumehood_tools.receipts import state_of
from fumehood_tools.records.labelling import Packaged, edited, label_of, name_of
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.lookup import judged_metrics, metric_named, metrics_beside
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY
from fumehood_tools.sandbox.variants import packaged_in

_SECONDS = 120
_MEMORY = 4_000_000_000


def compare_variants(
    folder: Path,
    *,
    variants: Sequence[str] | None = None,
    baseline: str = "topk",
    metric: str = QUALITY,
    setting: str | None = None,
    packaged: Mapping[str, str] | None = None,
    shelf: Shelf | None = None,
    missed: Mapping[str, Sequence[float]] | None = None,
    more_tries: int = 0,
    drawn: frozenset[int] = frozenset(),
) -> Comparison:
    """Return the comparison of a sandbox's variants with a baseline at equal L0.

    variants: the ones to show; all count for the correction. packaged: name -> sha256 of the files
    that count as baselines; these names refer to those files, whatever is in variants/ now.
    missed: variant -> L0 targets that were searched for in vain, which are not advised again.
    more_tries: verdicts beyond those of the workspace's records for which p is corrected too.
    drawn: seeds that were drawn at random, so that gaps between them are no selection.
    Raises BadRequest when there is no score of the baseline, UnknownName for a variant, metric or
    setting that does not exist, PartMissing without scipy.
    """
    shelf = shelf or Shelf(state_of(folder))
    kinds = packaged_in(folder) if packaged is None else packaged
    found = shelf.collect(folder / "results")
    # Only now, because records may declare metrics of their own.
    judged = metric_named(metric, judged_metrics())
    settings = settings_of(found)
    shown = pick_setting(list(settings), setting, folder)
    if shown is None:
        raise BadRequest(
            f"There is no score in {folder.name}. "
            f"Next: {Again().run(folder.name, [*dict.fromkeys((baseline, CONTROL))])}."
        )
    asked = {
        "variants": None if variants is None else list(variants),
        "tries": count_tries(folder.parent, shelf, packaged) + more_tries,
        "tries_here": count_tries_of(found, shown, kinds),
        "missed": {name: list(l0s) for name, l0s in (missed or {}).items()},
    }
    current = shelf.variant_files(folder / "variants")
    records = Records(folder, found, shown, current, kinds, drawn)
    return compare_records(records, baseline, judged, asked)


class Records(NamedTuple):
    """The scores of one setting of a sandbox, of which a comparison takes those that count.

    current, kinds: variant -> sha256 of its file, and of the packaged file of that name. drawn:
    seeds that were drawn at random.
    """

    folder: Path
    found: SandboxRecords
    setting: Setting
    current: Mapping[str, str]
    kinds: Packaged
    drawn: frozenset[int] = frozenset()

    def chosen(self) -> Chosen:
        """Return the scores that count."""
        return choose(self.found, self.setting, self.current, None, self.kinds)


def compare_records(
    records: Records, baseline: str, metric: Metric, asked: Mapping[str, Any]
) -> Comparison:
    """Return a comparison of these records. asked: further fields of the `Question`.

    Raises as `compare_variants` does.
    """
    folder, found, shown, current, kinds, drawn = records
    chosen = records.chosen()
    here = again(shown, list(settings_of(found)), folder)
    named = (baseline, *(asked.get("variants") or ()))
    _check_names(folder, chosen, kinds, named, here, kind_named(shown.kind))
    question = question_about(folder, found, chosen, shown, kinds, baseline, metric)
    scores = [score for some in chosen.by_label.values() for score in some]
    about = {
        "looks": count_looks(found, shown, scores, baseline, kinds),
        "warnings": _warnings(folder, chosen, current, kinds, found, baseline, here, drawn),
        "training": here.training,
        "asked_setting": here.setting,
    }
    return answered(question.model_copy(update={**about, **asked}))


def usual_comparison(
    folder: Path,
    *,
    setting: str | None = None,
    packaged: Mapping[str, str] | None = None,
    shelf: Shelf | None = None,
) -> Comparison | None:
    """Return the comparison with topk that plots and pages show; None if it is not possible."""
    try:
        return compare_variants(folder, setting=setting, packaged=packaged, shelf=shelf)
    except FumehoodError:
        return None


def _check_names(
    folder: Path,
    chosen: Chosen,
    packaged: Packaged,
    named: Sequence[str],
    here: Again,
    kind: Kind,
) -> None:
    """Raise BadRequest if only an edited file of the baseline was scored, UnknownName otherwise.

    named: the baseline, then the variants that are asked for.
    """
    baseline = named[0]
    names = {name_of(scores[0], packaged) for scores in chosen.by_label.values()}
    if baseline in packaged and baseline not in names and edited(baseline) in names:
        original = template_folder(kind) / "variants" / f"{baseline}.py"
        raise BadRequest(
            f"There is no score of the packaged {baseline} in this setting. The file that was "
            f"scored under that name has been edited, so it counts as a custom variant "
            f"({edited(baseline)!r}). Rename that file, copy {original} into variants/, then "
            f"{here.run(folder.name, [baseline])}."
        )
    for name in named:
        if name not in names:
            there = (folder / "variants" / f"{name}.py").is_file()
            call = Again().call("list_variants", folder.name)
            call = here.run(folder.name, [name]) if there else call
            hint = f"Only scored variants can be compared. Next: {call}."
            raise UnknownName("scored variant", name, names, hint)


def question_about(
    folder: Path,
    found: SandboxRecords,
    chosen: Chosen,
    shown: Setting,
    packaged: Packaged,
    baseline: str,
    metric: Metric,
) -> Question:
    """Return the question about the chosen scores; the caller adds tries and warnings."""
    scores = [score for some in chosen.by_label.values() for score in some]
    base = next(score for score in scores if name_of(score, packaged) == baseline)
    elsewhere = (
        trained_elsewhere(found, shown, baseline, packaged, base)
        if kind_of(base, packaged) == "baseline"
        else []
    )
    here, usual = schedule_of(base), usual_schedule(folder, base)
    missing = missing_seeds(found, chosen.by_label, baseline, packaged, folder.name, metric)
    return Question(
        sandbox=folder.name,
        setting=shown.name,
        metric=metric,
        beside=metrics_beside(),
        baseline=baseline,
        variants=None,
        tries=0,
        points=[scored_sae(score, packaged, metric) for score in scores],
        changes=_changes(chosen.by_label, packaged),
        warnings=[],
        left_out=[
            f"left out: {left.count} x {left.reason}" for left in (*found.damaged, *chosen.left_out)
        ],
        otherwise=otherwise(scores),
        doubts=to_be_run(doubts_about(scores, base, packaged, elsewhere, metric), usual),
        rivals=[
            Rival(
                words=one.words(here),
                training=differing(one.schedule, usual),
                setting=one.setting,
                points=[scored_sae(score, packaged, metric) for score in one.scores],
            )
            for one in elsewhere
        ],
        gone={name: some.text() for name, some in missing.items()},
        lost={name: sorted(some.gone) for name, some in missing.items() if some.gone},
        failing=[name for name, some in missing.items() if some.failed],
        few_steps=few_steps(base),
        most_l0=base.dict_size / 2,
    )


def _changes(by_label: Mapping[str, Sequence[Score]], packaged: Packaged) -> dict[str, ChangeSaid]:
    """Return variant -> what its change did: the strongest word among its levels."""
    strength = ("?", "inert", "unclear", "weak", "active")
    said: dict[str, ChangeSaid] = {}
    for label, found in changes(by_label).items():
        variant = name_of(by_label[label][0], packaged)
        now = ChangeSaid(word=found.word, parent=found.parent)
        said[variant] = max(said.get(variant, now), now, key=lambda one: strength.index(one.word))
    return said


def _warnings(
    folder: Path,
    chosen: Chosen,
    current: Mapping[str, str],
    packaged: Packaged,
    found: SandboxRecords,
    baseline: str,
    here: Again,
    drawn: frozenset[int],
) -> list[str]:
    """Return the warnings that bear on whether the numbers can be trusted."""
    outlines = [outline(scores, packaged, SPARSITY) for scores in chosen.by_label.values()]
    failed = [failure for failure in unresolved(found, packaged) if failure.control]
    controls = judge_controls(chosen.controls, failed, chosen.by_label, folder.name, here.training)
    stale = {
        reason: None
        for scores in chosen.by_label.values()
        if (reason := stale_reason(scores[0], current, packaged)) is not None
    }
    return [
        *warnings_about_trust(outlines, found, here, chosen.borrowed),
        *(controls.text().splitlines() if controls and controls.ok is False else []),
        *stale,
        *_about_baseline(chosen, packaged, baseline, here, drawn),
        *_unknown_work(chosen),
    ]


def _about_baseline(
    chosen: Chosen, packaged: Packaged, baseline: str, here: Again, drawn: frozenset[int]
) -> list[str]:
    levels = [s for s in chosen.by_label.values() if name_of(s[0], packaged) == baseline]
    said = []
    if kind_of(levels[0][0], packaged) == "custom":
        said.append(
            f"{baseline} is not a packaged baseline. How well it is built and trained is unknown, "
            "so a variant that beats it need not be good."
        )
    own = {score.seed for scores in levels for score in scores}
    if seeds := scattered(own - drawn):
        numbers = ", ".join(str(seed) for seed in seeds)
        said.append(
            f"The seeds of {baseline} are {numbers}. If they were selected, the verdicts are "
            f"biased. Call run_variants with the seeds in between{here.with_training}."
        )
    return said


def _unknown_work(chosen: Chosen) -> list[str]:
    scores = [score for some in chosen.by_label.values() for score in some]
    unknown = sum(score.work is None for score in scores)
    if not unknown:
        return []
    return [
        f"The training cost of {unknown} of {len(scores)} SAEs is unknown (older records). "
        "Verdicts on them may not be at equal work."
    ]


def _l0(score: Score, metric: Metric) -> float:
    """Return L0 on the rows on which a metric is measured: all, loss rows, or probing texts."""
    own, checked = score.metrics[SPARSITY], score.integrity
    if checked is None:
        return own
    found = {"loss": checked.l0_loss, "probing": checked.l0_probing}.get(metric.rows)
    return own if found is None else found


def scored_sae(score: Score, packaged: Packaged, metric: Metric) -> ScoredSae:
    """Return the point of a score. Its L0 is that on the rows on which the metric is measured."""
    metrics, checked = dict(score.metrics), score.integrity
    for key in {m.at_noise for m in judged_metrics() if m.at_noise}:
        if (value := getattr(checked, key, None)) is not None:
            metrics[key] = value
    return ScoredSae(
        variant=name_of(score, packaged),
        label=label_of(score, packaged),
        parameters=score.parameters,
        knob=score.knob,
        kind=kind_of(score, packaged),
        seed=score.seed,
        l0=_l0(score, metric),
        values=metrics,
        seconds=score.cost.train_seconds + score.cost.score_seconds,
        work=score.work.spent if score.work else None,
        weights=score.integrity.parameter_ratio if score.integrity else None,
        weights_sha256=score.provenance.weights_sha256,
        trained_here=score.work is None or score.work.trained_here,
        nonlinear=checked is not None and checked.decoder == "nonlinear",
        scored_at_noise=checked.scored_at_noise if checked else 0.0,
    )


def answered(question: Question) -> Comparison:
    """Have a child process compute the comparison.

    Raises BadRequest if no point of the baseline has the metric, PartMissing without scipy.
    """
    metric, base = question.metric.key, question.baseline
    if not any(metric in point.values for point in question.points if point.variant == base):
        raise BadRequest(f"{metric} was not measured for {base}. Choose another metric.")
    return Comparison.model_validate_json(_ask(question))


def power_of(asked: PowerAsked) -> PowerFound:
    """Have a child process compute what an experiment can detect. Raises PartMissing."""
    return PowerFound.model_validate_json(_ask(asked))


def tests_of(asked: PairsAsked) -> PairsFound:
    """Have a child process test paired differences. Raises PartMissing."""
    return PairsFound.model_validate_json(_ask(asked))


def _ask(asked: Question | PowerAsked | PairsAsked) -> str:
    missing = PartMissing("scipy", install_command("sae"), "it does the statistics")
    task = ChildTask(
        doing="Comparing",
        remedy="read_benchmarks still gives the numbers.",
        seconds=_SECONDS,
        memory=_MEMORY,
        missing={"scipy": missing},
    )
    return ask_once("fumehood_tools.compare", asked.model_dump(mode="json"), task).decode()
