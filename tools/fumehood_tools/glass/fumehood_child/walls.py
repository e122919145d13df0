"""Restrictions that a child puts on itself before any code of a variant runs.

First the limits, then files (Landlock), then system calls (seccomp). If a requested restriction
cannot be applied, OSError is raised and the child ends before it runs anything of the variant.
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
    """Ask the kernel to kill this process when its parent ends (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def put_up(walls: dict[str, Any]) -> None:
    """Apply all restrictions: {"limits": {name: value}, "landlock": …, "seccomp": …, "cuda": …}.

    landlock: None, or {"readable": [path], "writable": [path]}. seccomp: True to install the
    system-call filter. cuda: True to allow the calls that a GPU driver needs.
    """
    for name, value in walls["limits"].items():
        lower(getattr(resource, name), value)
    if walls["landlock"] is not None:
        landlock.restrict(walls["landlock"]["readable"], walls["landlock"]["writable"])
    if walls["seccomp"]:
        drop_capabilities()
        seccomp.restrict(os.getpid(), cuda=walls["cuda"])


def lower(kind: int, limit: int) -> None:
    """Lower the soft and hard limit `kind`; a limit that is lower already is not raised."""
    _, hard = resource.getrlimit(kind)
    value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    # SIGXCPU (at the soft limit) says why the process died, SIGKILL (at the hard one) does not: a
    # second between the two gives SIGXCPU time to work.
    last = value + (kind == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY)
    resource.setrlimit(kind, (value, last))


def drop_capabilities() -> None:
    """Give up every capability, so that being root (in a namespace or not) has no effect."""
    header = struct.pack("Ii", CAPABILITY_VERSION, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(bytes(24))) != 0:
        raise OSError(ctypes.get_errno(), "giving up capabilities failed")
