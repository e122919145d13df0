"""Pods that were rented before and are kept for runs: used first, and given back unended.

A kept pod is only taken after a look at what the last job left: a process that still runs, GPU
memory that is held or a full disk ends it, and the run rents another one instead. Only trainings
run there, whose weights are scored here, so a variant that ran before can only harm its successors'
trainings, as on any machine that variants share.
"""

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError, RunFailed, StorageFailed
from fumehood_tools.locking import exclusive
from fumehood_tools.pods.agent import Agent
from fumehood_tools.pods.rentals import Caps, Desk, Life, Rental
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.remote.hosts import BUSY_MB
from fumehood_tools.runs.remote.places import OpenPlace, RemotePlace
from fumehood_tools.runs.remote.renting import (
    HIDDEN,
    PYTHON,
    end_with_record,
    life_left,
    log_in,
    renew,
    rented_place,
)
from fumehood_tools.settings import Settings

KEPT = "kept "
"""What the places of kept pods begin with."""
FREE_BYTES = 2 << 30


def taken(desk: Desk, gpus: Sequence[str], most: int, held: contextlib.ExitStack) -> list[Rental]:
    """Return up to so many kept pods of these kinds that no other run uses, until `held` closes."""
    found: list[Rental] = []
    for rental in desk.journal.rentals():
        is_kept = rental.job is None and (rental.place or "").startswith(KEPT)
        if (
            is_kept
            and rental.gpu in gpus
            and rental.state in ("idle", "busy")
            and len(found) < most
        ):
            lock = desk.state / "rentals" / f"{rental.intent}.use.lock"
            with contextlib.suppress(StorageFailed):
                held.enter_context(exclusive(lock, seconds=0))
                found.append(rental)
    return found


class _InUse(NamedTuple):
    """The kept pod while it serves."""

    rental: Rental
    agent: Agent


class KeptPlace:
    """A kept pod, and what is rented instead once it cannot be used. See RemotePlace."""

    def __init__(
        self, desk: Desk, settings: Settings, rental: Rental, otherwise: RemotePlace
    ) -> None:
        """otherwise: the place that is opened when the kept pod is of no use."""
        self._desk, self._settings = desk, settings
        self._rental: Rental | None = rental
        self._otherwise = otherwise
        self._key = f"kept {rental.intent}"
        self._open: _InUse | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        rental = self._rental
        return self._otherwise.name if rental is None else f"pod {rental.pod_id} ({rental.gpu})"

    @property
    def key(self) -> str:
        """What it is called in every run, whichever pod serves it in the end."""
        return self._key

    def open(self) -> OpenPlace:
        """Log in to the kept pod, or rent another one. Raises what its place raises."""
        if self._rental is None:
            return self._otherwise.open()
        try:
            return self._kept(self._rental)
        except FumehoodError as error:
            log("place", self.name, f"cannot be used again: {error}")
            self._give_up(self._rental, f"it cannot be used again: {error}")
        return self._otherwise.open()

    def look(self) -> None:
        """Renew the lease until the pod's longest life, and see that it may go on."""
        if self._open is None:
            self._otherwise.look()
            return
        life = self._life_left(self._open.rental)
        renew(self._open.agent, max(1.0, life.max_s), self.name)

    def release(self, why: str) -> None:
        """Leave the pod idle for the next run, or end it if it is of no use any more."""
        used, self._open = self._open, None
        if used is None:
            self._otherwise.release(why)
            return
        try:
            _check_is_clean(used.agent)
            left = used.rental.life_s - self._desk.journal.age(used.rental)
            used.agent.renew_lease(max(1.0, left))
            self._desk.journal.move(used.rental, "idle", f"kept for later runs ({why})")
        except FumehoodError as error:
            self._give_up(used.rental, f"it cannot be used again: {error}")
        finally:
            used.agent.machine.close()

    def _kept(self, rental: Rental) -> OpenPlace:
        pod = self._desk.api.get(rental.pod_id or "")
        if pod is None or pod.state != "running" or pod.ssh is None:
            raise RunFailed("The provider does not run it any more. Another pod is rented.")
        agent = log_in(self._desk, pod, lambda: self._life_left(rental))
        try:
            _check_is_clean(agent)
            rental = self._desk.journal.move(rental, "busy", "training")
        except FumehoodError:
            agent.machine.close()
            raise
        self._open = _InUse(rental, agent)
        return OpenPlace(agent, None, 1, PYTHON, rented_place(rental, pod), HIDDEN)

    def _life_left(self, rental: Rental) -> Life:
        return life_left(self._desk, rental, Caps(), self.name)

    def _give_up(self, rental: Rental, why: str) -> None:
        """End the kept pod; from now on this place is the other one."""
        self._rental = None
        end_with_record(self._desk, self._settings, rental.intent, why)


def _check_is_clean(agent: Agent) -> None:
    """Raise RunFailed for a machine on which a job left something that harms the next one."""
    health = agent.health()
    if health.living:
        raise RunFailed(f"The job {health.living[0]} still runs there.")
    if any(used > BUSY_MB for used in health.gpu_memory_mb or ()):
        raise RunFailed(f"GPU memory is still held there: {health.gpu_memory_mb} MiB.")
    if health.free_bytes < FREE_BYTES:
        raise RunFailed(f"Its disk has only {health.free_bytes:,} bytes left.")
