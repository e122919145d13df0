"""Identify processes reliably, check whether they are alive, and kill a job's whole process tree.

A process is identified by (pid, born), where born is the time between boot and its start, in
seconds. Unlike a wall-clock start time, it does not change when the clock is set; unlike a pid
alone, the pair is never reused.
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
"""Seconds. The kernel reports the boot time in whole seconds, and its rounding may vary."""


GONE_SECONDS = 0.7
"""How long to wait for killed processes in each of three rounds."""


class Identity(NamedTuple):
    """The identity of one process, which is never reused."""

    pid: int
    born: float


def identify(pid: int) -> Identity | None:
    """Return the identity of a running process; None if it does not exist or is a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, process.create_time() - psutil.boot_time())
    except psutil.Error:
        return None


def is_alive(who: Identity) -> bool:
    """Return whether this process, and not a later one with its pid, is still running."""
    now = identify(who.pid)
    return now is not None and abs(now.born - who.born) < BORN_TOLERANCE


@functools.cache
def machine() -> str:
    """Return an id of our pid namespace: this boot of this machine or container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return os.uname().nodename


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a process group. A group that no longer exists is not an error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def adopt_orphans() -> None:
    """Make orphaned descendants our children instead of init's (subreaper). Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def family() -> list[psutil.Process]:
    """Return our descendants, except for supervisors of other jobs and their descendants.

    Complete after adopt_orphans (Linux). On other systems, orphaned descendants are missing.
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
    """Kill a job's processes: the worker's group, those with the job's id, and those in `also`.

    The job's id is in the environment of its processes. Waits about two seconds at most until they
    are gone, so that the next job finds memory and GPU free. A process that has left the group and
    the process tree and has cleared its environment is not found.
    """
    # If another process has this pid now, the process group is no longer ours.
    if leader is not None and (is_alive(leader) or not psutil.pid_exists(leader.pid)):
        signal_group(leader.pid, signal.SIGKILL)
    victims = list(also)
    for _ in range(3):  # a process may start another one during the search
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
