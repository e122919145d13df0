"""Keep freed memory in the process: what a tensor gives back, the next one of its size takes.

glibc hands every large block back to the kernel when it is freed, and the kernel clears each page
of the next one: hundreds of thousands of page faults per second of a bf16 forward pass. For
processes that do one heavy job and end. Changes no number. Elsewhere than on glibc it does nothing.
"""

import ctypes

# mallopt's parameters, from malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Let this process keep freed blocks of up to 1 GiB; return whether its allocator can."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    taken = [mallopt(option, _KEPT_BYTES) for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD)]
    return all(taken)
