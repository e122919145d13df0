"""The page cache cannot carry messages between children: they can neither query nor change it.

One test makes the same calls without walls, where they succeed. This shows that the walls refuse
them, rather than the kernel or the file system.
"""

import errno
import platform
import re
from pathlib import Path

import pytest
from fakes.walls import WALLED, Run, answers, every_wall

from fumehood_tools.glass import GlassLevel
from fumehood_tools.glass.fumehood_child import syscalls

# Calls of Python or of the C library, and some by number, for which the C library has no function.
# `shared` is a descriptor of a file that other children read too, `page` the address of its first
# page in memory.
ASKS = {
    "mincore": "c(libc.mincore(page, 4096, buffer))",
    "cachestat": "c(libc.syscall(451, shared, struct.pack('QQ', 0, 4096), buffer, 0))",
    "a read that does not wait": "os.preadv(shared, [bytearray(1)], 0, os.RWF_NOWAIT)",
    "splice": "os.splice(shared, write, 1, 0)",
    "sendfile": "os.sendfile(write, shared, 0, 1)",
    "copy_file_range": "os.copy_file_range(shared, own, 1, 0, 0)",
    "a name, if it is cached": "c(libc.syscall(437, -100, name, struct.pack('QQQ', 0, 0, 32), 24))",
    "faults": "resource.getrusage(resource.RUSAGE_SELF)",
    "kernel aio": "c(libc.syscall({io_setup}, 1, struct.pack('Q', 0)))",
    "the node of a page": "c(libc.syscall({get_mempolicy}, buffer, 0, 0, page, 2))",
    "the machine's memory": "c(libc.sysinfo(buffer))",
    "a file's hint": "fcntl.fcntl(shared, 1035, bytes(8))",
    "a file's flags": "fcntl.ioctl(shared, 0x80086601, bytes(8))",
}
ADVICES = {
    "fadvise, dropping": "os.posix_fadvise(shared, 0, 0, os.POSIX_FADV_DONTNEED)",
    "fadvise, bringing in": "os.posix_fadvise(shared, 0, 0, os.POSIX_FADV_WILLNEED)",
    "readahead": "c(libc.readahead(shared, 0, 4096))",
    "madvise, bringing in": "c(libc.madvise(page, 4096, 3))",
    "madvise, order of reading": "c(libc.madvise(page, 4096, 1))",
    "madvise, cold": "c(libc.madvise(page, 4096, 20))",
    "madvise, paging out": "c(libc.madvise(page, 4096, 21))",
    "madvise, populating": "c(libc.madvise(page, 4096, 22))",
    "mlock": "c(libc.mlock(page, 4096))",
    "sync": "c(libc.syncfs(own))",
    "sync_file_range": "c(libc.sync_file_range(own, 0, 0, 0))",
    "a file's hint, set": "fcntl.fcntl(shared, 1036, struct.pack('Q', 2))",
    "an owner of signals": "fcntl.fcntl(own, 8, os.getpid())",
    # Sets the flags to the values that they have already.
    "a file's flags, set": "fcntl.ioctl(shared, 0x40086602, flags)",
}
PRELUDE = """
import ctypes, fcntl, mmap, os, resource, struct, core
shared = os.open(core.__file__, os.O_RDONLY)
own = os.open('own', os.O_RDWR | os.O_CREAT)
name = os.fsencode(core.__file__)
try: read, write = os.pipe()
except OSError: read, write = 0, 1
buffer = ctypes.create_string_buffer(1 << 12)
libc.mmap.restype = ctypes.c_void_p
page = ctypes.c_void_p(libc.mmap(None, 4096, 1, 1, shared, 0))
ctypes.string_at(page, 1)
flags = struct.pack('Q', 0)
try: flags = fcntl.ioctl(shared, 0x80086601, bytes(8))
except OSError: pass
"""


def numbers(machine: str) -> dict[str, int | None]:
    """Return the numbers of the system calls that the filter names, by name, for a machine."""
    column = ("x86_64", "aarch64").index(machine)
    judged = {**syscalls.OWN_ONLY, **syscalls.CLOCKS, "get_mempolicy": syscalls.GET_MEMPOLICY}
    known = {**syscalls.REFUSED, **syscalls.DRIVERS, **judged}
    return {name: both[column] for name, both in known.items()}


@pytest.mark.child
@every_wall
@pytest.mark.parametrize("calls", [ASKS, ADVICES], ids=["ask", "advise"])
def test_a_child_can_neither_ask_nor_advise_what_the_kernel_keeps_of_a_shared_file(
    run: Run, level: GlassLevel, calls: dict[str, str]
) -> None:
    assert answers(run, level, calls, PRELUDE, numbers(platform.machine())) == dict.fromkeys(
        calls, str(errno.EPERM)
    )


@pytest.mark.skipif(not WALLED, reason="needs Landlock or bubblewrap")
def test_without_walls_most_of_these_calls_succeed(run: Run) -> None:
    found = answers(run, "rlimits", ASKS | ADVICES, PRELUDE, numbers(platform.machine()))
    # Older kernels and some file systems do not support all of these calls.
    allowed = [what for what, said in found.items() if said == "allowed"]
    assert len(allowed) > 3 / 4 * len(found), found


@every_wall
def test_what_allocators_and_libraries_ask_of_the_kernel_is_allowed(
    run: Run, level: GlassLevel
) -> None:
    code = (
        "import ctypes, fcntl, mmap, os, shutil\n"
        "room = mmap.mmap(-1, 1 << 22, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        "for advice in (4, 8, 14, 15, 16, 17):\n"
        "    room.madvise(advice)\n"
        "handle = os.open('own', os.O_RDWR | os.O_CREAT)\n"
        "os.close(os.dup(handle)); os.set_inheritable(handle, False)\n"
        "os.set_blocking(handle, False); fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, 9)\n"
        "open('mine', 'w').write('x' * 9); shutil.copyfile('mine', 'yours')\n"
        "print(open('yours').read(), os.isatty(1))"
    )
    assert run(code, level).output_tail == "xxxxxxxxx False\n"


@every_wall
def test_counters_of_the_machine_and_of_memory_are_out_of_view(run: Run, level: GlassLevel) -> None:
    code = (
        "import os\n"
        "places = ['/proc/meminfo', '/proc/vmstat', '/proc/zoneinfo', '/proc/diskstats']\n"
        "places += [f'/proc/self/{name}' for name in ('io', 'stat', 'smaps', 'pagemap', 'maps')]\n"
        "for place in [*places, '/sys/kernel/mm/lru_gen/enabled', '/sys/block']:\n"
        "    try: os.listdir(place) if os.path.isdir(place) else open(place)\n"
        "    except OSError: continue\n"
        "    print('reached', place)"
    )
    assert run(code, level).output_tail == ""


@pytest.mark.parametrize(
    "machine, header",
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_the_numbers_of_refused_calls_are_those_of_the_kernels_headers(
    machine: str, header: str
) -> None:
    if not Path(header).is_file():
        pytest.skip("needs kernel headers")
    text = Path(header).read_text(encoding="utf-8")
    known = {
        name: int(number)
        for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)
    }
    known.pop("syscalls", None)  # not a call: the number of calls
    ours = numbers(machine)
    newest = max(known.values())
    for name, number in ours.items():
        # An older header does not contain the newest calls.
        assert known.get(name) == number or (number or 0) > newest, name
