"""Turn scored points into claims: the comparison's word, read as an answer to a plan.

The statistics are those of `compare`: equal L0, pairs of seeds, the noise floor, the correction for
all tries. The plan's smallest effect is the margin, and alpha is divided by its number of looks.
Every claim of a study is made here, on whatever data the points were measured. Light: a child
process does the arithmetic, which takes about 2 s.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.compare import Comparison, answered
from fumehood_tools.compare.question import Question, ScoredSae
from fumehood_tools.compare.report import Compared, Word
from fumehood_tools.records.labelling import Packaged, edited
from fumehood_tools.registry.lookup import judged_metrics, metric_named, metrics_beside
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.studies.entries import Claim, Direction, Plan, PlannedVariant, Verdict
from fumehood_tools.studies.stopping import NOTHING_STOPPED, Stopped

_INERT: Verdict = "inert"
_OPPOSITE: dict[Direction, tuple[Word, ...]] = {
    "better": ("worse", "equal"),
    "worse": ("better", "equal"),
    "equal": ("better", "worse"),
}


class Judged(NamedTuple):
    """The claims about the variants of a plan, in its order, and the comparison behind them."""

    claims: list[Claim]
    comparison: Comparison


class Aim(NamedTuple):
    """What a claim is held against. smallest: in units of the metric; sign: 1 if more is better."""

    direction: Direction
    smallest: float
    sign: int


def metric_of(plan: Plan) -> Metric:
    """Return the metric of a plan, with its smallest effect as the margin. Raises UnknownName."""
    if plan.own is not None:
        own, margin = plan.own, plan.smallest_effect
        return Metric(plan.metric, plan.metric, better=own.better, margin=margin)
    metric = metric_named(plan.metric, judged_metrics())
    return metric._replace(margin=plan.smallest_effect)


def aim_of(plan: Plan) -> Aim:
    """Return what the claims of a plan are held against. Raises UnknownName."""
    return Aim(plan.direction, plan.smallest_effect, metric_of(plan).sign)


def shown_name(variant: PlannedVariant, kinds: Packaged) -> str:
    """Return the name of a planned file in comparisons: an edited topk.py is "topk (edited)"."""
    taken = variant.name in kinds and not variant.packaged
    return edited(variant.name) if taken else variant.name


def claims_about(
    points: Sequence[ScoredSae],
    plan: Plan,
    *,
    tries: int,
    receipts: Mapping[str, Sequence[str]] | None = None,
    incomplete: Mapping[str, str] | None = None,
    sandbox: str | None = None,
    setting: str = "",
    stopped: Stopped = NOTHING_STOPPED,
) -> Judged:
    """Compare the points of a plan's variants with those of its baseline, and return the claims.

    points: one per SAE, of variants and baseline together, under the names that they have in the
    plan. tries: what p values are corrected for. receipts: variant -> places of its scores.
    incomplete: variant -> why it cannot be decided. setting: the data that they were measured on.
    stopped: trainings for which p is corrected.

    Raises BadRequest if no point of the baseline has the metric, PartMissing without scipy.
    """
    metric = metric_of(plan)
    question = Question(
        sandbox=sandbox or plan.sandbox,
        setting=setting,
        metric=metric,
        beside=tuple(one for one in metrics_beside() if one.key != metric.key),
        baseline=plan.baseline.name,
        variants=[one.name for one in plan.variants],
        tries=tries,
        points=list(points),
        changes={},
        warnings=[],
        left_out=[],
        planned_looks=plan.looks,
        stops=sum(stopped.files.values()),
        times_for_stops=stopped.times,
    )
    found = answered(question)
    rows = {row.variant: row for row in found.rows}
    seeds = {name: sorted({p.seed for p in points if p.variant == name}) for name in rows}
    claims = [
        claim_of(
            one.name,
            rows.get(one.name),
            aim_of(plan),
            seeds=seeds.get(one.name, []),
            receipts=(receipts or {}).get(one.name, ()),
            incomplete=(incomplete or {}).get(one.name),
        )
        for one in plan.variants
    ]
    return Judged(claims, found)


def claim_of(
    name: str,
    row: Compared | None,
    aim: Aim,
    *,
    seeds: Sequence[int] = (),
    receipts: Sequence[str] = (),
    incomplete: str | None = None,
) -> Claim:
    """Return the claim about one variant. row: None if nothing of it can be compared."""
    verdict, reason = _verdict(row, aim)
    if incomplete is not None:
        verdict, reason = "inconclusive", incomplete
    effect = row.effect if row else None
    return Claim(
        variant=name,
        verdict=verdict,
        reason=reason,
        compared=row.verdict if row else "not comparable",
        effect=effect and effect.mean,
        low=effect and effect.low,
        high=effect and effect.high,
        p=row and row.p,
        p_adjusted=row and row.p_adjusted,
        seeds=list(seeds),
        receipts=list(receipts),
    )


def _verdict(row: Compared | None, aim: Aim) -> tuple[Verdict, str]:
    """Return the verdict that the word of a comparison means for a plan, with the reason."""
    if row is None:
        return "inconclusive", "It has no score that can be compared."
    if row.verdict == "identical":
        return _INERT, f"{_sentence(row.reason)} Its change did nothing."
    if row.change == _INERT:
        return _INERT, f"Its change from {row.parent} did nothing that can be measured."
    said = _sentence(f"{row.verdict}: {row.reason}")
    if row.verdict in _OPPOSITE[aim.direction]:
        return "refuted", said
    if row.verdict != aim.direction:
        return "inconclusive", said
    if aim.direction != "equal" and row.effect and abs(row.effect.mean) < aim.smallest:
        few = f"The mean is below the smallest effect of interest, {aim.smallest:g}."
        return "inconclusive", f"{said} {few}"
    return "supported", said


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
