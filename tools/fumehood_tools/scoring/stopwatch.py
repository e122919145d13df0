"""Measure the time of each stage of a scoring."""

import contextlib
import time
from collections.abc import Iterator


class Stopwatch:
    """Adds up seconds by the name of a stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.monotonic()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the seconds of the `with` block to this stage."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - begun

    @property
    def total(self) -> float:
        """Seconds since this object was made."""
        return time.monotonic() - self._started
