"""Report the progress of a harvest as JSON lines, at most four per second."""

import json
import time
from collections.abc import Callable
from typing import Any, TextIO

_EVERY_S = 0.25


class Reporter:
    """Writes one JSON object per line. `clock` returns seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._last = -_EVERY_S

    def say(self, content: dict[str, Any]) -> None:
        """Write one line at once."""
        self._stream.write(json.dumps(content, ensure_ascii=False) + "\n")
        self._stream.flush()

    def note(self, phase: str, message: str) -> None:
        """Report a step without a rate: loading, tokenizing, waiting."""
        self.say(_line(0, 0, phase, message, None, None))

    def phase(self, name: str, total: int, done: int = 0) -> "Phase":
        """Return a token counter for one phase. `done` tokens are finished already."""
        return Phase(self, name, total, done)

    def due(self) -> bool:
        """Return True if it is time for another line, and assume that the caller writes it."""
        now = self._clock()
        if now - self._last < _EVERY_S:
            return False
        self._last = now
        return True

    @property
    def clock(self) -> Callable[[], float]:
        """The clock that this reporter uses."""
        return self._clock


class Phase:
    """Counts the tokens of one phase; reports the rate and the remaining seconds."""

    def __init__(self, reporter: Reporter, name: str, total: int, done: int) -> None:
        self._reporter, self._name, self._total = reporter, name, total
        self._done = self._kept = done
        self._started = reporter.clock()

    def advance(self, tokens: int, message: str = "") -> None:
        """Count processed tokens; write a line if one is due or the phase is complete."""
        self._done += tokens
        if self._reporter.due() or self._done >= self._total:
            seconds = max(self._reporter.clock() - self._started, 1e-9)
            rate = (self._done - self._kept) / seconds
            eta = max(0.0, self._total - self._done) / rate if rate else None
            text = message or f"{self._done:,} of {self._total:,} tokens"
            self._reporter.say(_line(self._done, self._total, self._name, text, rate, eta))


def _line(
    done: float, total: float, phase: str, message: str, rate: float | None, eta: float | None
) -> dict[str, Any]:
    return {
        "progress": {
            "done": done,
            "total": total,
            "phase": phase,
            "message": message,
            "rate": None if rate is None else round(rate, 1),
            "rate_unit": None if rate is None else "tok/s",
            "eta_seconds": None if eta is None else round(eta, 1),
        }
    }
