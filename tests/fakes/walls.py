"""The levels that have walls on this machine, and calls to the kernel that a child tries there."""

from collections.abc import Callable, Mapping

import pytest

from fumehood_tools.glass import ChildOutcome, GlassLevel, available_levels

Run = Callable[..., ChildOutcome]
WALLED = [level for level in available_levels() if level in ("bubblewrap", "landlock")]
every_wall = pytest.mark.parametrize(
    "level",
    WALLED or [pytest.param("rlimits", marks=pytest.mark.skip("needs Landlock or bubblewrap"))],
)
# `c` raises the error of a function of the C library.
_TRYING = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def c(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def tried(what, call):
    try: call()
    except OSError as error: print(what, error.errno, sep=': ')
    else: print(what, 'allowed', sep=': ')
"""


def answers(
    run: Run,
    level: GlassLevel,
    calls: Mapping[str, str],
    prelude: str,
    numbers: Mapping[str, int | None],
) -> dict[str, str]:
    """Make the calls in a child; map the name of each to "allowed" or its error number.

    prelude: code that runs before them. numbers: of system calls, for the names in braces.
    """
    lines = [f"tried({what!r}, lambda: {code.format(**numbers)})" for what, code in calls.items()]
    outcome = run("\n".join([_TRYING, prelude, *lines]), level)
    assert outcome.exit_code == 0, outcome.output_tail
    found = (line.rpartition(": ") for line in outcome.output_tail.splitlines())
    return {what: said for what, _, said in found}
