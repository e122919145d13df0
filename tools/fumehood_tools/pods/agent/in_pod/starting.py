"""Start a job once, however often and from however many sides it is asked for."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from typing import Any

from . import family, past, states
from .detaching import detach
from .measures import free_bytes, gpu_memory_mb, memory_kills
from .running import Runner

# For the last word of a job on a full disk.
RESERVE_BYTES = 64 << 10
HIDDEN = ("RUNPOD_API_KEY",)
"""What the pod's environment has and a job does not get."""


def start(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Start the job, unless it was started before, and return its state.

    spec: argv, env, folder, timeout_s, grace_s, log_bytes, purpose. The values of env are written
    nowhere. Raises Refused if the machine was used for something that excludes the purpose.
    """
    folder = states.job_folder(name)
    for part in ("work", "out"):
        os.makedirs(os.path.join(folder, part), mode=0o700, exist_ok=True)
    lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        if states.status(folder)["state"] != "absent":
            return states.status(folder)
        past.admit(str(spec.get("purpose") or "any"))
        answers = detach()
        if answers is not None:
            os.close(lock)
            _live(folder, spec, answers)
        return states.status(folder)
    finally:
        # The runner has a copy of the descriptor for a moment: closing ours would not unlock.
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def _live(folder: str, spec: dict[str, Any], answers: int) -> None:
    """Be the runner of a job until it has ended. Does not return."""
    code = 1
    try:
        family.adopt_orphans()
        told = _first_word(folder)
        process = _launch(folder, spec, told)
        states.write_json(os.path.join(folder, "status.json"), told)
        os.close(answers)
        if process is not None:
            Runner(folder, spec, told, process).run()
        code = 0
    finally:
        os._exit(code)


def _first_word(folder: str) -> dict[str, Any]:
    """Write the state before the job exists: whoever dies in between has not started it twice."""
    with open(os.path.join(folder, "reserve"), "wb") as file:
        file.write(b"\1" * RESERVE_BYTES)
    now = time.monotonic()
    told = {
        "state": "starting",
        "boot": states.boot(),
        "runner": os.getpid(),
        "runner_ticks": states.start_ticks(os.getpid()),
        "started_at": time.time(),
        "began": now,
        "beat": now,
        "oom_before": memory_kills(),
        "gpu_before_mb": gpu_memory_mb(),
        "free_before": free_bytes(folder),
    }
    states.write_json(os.path.join(folder, "status.json"), told)
    return told


def _launch(
    folder: str, spec: dict[str, Any], told: dict[str, Any]
) -> subprocess.Popen[bytes] | None:
    """Start the program of a job; None if it was cancelled already or cannot be started."""
    if os.path.exists(os.path.join(folder, "cancel")):
        told.update(state="cancelled", reason="cancelled before it began")
        return None
    place = os.path.join(states.ROOT, spec.get("folder") or os.path.join(folder, "work"))
    try:
        process = subprocess.Popen(
            spec["argv"],
            cwd=place,
            env=environment(folder, spec.get("env") or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        told.update(state="failed", exit_code=127, reason=f"cannot be started: {reason}")
        return None
    told.update(state="running", pid=process.pid, pid_ticks=states.start_ticks(process.pid))
    return process


def environment(folder: str, own: dict[str, str]) -> dict[str, str]:
    """Return the environment of a job: the container's, then the login's basics, then its own."""
    found = states.pod_environment()
    basics = ("PATH", "HOME", "LANG", "USER", "SHELL", "LD_LIBRARY_PATH")
    for name in basics:
        if name in os.environ:
            found.setdefault(name, os.environ[name])
    found.setdefault("PYTHONUNBUFFERED", "1")
    found.update(own, FUMEHOOD_OUT=os.path.join(folder, "out"))
    return {name: value for name, value in found.items() if name not in HIDDEN}


def cancel(name: str) -> dict[str, Any]:
    """Ask for the end of a job, and return its state now; one that has ended stays as it is.

    Its runner sends TERM, and KILL after grace_s. A job whose runner is gone is killed here. One
    that was never started will not start.
    """
    folder = states.job_folder(name)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with open(os.path.join(folder, "cancel"), "w", encoding="utf-8"):
        pass
    told = states.status(folder)
    if told["state"] == "lost" and states.is_alive(told, "pid"):
        family.send(int(told["pid"]), 9)
    return states.status(folder)


def read_spec() -> dict[str, Any]:
    """Return the description of a job from standard input. Raises Refused."""
    try:
        spec = json.loads(sys.stdin.buffer.read().decode("utf-8"))
        words, env = spec["argv"], spec.get("env") or {}
        texts = [*words, *env, *env.values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise states.Refused("the description of the job is incomplete") from error
    if not words or not all(isinstance(text, str) for text in texts):
        raise states.Refused("argv and env of a job are texts")
    return dict(spec)
