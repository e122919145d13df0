"""The environment of a process that computes for minutes: it keeps its memory and waits asleep.

Neither changes a number. Both are read when a process starts.

Memory: glibc gives every large tensor pages of its own and hands them back at once, and the kernel
clears each page of the next one. Measured: 14 ms against 1.2 ms for a conversion of 2,048 x 4,096
numbers; a harvest in bf16 1.7 times faster. Peaks stay the same. Other C libraries ignore it.
Threads: OpenMP spins while it waits, which burns the time that the partner on a busy core needs.
"""

HEAVY_WORK = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(1 << 26),
    "OMP_WAIT_POLICY": "PASSIVE",
}
