"""Run a benchmark as the product's own heavy processes run."""

import os
import sys

from fumehood_tools.child_tuning import HEAVY_WORK


def settle() -> None:
    """Start this program again in the environment of heavy work, unless it is in it already."""
    if any(os.environ.get(name) != value for name, value in HEAVY_WORK.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **HEAVY_WORK})


def plain_environment() -> dict[str, str]:
    """Return the environment without it: what a peer's user has."""
    return {name: value for name, value in os.environ.items() if name not in HEAVY_WORK}
