"""The ladder of a winner: the places where it was tested again, and the next one. Light.

From the synthetic subject it leads to the language model that needs no download, then to the layer
of that nearest to two thirds of its depth, and then to a larger subject: the smallest one in the
hub's cache, or one that somebody names. It ends where the winner is lost on transfer.
"""

from typing import NamedTuple

from fumehood_tools.errors import BadRequest, PartMissing, UnknownName
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.studies.entries import Plan
from fumehood_tools.studies.holdout.larger import hub_cache, larger_subjects, none_is_here
from fumehood_tools.studies.holdout.places import Spot, choose_place, tested_spots
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import Study
from fumehood_tools.studies.told import claim_in_words


class Ladder(NamedTuple):
    """The rungs so far, in words, and the call for the next one; "" if it ends here."""

    rungs: list[str]
    next: str


def ladder_of(lab: Lab, study: Study, plan: int, variant: str) -> Ladder:
    """Return the ladder of a variant of a plan. Raises UnknownName, StorageFailed."""
    _, content = study.entry(plan, Plan)
    rungs: list[str] = []
    been: list[Spot] = []
    lost = False
    for said, spot in tested_spots(lab, study):
        claim = next((one for one in said.claims if one.variant == variant), None)
        if said.plan != plan or said.asked or claim is None:
            continue
        been.append(spot)
        lost = claim.verdict != "supported"
        rungs.append(f"{len(rungs) + 1}. {spot}: {claim_in_words(claim, content.metric)}")
    call = f"promote_variant(study={study.name!r}, plan={plan}, variant={variant!r}"
    if lost or not been:
        return Ladder(rungs, "" if lost else f"{call})")
    following = _next(lab, study, been)
    if following is None:
        larger = larger_subjects(hub_cache(), been[-1].subject, lab.settings.cache)
        if not larger:
            return Ladder(rungs, f"{call}, subject=…) {none_is_here()}")
        return Ladder(rungs, f"{call}, subject={larger[0]!r})")
    return Ladder(rungs, f"{call}, subject={following.subject!r}, layer={following.layer})")


def _next(lab: Lab, study: Study, been: list[Spot]) -> Spot | None:
    """Return another layer of the newest subject; None if it has none, or two were tested."""
    last = been[-1]
    if sum(one.subject == last.subject for one in been) > 1:
        return None
    spec = SandboxSpec()
    subject = spec.subject.model_copy(update={"name": last.subject, "layer": last.layer})
    here = spec.model_copy(update={"subject": subject})
    try:
        found = choose_place(lab, study, here, avoid=[spot.word for spot in been])
    except (BadRequest, PartMissing, UnknownName):
        return None
    return found.spot if found.spot.subject == last.subject else None
