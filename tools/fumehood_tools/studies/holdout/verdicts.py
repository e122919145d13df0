"""Turn scores elsewhere (a holdout, another layer, another subject) into claims. Light.

The claims are those of `claims.claims_about`, by the plan's own metric, direction and smallest
effect. On a holdout a second metric is judged, which is shown nowhere else; a variant that is
better by the plan's metric and worse by this one is not supported.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.compare import scored_sae
from fumehood_tools.compare.question import ScoredSae
from fumehood_tools.kinds import kind_named
from fumehood_tools.records.labelling import Packaged
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.lookup import judged_metrics, metric_named
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.studies.claims import claims_about
from fumehood_tools.studies.entries import Claim, Plan
from fumehood_tools.studies.holdout.measuring import Measured
from fumehood_tools.studies.holdout.standing import PlannedScore, Standing
from fumehood_tools.studies.stopping import NOTHING_STOPPED, Stopped

HELD_BACK = "explained_variance_worst"
"""The held-back metric, as the scorer calls it (scoring/held_back.py)."""
_DIGITS = 4


class HoldoutClaims(NamedTuple):
    """The claims on a holdout, and those by the held-back metric."""

    claims: list[Claim]
    held_back: list[Claim]


def claims_on_holdout(
    plan: Plan, found: Sequence[Measured], tries: int, lacking: Mapping[str, str]
) -> HoldoutClaims:
    """Return the claims about a plan's variants on the holdout. tries: p is corrected for them.

    lacking: variant -> planned scores that are missing, so that it cannot be decided.

    Raises BadRequest if the baseline was not measured, PartMissing without scipy.
    """
    incomplete = {**lacking, **_incomplete(plan, found)}
    receipts = _receipts([one.planned for one in found], plan)
    metric = metric_named(plan.metric, judged_metrics())
    measured = [one for one in found if one.score is not None]
    points = [
        _named(scored_sae(one.score, _packaged(one.score), metric), one.planned)
        for one in measured
        if one.score is not None
    ]
    # An answer is one look: p is corrected for all that may be asked (`tries`), not for the looks
    # at the plan's own scores.
    plan = plan.model_copy(update={"looks": 1})
    own = claims_about(points, plan, tries=tries, receipts=receipts, incomplete=incomplete).claims
    # The judge knows registered metrics only, and this one is kept out of the registry so that no
    # table has it. It is a share of the same variance as QUALITY, so it is judged as QUALITY.
    worst = [_worst(point, one) for point, one in zip(points, measured, strict=True)]
    smallest = plan.smallest_effect if plan.metric == QUALITY else _margin()
    other = plan.model_copy(
        update={"metric": QUALITY, "direction": "better", "smallest_effect": smallest}
    )
    held_back = claims_about(
        worst, other, tries=tries, receipts=receipts, incomplete=incomplete
    ).claims
    by_name = {claim.variant: claim for claim in held_back}
    claims = [_agreed(claim, by_name[claim.variant], plan) for claim in own]
    return HoldoutClaims(
        [_coarse(claim) for claim in claims], [_coarse(claim) for claim in held_back]
    )


def _packaged(score: Score) -> Packaged:
    """Return the files that count as baselines among scores of this one's kind."""
    return packaged_variants(kind_named(score.kind))


def claims_elsewhere(
    plan: Plan,
    standing: Standing,
    failed: Mapping[str, str],
    tries: int,
    stopped: Stopped = NOTHING_STOPPED,
) -> list[Claim]:
    """Return the claims about a plan's variants on another layer or subject, from its scores.

    failed: variant -> why it has no scores there. stopped: trainings for which p is corrected. What
    is not supported is "lost on transfer".
    """
    metric = metric_named(plan.metric, judged_metrics())
    points = [
        _named(scored_sae(one.score, _packaged(one.score), metric), one) for one in standing.all
    ]
    found = claims_about(
        points,
        plan.model_copy(update={"looks": 1}),
        tries=tries,
        receipts=_receipts(standing.all, plan),
        incomplete=failed,
        setting=standing.setting,
        stopped=stopped,
    )
    return [_transferred(claim) for claim in found.claims]


def _named(point: ScoredSae, planned: PlannedScore) -> ScoredSae:
    return point.model_copy(update={"variant": planned.name, "label": planned.label})


def _worst(point: ScoredSae, measured: Measured) -> ScoredSae:
    value = measured.held_back[HELD_BACK]
    at_noise = metric_named(QUALITY, judged_metrics()).at_noise
    l0 = point.l0 if measured.score is None else measured.score.metrics[SPARSITY]
    return point.model_copy(update={"values": {QUALITY: value, at_noise: value}, "l0": l0})


def _margin() -> float:
    return metric_named(QUALITY, judged_metrics()).margin or 0.0


def _incomplete(plan: Plan, found: Sequence[Measured]) -> dict[str, str]:
    """Return variant -> the checks that its SAEs failed on the holdout."""
    said: dict[str, str] = {}
    for one in found:
        if one.failed is not None and one.planned.name != plan.baseline.name:
            said[one.planned.name] = (
                f"seed {one.planned.score.seed} failed the check {one.failed} on the holdout"
            )
    return said


def _receipts(scores: Sequence[PlannedScore], plan: Plan) -> dict[str, list[str]]:
    names = {one.name for one in plan.variants}
    found: dict[str, list[str]] = {name: [] for name in names}
    for one in scores:
        for name in names if one.name == plan.baseline.name else {one.name}:
            found[name].append(one.place)
    return found


def _agreed(claim: Claim, held_back: Claim, plan: Plan) -> Claim:
    """Return the claim; inconclusive if the held-back metric contradicts a gain."""
    is_gain = claim.verdict == "supported" and plan.direction == "better"
    if not is_gain or held_back.compared != "worse":
        return claim
    reason = (
        "better by the plan's metric, but worse in the worst tenth of the holdout's passages, "
        f"which the plan did not show: {claim.reason}"
    )
    return claim.model_copy(update={"verdict": "inconclusive", "reason": reason})


def _coarse(claim: Claim) -> Claim:
    """Return a claim whose numbers have four digits: enough to read, too few to tune by."""
    update = {
        field: None if (value := getattr(claim, field)) is None else round(value, _DIGITS)
        for field in ("effect", "low", "high")
    }
    return claim.model_copy(update=update)


def _transferred(claim: Claim) -> Claim:
    if claim.verdict == "supported":
        return claim
    reason = f"{claim.verdict} there: {claim.reason}"
    return claim.model_copy(update={"verdict": "lost on transfer", "reason": reason})
