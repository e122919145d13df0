"""How a process behaves that computes for minutes: it keeps its memory and waits asleep.

Neither changes a number. Measured on a harvest in bf16 (SmolLM2-135M, 2 cores): keeping freed
memory made passes of 32 x 128 tokens 1.7 times faster; sleeping made them 3 times faster while
other programs wanted the same two cores.
"""

import ctypes
import os

# mallopt's parameters, from malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 1 << 30


def settle_in() -> None:
    """Do both, for a process that has not imported torch yet."""
    sleep_while_waiting()
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """Let this process keep freed blocks of up to 1 GiB; return whether its allocator can.

    glibc hands a large block back to the kernel when it is freed, and the kernel clears each page
    of the next one: half a million page faults in 4,096 tokens. Without glibc nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    taken = [mallopt(option, _KEPT_BYTES) for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD)]
    return all(taken)


def sleep_while_waiting() -> None:
    """Let a thread that waits for another sleep; what the environment says already is kept.

    OpenMP spins by default: where another program holds one core, the thread on the other core
    burns the time that its partner needs. Read when torch is imported: without effect after.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
