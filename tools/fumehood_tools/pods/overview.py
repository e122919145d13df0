"""All pods of a workspace as people and agents see them: rented, kept, orphaned, ended.

What the journal knows is shown also without a key and while the provider does not answer; pods that
the journal lacks can only be found with both.
"""

from pydantic import BaseModel, Field

from fumehood_tools.errors import FumehoodError
from fumehood_tools.pods.api import Pod, PodAPI
from fumehood_tools.pods.configured import has_journal
from fumehood_tools.pods.rentals.clock import MachineClock
from fumehood_tools.pods.rentals.journal import Journal
from fumehood_tools.pods.rentals.model import Rental
from fumehood_tools.pods.rentals.names import owner_of, parse_name
from fumehood_tools.settings import Settings

MOST_ENDED = 20


class PodRow(BaseModel, frozen=True):
    """One pod."""

    name: str
    pod_id: str | None
    state: str = Field(description="orphan: the provider has it, and the journal does not")
    gpu: str | None
    job: str | None
    place: str | None = Field(description="what it is for")
    age_s: float | None = Field(description="since the create request")
    left_s: float | None = Field(description="until it is ended in any case")
    usd_per_hour: float | None
    cost_usd: float | None = Field(description="so far")
    reserved_usd: float | None = Field(description="the most that it may cost")
    why: str = Field(description="why it was ended")
    proof: str | None = Field(description="how it is known that it has ended")
    record: str | None = Field(description="its signed record, a folder of the workspace")


class PodRows(BaseModel, frozen=True):
    """The pods. problem: why orphans could not be looked for."""

    pods: list[PodRow]
    problem: str | None = None


def pods_of(settings: Settings, api: PodAPI | None, *, ended: bool = False) -> PodRows:
    """Return the pods that are not ended, or the last ones that are. api: None: journal only.

    Creates no file where nothing was ever rented.
    """
    if not has_journal(settings) and (api is None or not settings.state.is_dir()):
        return PodRows(pods=[])
    journal = Journal(settings.state, owner_of(settings.state), MachineClock())
    try:
        rentals = journal.rentals(ended=True)
        if ended:
            gone = [one for one in rentals if one.is_ended][-MOST_ENDED:]
            return PodRows(pods=[_row(journal, one, settings) for one in reversed(gone)])
        here = [journal.accrue(one) for one in rentals if not one.is_ended]
        rows = [_row(journal, one, settings) for one in here]
        problem = None
        if api is not None:
            try:
                known = {one.intent for one in rentals}
                rows += [_stray(pod) for pod in api.pods() if _is_stray(pod, journal.owner, known)]
            except FumehoodError as error:
                problem = str(error)
        return PodRows(pods=rows, problem=problem)
    finally:
        journal.close()


def cost_of(settings: Settings, job: str) -> str | None:
    """Return what the pods of a job have cost so far, in words; None if it has none."""
    if not has_journal(settings):
        return None
    journal = Journal(settings.state, owner_of(settings.state), MachineClock())
    try:
        mine = [journal.accrue(one) for one in journal.rentals(ended=True) if one.job == job]
    finally:
        journal.close()
    if not mine:
        return None
    up = sum(not one.is_ended for one in mine)
    usd = sum(one.cost_usd for one in mine)
    return f"${usd:.2f} so far on {len(mine)} pods, of which {up} are not ended"


def _row(journal: Journal, rental: Rental, settings: Settings) -> PodRow:
    age = journal.age(rental)
    record = f"rentals/{rental.intent}"
    is_kept = (settings.workspace / record).is_dir()
    knows_end = not rental.is_ended and rental.state != "orphan"
    return PodRow(
        name=rental.name,
        pod_id=rental.pod_id,
        state=rental.state,
        gpu=rental.gpu,
        job=rental.job,
        place=rental.place,
        age_s=round(age),
        left_s=round(max(0.0, rental.life_s - age)) if knows_end else None,
        usd_per_hour=round(rental.usd_per_hour, 4),
        cost_usd=round(rental.cost_usd, 4),
        reserved_usd=round(rental.reserved_usd, 4),
        why=rental.why,
        proof=rental.proof.answer if rental.proof else None,
        record=record if is_kept else None,
    )


def _is_stray(pod: Pod, owner: str, known: set[str]) -> bool:
    name = parse_name(pod.name)
    return name is not None and name.owner == owner and name.intent not in known


def _stray(pod: Pod) -> PodRow:
    return PodRow(
        name=pod.name,
        pod_id=pod.id,
        state="orphan",
        gpu=pod.gpu,
        job=None,
        place=None,
        age_s=None,
        left_s=None,
        usd_per_hour=pod.price_usd_per_hour,
        cost_usd=None,
        reserved_usd=None,
        why="",
        proof=None,
        record=None,
    )
