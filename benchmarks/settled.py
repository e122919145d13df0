"""Run a benchmark with the environment of fumehood's own compute processes."""

import os
import sys

from fumehood_tools.child_tuning import HEAVY_WORK


def settle() -> None:
    """Restart this program with the environment of heavy work, unless it already has it."""
    if any(os.environ.get(name) != value for name, value in HEAVY_WORK.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **HEAVY_WORK})


def plain_environment() -> dict[str, str]:
    """Return the environment without the variables of heavy work, as a peer's user has it."""
    return {name: value for name, value in os.environ.items() if name not in HEAVY_WORK}
