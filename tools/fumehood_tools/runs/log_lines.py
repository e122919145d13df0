"""The lines of a run's log: what happened when, in which phase, and to which SAE."""

from datetime import UTC, datetime


def log(phase: str, about: str, text: str) -> None:
    """Print one line: time (UTC), phase, what it is about, and what happened."""
    print(f"{datetime.now(UTC):%H:%M:%S} {phase:<7} {about}: {text}", flush=True)
