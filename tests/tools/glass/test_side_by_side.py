"""Children that run side by side learn nothing of each other from the kernel.

One SAE is scored while the next one is trained. If the first could tell the second what it sees,
that one would train on evaluation rows. One test makes the same calls without walls, where they
succeed.
"""

import ast
import errno
import platform
from pathlib import Path

import pytest
from fakes.walls import WALLED, Run, answers, every_wall

from fumehood_tools.glass import ChildLimits, GlassLevel, Nursery
from fumehood_tools.glass.fumehood_child.syscalls import (
    CLOCKS,
    DRIVERS,
    FUTEX,
    PRLIMIT,
    RESIDENCY,
    SIDE_BY_SIDE,
)
from fumehood_tools.glass.view import COUNTS_OF_CORES

# `other` is the number of another process, `clock` the clock of its processor time.
ASKS = {
    "room on the disk": "os.statvfs('.')",
    "room on the disk, by descriptor": "os.fstatvfs(own)",
    "processor time": "c(libc.syscall({clock_gettime}, clock, buffer))",
    "the clock's precision": "c(libc.syscall({clock_getres}, clock, buffer))",
    "a wait for processor time": "c(libc.syscall({clock_nanosleep}, clock, 1, bytes(16), None))",
    "a timer of processor time": "c(libc.syscall({timer_create}, clock, None, buffer))",
    "cores": "os.sched_getaffinity(other)",
    "policy": "os.sched_getscheduler(other)",
    "priority": "os.getpriority(os.PRIO_PROCESS, other)",
    "time slice": "os.sched_rr_get_interval(other)",
    "process group": "os.getpgid(other)",
    "session": "os.getsid(other)",
    "capabilities": "c(libc.syscall({capget}, struct.pack('Ii', 0x20080522, other), buffer))",
    "numbers of pipes": "os.pipe()",
    "who waits, of several": "c(libc.syscall({futex_waitv}, buffer, 0, 0, None, 0))",
    "who waits, by the newer call": "c(libc.syscall({futex_wake}, buffer, 1, 1, 2))",
    "a limit, set": "c(libc.syscall({setrlimit}, 6, own_limits))",
    "a limit, set by prlimit": "c(libc.syscall({prlimit}, 0, 6, own_limits, None))",
    "limits of another": "c(libc.syscall({prlimit}, other, 6, None, buffer))",
    "cores that are shared": "c(libc.prctl(62, 0, other, 0, buffer))",
    "room for huge pages": "mmap.mmap(-1, 1 << 21, 0x40000 | 0x22)",
    "pages that stay in memory": "mmap.mmap(own, 4096, 0x2000 | 2)",
    "the node of a page": "c(libc.syscall({mbind}, None, 0, 0, None, 0, 1))",
    "the node of new pages": "c(libc.syscall({set_mempolicy}, 0, None, 0))",
    "locks of a thread": "c(libc.syscall({get_robust_list}, other, buffer, buffer))",
}
PRELUDE = """
import ctypes, mmap, os, resource, struct
own_limits = struct.pack('qq', *resource.getrlimit(resource.RLIMIT_NPROC))
own = os.open('own', os.O_RDWR | os.O_CREAT)
os.ftruncate(own, 4096)
other = os.getppid()
clock = ctypes.c_int(~other << 3 | 2)
buffer = ctypes.create_string_buffer(1 << 12)
"""


def numbers() -> dict[str, int | None]:
    """Return the numbers of the system calls that the filter judges, by name, on this machine."""
    column = ("x86_64", "aarch64").index(platform.machine())
    known = {**CLOCKS, **RESIDENCY, **SIDE_BY_SIDE, **DRIVERS, "futex": FUTEX, "prlimit": PRLIMIT}
    return {name: both[column] for name, both in known.items()}


@pytest.mark.child
@every_wall
def test_a_child_cannot_ask_what_other_processes_do(run: Run, level: GlassLevel) -> None:
    assert answers(run, level, ASKS, PRELUDE, numbers()) == dict.fromkeys(ASKS, str(errno.EPERM))


@pytest.mark.child
@pytest.mark.skipif(not WALLED, reason="needs Landlock or bubblewrap")
def test_without_walls_most_of_these_calls_succeed(run: Run) -> None:
    found = answers(run, "rlimits", ASKS, PRELUDE, numbers())
    allowed = [what for what, said in found.items() if said == "allowed"]
    assert len(allowed) > 3 / 4 * len(found), found


# One thread waits at a place of a file that all children map; another wakes whoever waits there.
FUTEXES = """
import ctypes, mmap, os, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
page = libc.mmap(None, 4096, 1, 1, os.open(os.__file__, os.O_RDONLY), 0)
value, told = ctypes.c_int.from_address(page).value, []
def wait(operation):
    found = libc.syscall({futex}, ctypes.c_void_p(page), operation, value, None, None, -1)
    told.append(ctypes.get_errno() if found else 0)
for operation in (0, 9, 256 | 9):
    thread = threading.Thread(target=wait, args=(operation,), daemon=True)
    thread.start()
    woken = 0
    while thread.is_alive():
        woken += libc.syscall({futex}, ctypes.c_void_p(page), 1, 1)
        time.sleep(0.001)
    print(woken, told[-1])
"""


