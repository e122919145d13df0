"""The state of a job, as files tell it, and who is still alive.

A job is the folder ROOT/jobs/NAME with `status.json`, `log.txt`, `work` and `out`. A process is
known by its id, its start time and the boot of its machine and container, so that the id of
another process, which got the number later, is never taken for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from typing import Any

ROOT = os.path.dirname(os.path.abspath(sys.argv[0]))
"""The folder in which the agent lies, with everything that it writes."""
JOBS = os.path.join(ROOT, "jobs")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
LIVING = ("starting", "running")


class Refused(Exception):
    """A request that the agent does not carry out; its text says why."""


def job_folder(name: str) -> str:
    """Return the folder of a job. Raises Refused for what is no name."""
    if not _NAME.fullmatch(name):
        raise Refused("the name of a job is made of a-z, 0-9, _ and -")
    return os.path.join(JOBS, name)


def read_json(path: str) -> Any:
    """Return what a JSON file holds, None if there is none that can be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def write_json(path: str, content: Any, durable: bool = True) -> None:
    """Replace a JSON file at once. durable: also if the machine loses power. Raises OSError."""
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.rename(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def start_ticks(pid: int) -> str:
    """Return when a process started, in ticks since boot; "" if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    # A zombie has ended: whoever started it has not asked yet.
    return "" if fields[0] in ("Z", "X") else fields[19]


def boot() -> str:
    """Return what identifies this run of the machine and, in a container, of the container.

    Numbers of process-id namespaces are used again after a restart, so the start time of process 1
    belongs to it.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            machine = file.read().strip()
        return f"{machine} {os.readlink('/proc/self/ns/pid')} {start_ticks(1)}"
    except OSError:
        return ""


def is_alive(told: dict[str, Any], which: str) -> bool:
    """Whether the process that status.json calls `which` ("runner" or "pid") still runs."""
    pid, ticks = int(told.get(which) or 0), told.get(which + "_ticks")
    return bool(pid and ticks) and told.get("boot") == boot() and start_ticks(pid) == ticks


def status(folder: str) -> dict[str, Any]:
    """Return the state of a job. state "absent": it was never started.

    "lost": its runner ended without a word, with the container or by a kill. Times are seconds of
    the machine's monotonic clock, which a wrong calendar does not touch.
    """
    told = read_json(os.path.join(folder, "status.json"))
    if not isinstance(told, dict):
        told = {"state": "absent"}
    if told["state"] in LIVING:
        if is_alive(told, "runner"):
            told["beat_age_s"] = max(0.0, time.monotonic() - told["beat"])
        else:
            # It may have written its last word between our two looks.
            again = read_json(os.path.join(folder, "status.json"))
            told = again if isinstance(again, dict) else told
            if told["state"] in LIVING:
                told["state"] = "lost"
    try:
        told["log_bytes"] = os.path.getsize(os.path.join(folder, "log.txt"))
    except OSError:
        told["log_bytes"] = 0
    return told


def jobs() -> dict[str, dict[str, Any]]:
    """Return the state of every job on this machine."""
    try:
        names = [name for name in os.listdir(JOBS) if _NAME.fullmatch(name)]
    except OSError:
        return {}
    return {name: status(os.path.join(JOBS, name)) for name in sorted(names)}


def pod_environment() -> dict[str, str]:
    """Return the environment of the container, which a login by ssh does not get; {} elsewhere."""
    try:
        with open("/proc/1/environ", "rb") as file:
            pairs = [pair.partition(b"=") for pair in file.read().split(b"\0") if pair]
    except OSError:
        return {}
    found = {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
    return found if "RUNPOD_POD_ID" in found else {}
