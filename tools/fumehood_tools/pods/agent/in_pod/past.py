"""What this machine has been used for: one that scores never trained, and will not.

The file `past` in the agent's folder has one line for each purpose that a job was started for. It
stays when jobs are removed. It keeps our own mistakes from harm: a hostile job could remove it, so
the controller's journal is asked too.
"""

from __future__ import annotations

import fcntl
import os

from . import states

PAST = os.path.join(states.ROOT, "past")
PURPOSES = ("any", "own", "scoring")


def admit(purpose: str) -> None:
    """Write down what a job is started for. Raises Refused where that may not follow the past."""
    if purpose not in PURPOSES:
        raise states.Refused("a job has the purpose any, own or scoring")
    with open(PAST, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        written = set(file.read().split())
        before = written or _before_this_version()
        if purpose == "scoring" and "any" in before:
            raise states.Refused(
                "a job that may have run a variant was started on this machine before, and scoring "
                "needs one on which none was"
            )
        if purpose == "any" and "scoring" in before:
            raise states.Refused("this machine scores, and does nothing else")
        for one in sorted({*before, purpose} - written):
            file.write(f"{one}\n")
        file.flush()
        os.fsync(file.fileno())


def _before_this_version() -> set[str]:
    """Return what jobs of an agent that wrote nothing down may have been."""
    ran = any(job["state"] != "absent" for job in states.jobs().values())
    return {"any"} if ran else set()
