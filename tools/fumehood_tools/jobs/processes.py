"""Processes by identity, not by number: who is alive, and how to end a job with all it started.

A process is (pid, born), born being seconds between boot and its start: unlike a wall-clock start
time it does not move when the clock is set, and unlike a pid it is not used twice.
"""

import contextlib
import ctypes
import functools
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil

JOB_ID = "FUMEHOOD_JOB_ID"
JOB_FOLDER = "FUMEHOOD_JOB_DIR"
SUPERVISES = "FUMEHOOD_SUPERVISES"

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

BORN_TOLERANCE = 1.5
"""Seconds. The kernel tells the boot time in whole seconds, rounded anew at each question."""


GONE_SECONDS = 0.7
"""How long killed processes are waited for, each of three times."""


class Identity(NamedTuple):
    """One process, for ever."""

    pid: int
    born: float


def identify(pid: int) -> Identity | None:
    """Return the identity of a running process; None when there is none or it is a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, process.create_time() - psutil.boot_time())
    except psutil.Error:
        return None


def is_alive(who: Identity) -> bool:
    """Tell whether this very process still runs."""
    now = identify(who.pid)
    return now is not None and abs(now.born - who.born) < BORN_TOLERANCE


@functools.cache
def machine() -> str:
    """Return a word for the set of pids we can see: this boot of this machine or container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return os.uname().nodename


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a process group; a group that is gone is not an error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def adopt_orphans() -> None:
    """Make what our descendants leave behind our children, not init's. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def family() -> list[psutil.Process]:
    """Return our descendants, but for supervisors of other jobs and what is theirs.

    After adopt_orphans this misses nothing; elsewhere it misses those whose parent has ended.
    """
    others: set[int] = set()
    ours = []
    for process in psutil.Process().children(recursive=True):  # parents before children
        with contextlib.suppress(psutil.NoSuchProcess):
            if SUPERVISES in _environment(process) or process.ppid() in others:
                others.add(process.pid)
            else:
                ours.append(process)
    return ours


def kill_job(job_id: str, leader: Identity | None, also: Iterable[psutil.Process] = ()) -> None:
    """Kill the group of a job's worker, what carries the job's id, and the processes in `also`.

    Waits at most two seconds for them to be gone, so that the next job finds memory and GPU free.
    Not found: a process that left the group, the tree and its environment behind.
    """
    # A number that someone else leads by now is not our group any more.
    if leader is not None and (is_alive(leader) or not psutil.pid_exists(leader.pid)):
        signal_group(leader.pid, signal.SIGKILL)
    victims = list(also)
    for _ in range(3):  # it may start another while we look
        bearers = _bearers(job_id)
        if not bearers and not victims:
            break
        victims += bearers
        for process in victims:
            with contextlib.suppress(psutil.Error):
                process.kill()
        _, victims = psutil.wait_procs(victims, timeout=GONE_SECONDS)


def _bearers(job_id: str) -> list[psutil.Process]:
    bearers = []
    for process in psutil.process_iter():
        environment = _environment(process)
        if environment.get(JOB_ID) == job_id and SUPERVISES not in environment:
            bearers.append(process)
    return bearers


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}
