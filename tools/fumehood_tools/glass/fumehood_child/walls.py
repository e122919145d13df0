"""What a child does to itself before any code of a variant runs: the walls go up here.

Limits first, then the files, then the system calls. A wall that was promised and cannot be put up
raises OSError: the child ends, and nothing of the variant has run.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from typing import Any

from . import landlock, seccomp

PR_SET_PDEATHSIG = 1
CAPABILITY_VERSION = 0x20080522


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def put_up(walls: dict[str, Any]) -> None:
    """Put up the walls of a child: {"limits": {name: value}, "landlock": …, "seccomp": …}.

    landlock: None, or {"readable": [path], "writable": [path]}. seccomp: whether it is wanted;
    cuda: whether it leaves a GPU's driver what that may need.
    """
    for name, value in walls["limits"].items():
        lower(getattr(resource, name), value)
    if walls["landlock"] is not None:
        landlock.restrict(walls["landlock"]["readable"], walls["landlock"]["writable"])
    if walls["seccomp"]:
        drop_capabilities()
        seccomp.restrict(os.getpid(), cuda=walls["cuda"])


def lower(kind: int, limit: int) -> None:
    """Lower a soft and hard limit; a limit that is already lower stays."""
    _, hard = resource.getrlimit(kind)
    value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    # A second to die of the signal that says why, before the one that says nothing.
    last = value + (kind == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY)
    resource.setrlimit(kind, (value, last))


def drop_capabilities() -> None:
    """Give up every capability: being root, outside or in a namespace, is then worth nothing."""
    header = struct.pack("Ii", CAPABILITY_VERSION, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(bytes(24))) != 0:
        raise OSError(ctypes.get_errno(), "giving up capabilities failed")
