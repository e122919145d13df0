"""A place on another machine: it is opened, used by one order at a time, and given back."""

from typing import NamedTuple, Protocol

from fumehood_tools.pods.agent import Agent
from fumehood_tools.records.scores import RentedPlace


class OpenPlace(NamedTuple):
    """A machine that can be reached.

    gpu: the number of the GPU that is its own; None: there is no other, or none at all. threads:
    of a training; 0: all cores of the machine. python: the interpreter that has torch. rented: for
    the records. host: its name in hosts.toml, where it is the user's. hidden: folders there that no
    message names.
    """

    agent: Agent
    gpu: int | None
    threads: int
    python: str
    rented: RentedPlace | None = None
    hidden: tuple[str, ...] = ()
    host: str | None = None

    def without_paths(self, text: str) -> str:
        """Return a text of the machine without its folders, because records may be shared."""
        for folder in (self.agent.root, *self.hidden):
            text = text.replace(f"{folder}/", "")
        return text

    def usd(self, seconds: float) -> float:
        """Return the price of the place for so many seconds; 0 where it is not rented."""
        if self.rented is None:
            return 0.0
        return self.rented.price_usd_per_hour * seconds / 3600


class RemotePlace(Protocol):
    """Somewhere an order can be trained. Used by one thread. Everything may block for minutes."""

    @property
    def name(self) -> str:
        """What messages and logs call it."""
        ...

    @property
    def key(self) -> str:
        """What it is called in every run: never changes, also when its machine is another one."""
        ...

    def open(self) -> OpenPlace:
        """Return the machine, ready for jobs; after a crash of ours, the same one as before.

        Raises a FumehoodError if there is none to be had.
        """
        ...

    def look(self) -> None:
        """Say that we are still here, and see that the machine is. Called every few seconds.

        Raises PlaceLost if it is gone, or has to be left now.
        """
        ...

    def release(self, why: str) -> None:
        """Give the machine back. Safe to repeat, and where nothing is open. Raises StillBilling."""
        ...
