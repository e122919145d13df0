"""Compare the variants of a sandbox. Light: records are read here, a child does the arithmetic.

Costs some ms per record and 2 s for the child (scipy, statsmodels). Writes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fumehood_tools.bench.collect import Found, choose, settings_of
from fumehood_tools.bench.labelling import label_of
from fumehood_tools.bench.records import Failure, Score
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import pick_setting
from fumehood_tools.bench.table_rows import kind_of
from fumehood_tools.bench.verdicts import verdicts
from fumehood_tools.compare.question import Point, Question
from fumehood_tools.compare.report import Comparison, Metric
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
    chosen = choose(found, shown, shelf.variant_files(folder / "variants"), None)
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
        changes={name: found.word for name, found in verdicts(chosen.by_label).items()},
        left_out=[f"left out: {left.count} x {left.reason}" for left in chosen.left_out],
    )
    if not any(metric in point.values for point in question.points if point.variant == baseline):
        raise BadRequest(f"{metric} of {baseline} was not measured. Choose another metric.")
    return Comparison.model_validate_json(_ask(question))


def count_tries(sandboxes: Path, shelf: Shelf, packaged: Mapping[str, str]) -> int:
    """Return how many variants were tried in a workspace: every version of every file that ran.

    Scored or failed, current or not, in any sandbox; also what the ledger knows and is deleted.
    Packaged baselines and controls are none.
    """
    tried: set[tuple[str, str, str]] = set()
    for results in sorted(sandboxes.glob("*/results")):
        found = shelf.collect(results)
        tried |= set(_versions(results.parent.name, found, packaged))
    return len(tried)


def _versions(
    sandbox: str, found: Found, packaged: Mapping[str, str]
) -> Iterable[tuple[str, str, str]]:
    names = set()
    records: list[Score | Failure] = [*found.scores.values(), *found.failures.values()]
    for record in records:
        names.add(record.variant)
        if record.control is None and packaged.get(record.variant) != record.file_version:
            yield sandbox, record.variant, record.file_version
    for place in found.deleted:
        variant = place.split("/")[1]
        if variant not in names and variant not in packaged:
            yield sandbox, variant, ""


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
