"""The processes of a job: those it started, and those that they started and left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time

PR_SET_CHILD_SUBREAPER = 36
ENDING_SECONDS = 5.0


def adopt_orphans() -> None:
    """Become the parent of every process that a job leaves behind, where Linux allows it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def send(group: int, number: int) -> None:
    """Send a signal to a process group; one that has ended is no error."""
    with contextlib.suppress(OSError):
        os.killpg(group, number)


def reaped() -> dict[int, int]:
    """Return the wait status of each child that has ended since the last call."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, how = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            ended[pid] = how
    return ended


def exit_code(how: int) -> int:
    """Return the exit code of a wait status, negative for a signal."""
    return -os.WTERMSIG(how) if os.WIFSIGNALED(how) else os.WEXITSTATUS(how)


def signal_name(code: int) -> str:
    """Return a name such as "SIGSEGV" for a negative exit code."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def end_descendants() -> int:
    """Kill everything below this process, and return how many processes that were.

    One may fork while we look, so it is repeated until none is left or ENDING_SECONDS are over.
    """
    killed, end = set(), time.monotonic() + ENDING_SECONDS
    while time.monotonic() < end:
        reaped()
        alive = _descendants()
        if not alive:
            break
        for pid in alive:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        killed.update(alive)
        time.sleep(0.02)
    return len(killed)


def _descendants() -> set[int]:
    parents = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError, ValueError):
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            if fields[0] not in ("Z", "X"):
                parents[int(name)] = int(fields[1])
    found = {os.getpid()}
    while True:
        new = {pid for pid, parent in parents.items() if parent in found} - found
        if not new:
            return found - {os.getpid()}
        found |= new
