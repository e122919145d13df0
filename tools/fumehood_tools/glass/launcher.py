"""Set this process's limits, then become the child. Standard library only.

usage: python -I -B launcher.py '{"address_bytes": …, "file_bytes": …}' PROGRAM [ARGUMENT …]

Runs between the trusted parent and the child's own code, so that limits are set in the child's
process before any of that code, without `preexec_fn` (unsafe in a parent with threads).
"""

import ctypes
import json
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1


def lower(kind: int, limit: int) -> None:
    """Lower a soft and hard limit; a limit that is already lower stays."""
    _, hard = resource.getrlimit(kind)
    value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (value, value))


def main() -> None:
    """Apply the limits in argv[1] and exec the rest of argv."""
    limits, program = json.loads(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != limits["parent"]:
            sys.exit("the parent is gone")
        if limits["address_bytes"] is not None:
            lower(resource.RLIMIT_AS, limits["address_bytes"])
    lower(resource.RLIMIT_FSIZE, limits["file_bytes"])
    lower(resource.RLIMIT_CORE, 0)
    os.execv(program[0], program)


main()
