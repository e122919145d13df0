"""The commands of the agent. Each prints one line of JSON, or bytes where it says so.

    start JOB                                        description on standard input
    status JOB | cancel JOB | health
    log JOB OFFSET SECONDS                           bytes; exit code 10: the job is over
    manifest FOLDER MOST_FILES MOST_BYTES            an earlier list on standard input
    send FOLDER                                      bytes
    unpack ARCHIVE FOLDER MOST_BYTES
    lease TTL [MAX_LIFE]
    watchdog TTL MAX_LIFE V2 GRAPHQL

A request that is refused ends with exit code 3, and {"refused": why}.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from . import reading, starting, states, watchdog
from .measures import free_bytes, gpu_memory_mb

REFUSED = 3


def main() -> None:
    """Do what the arguments say, and end this process."""
    os.umask(0o077)
    try:
        code = _do(sys.argv[1], sys.argv[2:])
    except states.Refused as error:
        print(json.dumps({"refused": str(error)}))
        code = REFUSED
    sys.stdout.flush()
    sys.exit(code)


def _do(command: str, given: list[str]) -> int:
    if command == "log":
        return reading.send_log(given[0], int(given[1]), float(given[2]))
    if command == "send":
        reading.send_files(given[0])
        return 0
    print(json.dumps(_answer(command, given)))
    return 0


def _answer(command: str, given: list[str]) -> Any:
    if command == "start":
        return starting.start(given[0], starting.read_spec())
    if command == "status":
        return states.status(states.job_folder(given[0]))
    if command == "cancel":
        return starting.cancel(given[0])
    if command == "health":
        return _health()
    if command == "manifest":
        known = json.loads(sys.stdin.buffer.read().decode("utf-8") or "{}")
        return reading.manifest(given[0], int(given[1]), int(given[2]), known)
    if command == "unpack":
        from . import unpacking  # tarfile takes long to import

        unpacking.unpack(given[0], given[1], int(given[2]))
        return {}
    if command == "lease":
        watchdog.lease(float(given[0]), float(given[1]) if given[1:] else None)
        return {}
    if command == "watchdog":
        return watchdog.arm(float(given[0]), float(given[1]), given[2], given[3])
    raise states.Refused("there is no command of this name")


def _health() -> dict[str, Any]:
    """Return what decides whether this machine can take another job."""
    found = states.jobs()
    return {
        "living": [name for name, job in found.items() if job["state"] in states.LIVING],
        "jobs": len(found),
        "gpu_memory_mb": gpu_memory_mb(),
        "free_bytes": free_bytes(states.ROOT),
        "watchdog": watchdog.is_armed(),
    }
