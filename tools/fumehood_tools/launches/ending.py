"""End pods by name: verified, each reported, with its signed record."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from fumehood_tools.errors import FumehoodError, UnknownName
from fumehood_tools.pods.keeping import keep_record
from fumehood_tools.pods.rentals import Desk, Rental, end_all
from fumehood_tools.pods.rentals.ending import Ended
from fumehood_tools.runs.remote.renting import end_with_record
from fumehood_tools.settings import Settings

BY_HAND = "somebody asked for its end"


class EndedPod(BaseModel, frozen=True):
    """What became of a pod that was to be ended."""

    name: str
    pod_id: str | None
    ended: bool = Field(description="whether the provider confirms that it is gone")
    cost_usd: float | None
    proof: str | None
    record: str | None = Field(description="its signed record, a folder of the workspace")
    error: str | None


def end_named(desk: Desk, settings: Settings, pods: Sequence[str]) -> list[EndedPod]:
    """End pods by their ids, names or intents; one that cannot be ended keeps no other alive.

    Raises UnknownName before anything is ended, if one is not among those that are not ended.
    """
    rentals = desk.journal.rentals()
    named = {key: one for one in rentals for key in (one.pod_id, one.name, one.intent) if key}
    strays = {pod.id: pod for pod in desk.api.pods() if desk.is_ours(pod) and pod.id not in named}
    strays |= {pod.name: pod for pod in strays.values() if pod.name not in named}
    for pod in pods:
        if pod not in named and pod not in strays:
            known = [one.pod_id or one.name for one in rentals] + sorted(strays)
            raise UnknownName("pod", pod, known, "list_pods names the pods that are not ended.")
    for pod in pods:
        if (stray := strays.get(pod)) is not None and pod not in named:
            intent = stray.name.rpartition("-")[2]
            named[pod] = desk.journal.orphan(stray, intent)
    chosen = {named[pod].intent: named[pod] for pod in pods}
    return [_ended(desk, settings, rental) for rental in chosen.values()]


def end_everything(desk: Desk, settings: Settings) -> list[EndedPod]:
    """End all pods of this workspace, also those that the journal does not know."""
    return [_told(desk, settings, ended) for ended in end_all(desk, BY_HAND)]


def ended_text(done: Sequence[EndedPod]) -> str:
    """Return what became of pods as text."""
    lines = []
    for one in done:
        cost = f", ${one.cost_usd:.4f}" if one.cost_usd is not None else ""
        verdict = f"ended, verified{cost}" if one.ended else f"NOT ENDED: {one.error}"
        lines.append(f"{one.pod_id or one.name}: {verdict}")
    return "\n".join(lines) or "No pod was there to end."


def _ended(desk: Desk, settings: Settings, rental: Rental) -> EndedPod:
    try:
        return _of(end_with_record(desk, settings, rental.intent, BY_HAND))
    except FumehoodError as error:
        now = desk.journal.accrue(rental)
        return _of(now).model_copy(update={"ended": False, "error": str(error)})


def _told(desk: Desk, settings: Settings, ended: Ended) -> EndedPod:
    if ended.record is not None:
        rental = desk.journal.rental(ended.record.intent)
        keep_record(settings, rental)
        return _of(rental)
    return EndedPod(
        name=ended.name,
        pod_id=ended.pod_id,
        ended=ended.error is None,
        cost_usd=None,
        proof=None,
        record=None,
        error=None if ended.error is None else str(ended.error),
    )


def _of(rental: Rental) -> EndedPod:
    has_record = rental.is_ended and rental.pod_id is not None and rental.proof is not None
    return EndedPod(
        name=rental.name,
        pod_id=rental.pod_id,
        ended=rental.is_ended,
        cost_usd=round(rental.cost_usd, 4),
        proof=rental.proof.answer if rental.proof else None,
        record=f"rentals/{rental.intent}" if has_record else None,
        error=None,
    )