@pytest.mark.child
@every_wall
def test_nobody_can_wait_at_a_place_of_a_file_that_another_child_maps(
    run: Run, level: GlassLevel
) -> None:
    said = run(FUTEXES.format(**numbers()), level).output_tail.splitlines()
    assert said == [f"0 {errno.EAGAIN}"] * 3


@pytest.mark.child
@pytest.mark.skipif(not WALLED, reason="needs Landlock or bubblewrap")
def test_without_walls_somebody_who_waits_there_is_found(run: Run) -> None:
    said = run(FUTEXES.format(**numbers()), "rlimits").output_tail.splitlines()
    assert said == ["1 0"] * 3


@pytest.mark.child
@every_wall
def test_a_child_can_neither_queue_signals_nor_count_those_of_its_user(
    run: Run, level: GlassLevel
) -> None:
    code = (
        "import os, resource, signal\n"
        "print(resource.getrlimit(resource.RLIMIT_SIGPENDING))\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})\n"
        "try: signal.pthread_kill(__import__('threading').get_ident(), signal.SIGRTMIN)\n"
        "except OSError as error: print(error.errno)"
    )
    assert run(code, level).output_tail == f"(0, 0)\n{errno.EAGAIN}\n"


@pytest.mark.child
@every_wall
def test_a_call_that_the_kernel_learned_later_is_answered_as_by_an_older_kernel(
    run: Run, level: GlassLevel
) -> None:
    # statmount, listmount, setxattrat's neighbour file_getattr, and two that do not exist yet.
    later = {str(number): f"c(libc.syscall({number}, 0, 0, 0))" for number in (457, 458, 468, 499)}
    assert answers(run, level, later, "", {}) == dict.fromkeys(later, str(errno.ENOSYS))


COUNTERS = """
import glob, os
print(os.cpu_count() > 0)
seen = []
for path in glob.glob('/sys/devices/system/cpu/**/*', recursive=True) + [
    f'/sys/devices/system/cpu/cpu{core}/{name}'
    for core in range(os.cpu_count())
    for name in ('cpuidle/state0/usage', 'cpuidle/state1/time', 'cpufreq/scaling_cur_freq',
                 'thermal_throttle/core_throttle_count', 'power/runtime_active_time')
]:
    try: open(path).read()
    except OSError: continue
    seen.append(path)
print([path for path in seen if '/cache/' not in path and '/topology/' not in path])
"""


@pytest.mark.child
@every_wall
def test_a_child_sees_how_many_cores_there_are_and_nothing_that_is_counted_for_them(
    run: Run, level: GlassLevel
) -> None:
    outcome = run(COUNTERS, level)
    there, seen = outcome.output_tail.splitlines()
    assert there == "True"
    names = {name.rpartition("/")[2] for name in ast.literal_eval(seen)}
    assert names <= set(COUNTS_OF_CORES), names


@pytest.mark.child
@every_wall
def test_a_child_may_ask_about_itself(run: Run, level: GlassLevel) -> None:
    code = (
        "import os, threading, time, torch\n"
        "clocks = time.time, time.monotonic, time.process_time, time.thread_time\n"
        "assert all(clock() >= 0 for clock in clocks)\n"
        "time.sleep(0.001); os.sched_getaffinity(0); os.getpgid(0); os.getsid(0)\n"
        "os.sched_getscheduler(0); os.sched_getaffinity(os.getpid())\n"
        "torch.set_num_threads(2)\n"
        "thread = threading.Thread(target=lambda: print(float(torch.ones(999, 999).sum())))\n"
        "thread.start(); thread.join()"
    )
    assert run(code, level).output_tail == "998001.0\n"


@pytest.mark.child
@every_wall
def test_a_child_that_may_not_write_can_make_no_file_and_still_uses_an_optimizer(
    nurseries: dict[GlassLevel, Nursery], level: GlassLevel
) -> None:
    nursery = nurseries[level]
    code = (
        "import tempfile, torch\n"
        "x = torch.zeros(1, requires_grad=True)\n"
        "adam = torch.optim.Adam([x], lr=0.5); (x - 1).square().sum().backward(); adam.step()\n"
        "print(round(x.item(), 3))\n"
        "for name in ('told', tempfile.gettempdir() + '/told'):\n"
        "    try: open(name, 'w')\n"
        "    except OSError as error: print(error.errno)"
    )
    program = Path(nursery.scratch_root) / "quiet.py"
    program.write_text(code, encoding="utf-8")
    child = nursery.start(
        str(program),
        {},
        scratch=nursery.scratch_root / "quiet",
        limits=ChildLimits(wall_seconds=120, memory_gb=4),
        readable=[program],
        writes=False,
    )
    with child:
        said = child.wait().output_tail
    assert said == f"0.5\n{errno.EACCES}\n{errno.EACCES}\n"
