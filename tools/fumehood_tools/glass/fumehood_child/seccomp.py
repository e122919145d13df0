"""A system-call filter (seccomp) for children, on Linux x86_64 and aarch64.

It refuses sockets, new processes, signals to other processes, and everything that outlives the
process (shared memory, file attributes and so on). It also refuses the calls that ask which pages
of a shared file are cached, or that change this, and those that tell what other processes do at
this moment. Threads are allowed. System calls that are newer than Linux 5.1 are refused unless they
are known to be harmless.

Refused calls fail with EPERM, as they would without permission, so a library that tries one can
continue. The filter cannot be removed again. The program is classic BPF; see
Documentation/userspace-api/seccomp_filter.rst in the Linux sources.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable

from .syscalls import (
    CLOCKS,
    CLONE,
    CLONE3,
    DRIVERS,
    FCNTL,
    FUTEX,
    GET_MEMPOLICY,
    IOCTL,
    MADVISE,
    MMAP,
    NEWER_ALLOWED,
    NEWER_FROM,
    OWN_ONLY,
    PRCTL,
    PRLIMIT,
    REFUSED,
)

# machine -> (AUDIT_ARCH of linux/audit.h, column of the tables in syscalls.py).
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
X32_BIT = 0x40000000
CLONE_THREAD = 0x00010000
# F_DUPFD to F_SETFL and F_DUPFD_CLOEXEC (fcntl.h). The other commands lock or lease files that
# others read, signal another process, or set a hint that stays with a file (F_SET_RW_HINT).
ALLOWED_FCNTL = (0, 1, 2, 3, 4, 1030)
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX (asm-generic/ioctls.h).
ALLOWED_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# With CUDA all ioctls are allowed except those of file systems and block devices, which this second
# byte of the command identifies. Some of them (FS_IOC_SETFLAGS) only require owning the file.
IOCTL_KIND, IOCTLS_OF_FILES = 0xFF00, (0x12, 0x15, 0x58, 0x66, 0x76, 0x83, 0x94, 0xBC, 0xF5)
# The advice that allocators and threads give (mman.h): DONTNEED, FREE, DONTFORK, DOFORK, HUGEPAGE,
# NOHUGEPAGE, DONTDUMP, DODUMP, WIPEONFORK, KEEPONFORK, and the C library's stack guards.
ALLOWED_MADVISE = (4, 8, 10, 11, 14, 15, 16, 17, 18, 19, 102, 103)
MPOL_F_ADDR = 2
# FUTEX_WAKE and FUTEX_WAKE_BITSET, and the flag of futexes that other processes cannot reach.
WAKING_FUTEX, PRIVATE_FUTEX = (1, 10), 128
# CLOCK_REALTIME to CLOCK_TAI (time.h), and the processor time of the calling process and thread as
# the C library writes it.
ALLOWED_CLOCKS = (*range(12), 2**32 - 6, 2**32 - 2)
PR_SET_PDEATHSIG, PR_SET_MM, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 35, 22, 38
PR_SCHED_CORE, PR_SET_MEMORY_MERGE = 62, 67
# PR_GET_DUMPABLE, the name of a thread (PR_SET_NAME, PR_GET_NAME), PR_GET_SECCOMP, its slack of
# timers, PR_GET_NO_NEW_PRIVS, the use of huge pages, and names that the C library gives to memory.
ALLOWED_PRCTL = (3, 15, 16, 21, 29, 30, 39, 41, 42, 0x53564D41)
# MAP_LOCKED pins pages, as mlock does. MAP_HUGETLB takes from a small supply of the whole machine,
# and fails when somebody else has taken it.
MAP_LOCKED, MAP_HUGETLB = 0x2000, 0x40000
SECCOMP_MODE_FILTER = 2

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
AND = 0x54
ALLOW, KILL_PROCESS, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16

Instruction = tuple[int, int, int, int]


def is_offered() -> bool:
    """Return True on Linux machines whose system-call numbers are in syscalls.py."""
    return platform.system() == "Linux" and platform.machine() in ARCHITECTURES


def restrict(own_pid: int, *, cuda: bool = False) -> None:
    """Install the filter in this process and all its future threads.

    cuda: also allow the calls that a GPU driver needs. Raises OSError if the kernel refuses.
    """
    instructions = build(platform.machine(), own_pid, cuda=cuda)
    program = b"".join(struct.pack("HBBI", *one) for one in instructions)
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0),
    ):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def build(machine: str, own_pid: int, *, cuda: bool = False) -> list[Instruction]:
    """Return the filter as classic BPF: (code, jump if true, jump if false, operand) each.

    It kills processes of another architecture, then compares the system-call number with one entry
    after another; calls that match none are allowed.
    """
    architecture, column = ARCHITECTURES[machine]
    filter_ = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_AT_LEAST, 0, 1, X32_BIT),
        _refuse(errno.ENOSYS),
    ]
    for numbers in (REFUSED if cuda else {**REFUSED, **DRIVERS}).values():
        if (number := numbers[column]) is not None:
            filter_ += [(JUMP_EQUAL, 0, 1, number), _refuse(errno.EPERM)]
    # ENOSYS makes the C library fall back to clone. BPF can read the flags of clone, but not those
    # of clone3, which are behind a pointer.
    filter_ += [(JUMP_EQUAL, 0, 1, CLONE3[column]), _refuse(errno.ENOSYS)]
    filter_ += _when(CLONE[column], 0, (JUMP_BITS, CLONE_THREAD), allowed=True)
    filter_ += _when(FCNTL[column], 1, *_equal(ALLOWED_FCNTL), allowed=True)
    if cuda:
        kinds = _equal(kind << 8 for kind in IOCTLS_OF_FILES)
        filter_ += _when(IOCTL[column], 1, *kinds, allowed=False, bits=IOCTL_KIND)
    else:
        filter_ += _when(IOCTL[column], 1, *_equal(ALLOWED_IOCTL), allowed=True)
    filter_ += _when(MADVISE[column], 2, *_equal(ALLOWED_MADVISE), allowed=True)
    filter_ += _when(GET_MEMPOLICY[column], 4, (JUMP_BITS, MPOL_F_ADDR), allowed=False)
    filter_ += _prctl_and_mmap(column, cuda=cuda)
    # Who waits at a place of a mapped file is seen by those who wake, by a call or as a thread that
    # ends. So nobody can wait. EAGAIN says that the value has changed, and the C library, which
    # waits in this way for the end of a thread, looks again.
    waking = (JUMP_BITS, PRIVATE_FUTEX), *_equal(WAKING_FUTEX)
    filter_ += _when(FUTEX[column], 1, *waking, allowed=True, refusal=errno.EAGAIN)
    filter_ += _own_limits(PRLIMIT[column], own_pid)
    own = _equal((own_pid, 0))
    for name, numbers in OWN_ONLY.items():
        # kill(0) signals the whole process group, which contains only this process.
        targets = own if name != "tgkill" else own[:1]
        filter_ += _when(numbers[column], 0, *targets, allowed=True)
    for numbers in CLOCKS.values():
        filter_ += _when(numbers[column], 0, *_equal(ALLOWED_CLOCKS), allowed=True)
    return [*filter_, *_newer(), (RETURN, 0, 0, ALLOW)]


def _prctl_and_mmap(column: int, *, cuda: bool) -> Iterable[Instruction]:
    if cuda:
        options = _equal((PR_SET_PDEATHSIG, PR_SET_MM, PR_SCHED_CORE, PR_SET_MEMORY_MERGE))
        return _when(PRCTL[column], 0, *options, allowed=False)
    taking = (JUMP_BITS, MAP_LOCKED | MAP_HUGETLB)
    return [
        *_when(PRCTL[column], 0, *_equal(ALLOWED_PRCTL), allowed=True),
        *_when(MMAP[column], 3, taking, allowed=False),
    ]


def _newer() -> Iterable[Instruction]:
    """Return the instructions that refuse calls from NEWER_FROM on, except the allowed ones.

    ENOSYS is what an older kernel says, so whoever tries one of them has another way.
    """
    known: list[Instruction] = []
    for number in NEWER_ALLOWED.values():
        known += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    known.append(_refuse(errno.ENOSYS))
    return [(JUMP_AT_LEAST, 0, len(known), NEWER_FROM), *known]


def _refuse(code: int) -> Instruction:
    return (RETURN, 0, 0, REFUSE | code)


def _equal(values: Iterable[int]) -> list[tuple[int, int]]:
    return [(JUMP_EQUAL, value) for value in values]


def _when(
    number: int,
    argument: int,
    *tests: tuple[int, int],
    allowed: bool,
    bits: int = 0xFFFFFFFF,
    refusal: int = errno.EPERM,
) -> Iterable[Instruction]:
    """Return the instructions that allow or refuse call `number` by tests on one argument.

    allowed: allow the call if any test matches and refuse it otherwise; False: the opposite. Tests
    see the lower 32 bits of the argument (as the kernel does for an int), masked with `bits`.
    refusal: the error of a refused call.
    """
    hit, miss = (RETURN, 0, 0, ALLOW), _refuse(refusal)
    if not allowed:
        hit, miss = miss, hit
    body: list[Instruction] = [(LOAD, 0, 0, ARGUMENTS_AT + 8 * argument), (AND, 0, 0, bits)]
    for code, operand in tests:
        body += [(code, 0, 1, operand), hit]
    body.append(miss)
    return [(JUMP_EQUAL, 0, len(body), number), *body]


def _own_limits(number: int, own_pid: int) -> Iterable[Instruction]:
    """Return the instructions that let prlimit64 only read, and only limits of this process."""
    refuse = _refuse(errno.EPERM)
    body: list[Instruction] = []
    # The third argument points to new limits. Both halves of it must be 0.
    for half in (0, 4):
        body += [(LOAD, 0, 0, ARGUMENTS_AT + 16 + half), (JUMP_EQUAL, 1, 0, 0), refuse]
    body.append((LOAD, 0, 0, ARGUMENTS_AT))
    for code, operand in _equal((own_pid, 0)):
        body += [(code, 0, 1, operand), (RETURN, 0, 0, ALLOW)]
    body.append(refuse)
    return [(JUMP_EQUAL, 0, len(body), number), *body]
