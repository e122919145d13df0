"""Landlock: a process gives up access to all files except listed ones, to TCP, and to signals.

Needs Linux 5.13 or later and no privileges. Newer features (TCP, scopes) are used if the kernel
has them. Landlock does not restrict file attributes, UDP, or Unix sockets opened by path; the
system-call filter (seccomp.py) does. Source: landlock(7) and linux/landlock.h.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from stat import S_ISDIR

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION, RULE_PATH = 1, 1
PR_SET_NO_NEW_PRIVS = 38
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
MAKE_DEVICES = 1 << 6 | 1 << 11  # character and block devices
# Landlock ABI version -> number of file access bits that it defines.
KNOWN_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
FILE_ONLY = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
READING = EXECUTE | READ_FILE | READ_DIR


def abi() -> int:
    """Return the kernel's Landlock ABI version, or 0 without Landlock."""
    if sys.platform != "linux":
        return 0
    call = ctypes.CDLL(None, use_errno=True).syscall
    return max(0, int(call(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)))


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Restrict this process to the `readable` and `writable` paths and everything below them.

    Paths that do not exist are skipped. Raises OSError if the kernel refuses.
    """
    version = abi()
    every = (1 << KNOWN_BITS[min(version, max(KNOWN_BITS))]) - 1
    network = 0b11 if version >= 4 else 0
    scopes = 0b11 if version >= 6 else 0
    fields = 1 + (version >= 4) + (version >= 6)
    attributes = struct.pack("QQQ", every, network, scopes)[: 8 * fields]
    libc = ctypes.CDLL(None, use_errno=True)
    rules = _checked(
        libc.syscall(CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(8 * fields), 0)
    )
    try:
        for paths, access in ((readable, READING), (writable, every & ~MAKE_DEVICES)):
            for path in paths:
                _allow(libc, rules, path, access & every)
        _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(libc.syscall(RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str, access: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not S_ISDIR(os.fstat(handle).st_mode):
            access &= FILE_ONLY
        rule = ctypes.c_char_p(struct.pack("=Qi", access, handle))
        _checked(libc.syscall(ADD_RULE, rules, RULE_PATH, rule, 0))
    finally:
        os.close(handle)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"landlock: {os.strerror(ctypes.get_errno())}")
    return result
