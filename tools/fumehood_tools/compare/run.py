"""Compare the variants of a sandbox. Light: records are read here, a child does the arithmetic.

Costs some ms per record and 2 s for the child (scipy, statsmodels). Writes nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fumehood_tools.bench.collect import Chosen, Found, choose, settings_of, unresolved
from fumehood_tools.bench.controls import judge_controls
from fumehood_tools.bench.labelling import label_of
from fumehood_tools.bench.records import Score
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import pick_setting
from fumehood_tools.bench.table_notes import warnings_about_trust
from fumehood_tools.bench.table_rows import kind_of, outline, stale_reason
from fumehood_tools.bench.verdicts import verdicts
from fumehood_tools.compare.question import Point, Question
from fumehood_tools.compare.report import Comparison, Metric
from fumehood_tools.compare.tries import count_tries
from fumehood_tools.errors import BadRequest, PartMissing, UnknownName
from fumehood_tools.receipts import state_of
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.side_process import ask_side_process

_SECONDS = 120


def compare_variants(
    folder: Path,
    *,
    variants: Sequence[str] | None = None,
    baseline: str = "topk",
    metric: Metric = "explained_variance",
    setting: str | None = None,
    packaged: Mapping[str, str] | None = None,
    shelf: Shelf | None = None,
) -> Comparison:
    """Return which variants of the sandbox in folder differ from a baseline at equal L0.

    variants: which to show; all count for the correction. packaged: name -> sha256 of the files
    that count as baselines. Raises BadRequest when there is no score of the baseline, UnknownName
    for a variant or setting that does not exist, PartMissing without statsmodels.
    """
    shelf = shelf or Shelf(state_of(folder))
    kinds = packaged_variants() if packaged is None else packaged
    found = shelf.collect(folder / "results")
    settings = settings_of(found)
    shown = pick_setting(list(settings), setting)
    if shown is None:
        raise BadRequest(f"No score in {folder.name}. Next: run_variants, with {baseline}.")
    current = shelf.variant_files(folder / "variants")
    chosen = choose(found, shown, current, None)
    scores = [score for some in chosen.by_label.values() for score in some]
    names = {score.variant for score in scores}
    for name in (baseline, *(variants or ())):
        if name not in names:
            hint = f"Only variants with a score can be compared: run_variants with {name!r} first."
            raise UnknownName("scored variant", name, names, hint)
    question = Question(
        sandbox=folder.name,
        setting=shown.name,
        metric=metric,
        baseline=baseline,
        variants=None if variants is None else list(variants),
        tries=count_tries(folder.parent, shelf, kinds),
        points=[_point(score, kinds) for score in scores],
        changes=_changes(chosen.by_label),
        warnings=_warnings(chosen, current, kinds, found),
        left_out=[
            f"left out: {left.count} x {left.reason}" for left in (*found.damaged, *chosen.left_out)
        ],
    )
    if not any(metric in point.values for point in question.points if point.variant == baseline):
        raise BadRequest(f"{metric} of {baseline} was not measured. Choose another metric.")
    return Comparison.model_validate_json(_ask(question))


def _changes(by_label: Mapping[str, Sequence[Score]]) -> dict[str, str]:
    """Return variant -> the strongest of what is said of its levels."""
    strength = ("?", "inert", "weak", "active")
    said: dict[str, str] = {}
    for label, found in verdicts(by_label).items():
        variant = by_label[label][0].variant
        said[variant] = max(said.get(variant, "?"), found.word, key=strength.index)
    return said


def _warnings(
    chosen: Chosen, current: Mapping[str, str], packaged: Mapping[str, str], found: Found
) -> list[str]:
    """Return what must be known before the numbers are believed."""
    outlines = [outline(scores, packaged, "l0") for scores in chosen.by_label.values()]
    failed = [failure for failure in unresolved(found) if failure.control]
    controls = judge_controls(chosen.controls, failed, chosen.by_label)
    stale = {
        reason: None
        for scores in chosen.by_label.values()
        if (reason := stale_reason(scores[0], current)) is not None
    }
    return [
        *warnings_about_trust(outlines, found),
        *(controls.text().splitlines() if controls and controls.ok is False else []),
        *stale,
    ]


def _point(score: Score, packaged: Mapping[str, str]) -> Point:
    metrics = score.metrics.model_dump(exclude_none=True)
    return Point(
        variant=score.variant,
        label=label_of(score),
        kind=kind_of(score, packaged),
        seed=score.seed,
        l0=score.metrics.l0,
        values=metrics,
        seconds=score.cost.train_seconds + score.cost.score_seconds,
    )


def _ask(question: Question) -> str:
    missing = PartMissing("statsmodels", 'pip install "fumehood[sae]"', "it does the statistics")
    return ask_side_process(
        "fumehood_tools.compare",
        question.model_dump_json(),
        seconds=_SECONDS,
        missing={"scipy": missing, "statsmodels": missing},
        what="Comparing",
        instead="read_benchmarks still gives the numbers.",
    )
