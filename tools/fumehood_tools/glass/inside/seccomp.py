"""A system-call filter: no sockets, no processes, no signals to others, nothing that stays behind.

Refused calls fail with EPERM, as where rights are missing, so a library that tries one goes on.
Threads stay possible. Linux on x86_64 and aarch64; the filter holds for the life of the process.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable

from .syscalls import (
    CLONE,
    CLONE3,
    FCNTL,
    OWN_ONLY,
    PRCTL,
    REFUSED,
    SCHED_SETAFFINITY,
)

# AUDIT_ARCH of linux/audit.h, and the column of the tables in syscalls.py.
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
X32_BIT = 0x40000000
CLONE_THREAD = 0x00010000
# Locks on files that others read, leases and notifications (fcntl.h).
REFUSED_FCNTL = (6, 7, 13, 14, 37, 38, 1024, 1026)
PR_SET_PDEATHSIG, PR_SET_MM, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 35, 22, 38
SECCOMP_MODE_FILTER = 2

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL_PROCESS, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16

Instruction = tuple[int, int, int, int]


def is_offered() -> bool:
    """Return whether this machine is one whose system calls are known here."""
    return platform.system() == "Linux" and platform.machine() in ARCHITECTURES


def restrict(own_pid: int) -> None:
    """Put the filter on this process, all its threads to come included. Raises OSError."""
    program = b"".join(struct.pack("HBBI", *one) for one in build(platform.machine(), own_pid))
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0),
    ):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def build(machine: str, own_pid: int) -> list[Instruction]:
    """Return the filter as instructions of classic BPF: (code, jump if true, if false, operand)."""
    architecture, column = ARCHITECTURES[machine]
    filter_ = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_AT_LEAST, 0, 1, X32_BIT),
        _refuse(errno.ENOSYS),
    ]
    for numbers in REFUSED.values():
        if (number := numbers[column]) is not None:
            filter_ += [(JUMP_EQUAL, 0, 1, number), _refuse(errno.EPERM)]
    # ENOSYS makes the C library fall back on clone, whose flags can be read.
    filter_ += [(JUMP_EQUAL, 0, 1, CLONE3[column]), _refuse(errno.ENOSYS)]
    filter_ += _when(CLONE[column], 0, (JUMP_BITS, CLONE_THREAD), allowed=True)
    refused = [(JUMP_EQUAL, command) for command in REFUSED_FCNTL]
    filter_ += _when(FCNTL[column], 1, *refused, allowed=False)
    options = [(JUMP_EQUAL, option) for option in (PR_SET_PDEATHSIG, PR_SET_MM)]
    filter_ += _when(PRCTL[column], 0, *options, allowed=False)
    own = [(JUMP_EQUAL, own_pid), (JUMP_EQUAL, 0)]
    for name, numbers in OWN_ONLY.items():
        # kill(0) reaches the whole group, which is this process alone.
        targets = own if name != "tgkill" else own[:1]
        filter_ += _when(numbers[column], 0, *targets, allowed=True)
    filter_ += _when(SCHED_SETAFFINITY[column], 0, *own, allowed=True)
    return [*filter_, (RETURN, 0, 0, ALLOW)]


def _refuse(code: int) -> Instruction:
    return (RETURN, 0, 0, REFUSE | code)


def _when(
    number: int, argument: int, *tests: tuple[int, int], allowed: bool
) -> Iterable[Instruction]:
    """For one call: return `allowed` if a test on its argument holds, else the contrary."""
    hit, miss = (RETURN, 0, 0, ALLOW), _refuse(errno.EPERM)
    if not allowed:
        hit, miss = miss, hit
    body: list[Instruction] = [(LOAD, 0, 0, ARGUMENTS_AT + 8 * argument)]
    for code, operand in tests:
        body += [(code, 0, 1, operand), hit]
    body.append(miss)
    return [(JUMP_EQUAL, 0, len(body), number), *body]
