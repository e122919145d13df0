"""Whether a conclusion that calls itself registered is what its plan foresaw.

Decided by the order of the ledger and by the plan alone, so a stranger decides the same.
"""

from collections.abc import Callable, Iterator

from fumehood_tools.receipts import results_of
from fumehood_tools.records.labelling import file_of
from fumehood_tools.studies.entries import SEEDS_CHOSEN, Claim, Conclusion, Plan

PositionOf = Callable[[str], int | None]
"""Place -> position of its receipt in the ledger; None if it has none."""


def unforeseen(
    content: Conclusion, plan: Plan, planned: int | None, written: PositionOf
) -> list[str]:
    """Return why a conclusion is exploratory although it says otherwise.

    planned: position of the plan's receipt. Scores of the baseline may be older than the plan.
    """
    found = [why for claim in content.claims for why in _of_claim(claim, plan, planned, written)]
    return found if plan.seeds_drawn else [*found, SEEDS_CHOSEN]


def variant_of(label: str) -> str:
    """Return the name of the file in variants/ of a label: topk for topk(K=64)."""
    return file_of(label.partition("(")[0]).strip()


def _of_claim(claim: Claim, plan: Plan, planned: int | None, written: PositionOf) -> Iterator[str]:
    name = variant_of(claim.variant)
    if name not in {one.name for one in plan.variants}:
        yield f"the plan does not name {claim.variant}"
    if more := sorted(set(claim.seeds) - set(plan.seeds)):
        yield f"seed {more[0]} of {claim.variant} is not in the plan"
    for place in claim.receipts:
        if not place.startswith(f"{results_of(plan.sandbox)}/"):
            yield f"{place} is not in the plan's sandbox {plan.sandbox}"
        at = written(place)
        if f"/results/{name}/" in place and at is not None and (planned is None or at < planned):
            yield f"the ledger has {place} before the plan"
