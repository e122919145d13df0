"""The children of one scoring. Each role has its own processes; encode and decode never coexist.

Starting a role ends the children of roles that must not run at the same time. So no encode child is
left that could send anything to a new decode child, and the other way round.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from fumehood_tools.errors import RunFailed
from fumehood_tools.glass import ChildLimits, Nursery
from fumehood_tools.scoring.role_child import Given, Role, RoleChild

# The largest size of weights that two encode children load, each for itself.
TWICE_UP_TO = 256 << 20
APART: dict[Role, tuple[Role, ...]] = {
    "encode": ("encode", "decode"),
    "decode": ("decode", "encode", "skip"),
    "skip": ("skip", "decode"),
}


class RoleChildren:
    """Starts and ends the children of one SAE. Use as a context manager."""

    def __init__(
        self,
        nursery: Nursery,
        given: Given,
        scratch: Path,
        limits: ChildLimits,
        decoder_seconds: int | None = None,
    ) -> None:
        """decoder_seconds: limit of processor time for each decode child; None: no such limit."""
        self.given = given
        self._nursery, self._scratch, self._limits = nursery, scratch, limits
        self._live: dict[Role, list[RoleChild]] = {}
        self._decoder_seconds = decoder_seconds
        self._started = 0
        self.decode_seconds = 0.0
        """The largest processor time of a decode child that has ended."""
        self._deadline = time.monotonic() + limits.wall_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for role in list(self._live):
            self.end(role)

    def fresh(self, role: Role) -> RoleChild:
        """End the children that must not run with this role, and start a new child for it.

        Raises RunFailed when the time limit of the whole scoring is reached.
        """
        return self._started_now(role, 1)[0]

    def encoders(self) -> Sequence[RoleChild]:
        """Return new encode children, to which requests go in turn. Raises as `fresh`.

        Two with half of the threads each are faster than one: the threads of one product wait for
        each other wherever a core also has other work, such as our own. Large weights are loaded
        once only, and where every child needs its own nursery, there is one child.
        """
        two = self._nursery.forks and self._limits.threads > 1
        small = self.given.weights.stat().st_size <= TWICE_UP_TO
        return self._started_now("encode", 2 if two and small else 1)

    def _started_now(self, role: Role, count: int) -> list[RoleChild]:
        for other in APART[role]:
            self.end(other)
        left = self._deadline - time.monotonic()
        if left <= 0:
            minutes = self._limits.wall_seconds / 60
            error = RunFailed(
                f"Scoring took more than {minutes:g} min. Make encode and decode faster, or raise "
                "limits.score_minutes in sandbox.toml."
            )
            error.limit = "wall"
            raise error
        bound = self._decoder_seconds if role == "decode" else None
        limits = self._limits.model_copy(
            update={
                "wall_seconds": left,
                "cpu_seconds": bound,
                "threads": self._limits.threads // count,
            }
        )
        live = self._live[role] = []
        for _ in range(count):
            self._started += 1
            folder = self._scratch / f"{role}-{self._started}"
            live.append(RoleChild(self._nursery, role, self.given, folder, limits))
        return live

    def get(self, role: Role) -> RoleChild:
        """Return the child with this role; start it if it is not running."""
        return self._live[role][0] if role in self._live else self.fresh(role)

    def end(self, role: Role) -> None:
        """End the children with this role, if any are running, and wait until they have ended."""
        for half in self._live.pop(role, []):
            spent = half.end()
            if role == "decode":
                self.decode_seconds = max(self.decode_seconds, spent)
