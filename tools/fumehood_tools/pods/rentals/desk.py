"""Everything that renting needs: the provider, the journal, the clock, and a lock per rental."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fumehood_tools.errors import StorageFailed
from fumehood_tools.locking import exclusive
from fumehood_tools.pods.api import Pod, PodAPI
from fumehood_tools.pods.rentals.clock import Clock, MachineClock
from fumehood_tools.pods.rentals.failures import RentalBusy
from fumehood_tools.pods.rentals.journal import Journal
from fumehood_tools.pods.rentals.model import Rental
from fumehood_tools.pods.rentals.names import owner_of, parse_name

LOCK_SECONDS = 300.0
"""Longer than a create request with all its repetitions takes."""


def _nobody() -> None:
    """Start no reaper."""


@dataclass(frozen=True)
class Desk:
    """The rentals of one workspace. Threads may share it.

    watch: called before each create request; starts the detached reaper.
    """

    state: Path
    api: PodAPI
    journal: Journal
    clock: Clock
    watch: Callable[[], None] = _nobody

    @property
    def owner(self) -> str:
        """The part of the names of our pods by which we recognize them."""
        return self.journal.owner

    def close(self) -> None:
        """Close the journal. Nothing is ended."""
        self.journal.close()

    def is_ours(self, pod: Pod) -> bool:
        """Whether this workspace rented a pod, so that it may end it."""
        name = parse_name(pod.name)
        return name is not None and name.owner == self.owner

    def named(self, name: str) -> list[Pod]:
        """Return the pods with this name, oldest first: one, unless a lost create came through."""
        pods = [pod for pod in self.api.pods() if pod.name == name and self.is_ours(pod)]
        return sorted(pods, key=lambda pod: (str(pod.created or ""), pod.id))

    @contextlib.contextmanager
    def holding(self, rental: Rental, seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Be the only one who creates or ends the pod of a rental.

        The kernel releases the lock when its holder dies. Raises RentalBusy when somebody else has
        it for so long.
        """
        lock = self.state / "rentals" / f"{rental.intent}.lock"
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(exclusive(lock, seconds=seconds))
            except StorageFailed as error:
                raise RentalBusy(
                    f"Another process has been creating or ending the pod {rental.name} for over "
                    f"{seconds:.0f} s ({error}) Repeat the call in a minute."
                ) from error
            yield


def open_desk(
    state: Path,
    api: PodAPI,
    clock: Clock | None = None,
    watch: Callable[[], None] = _nobody,
) -> Desk:
    """Open the rentals of the workspace with this .fumehood folder. Raises StorageFailed."""
    clock = clock or MachineClock()
    return Desk(state, api, Journal(state, owner_of(state), clock), clock, watch)
