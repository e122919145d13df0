"""What the machine says about itself: memory kills, GPU memory, room on the disk."""

from __future__ import annotations

import os
import subprocess

NVIDIA_SECONDS = 20


def memory_kills() -> int:
    """Return how often the kernel has killed for want of memory in our control group.

    Reads control groups of both versions. The count is that of the group: with two jobs at once it
    does not say whose process it was. 0 where nothing is counted.
    """
    return max([_count(path) for path in _counters()], default=0)


def _counters() -> list[str]:
    groups = ["/"]
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            lines = [line.strip().split(":", 2) for line in file]
        groups += [path for number, names, path in lines if number == "0" or "memory" in names]
    except (OSError, ValueError):
        pass
    return [
        os.path.normpath(base + group + name)
        for group in groups
        for base, name in (
            ("/sys/fs/cgroup", "/memory.events"),
            ("/sys/fs/cgroup/memory", "/memory.oom_control"),
        )
    ]


def _count(path: str) -> int:
    try:
        with open(path, encoding="utf-8") as file:
            words = [line.split() for line in file]
        return sum(int(word[1]) for word in words if word[:1] == ["oom_kill"])
    except (OSError, ValueError, IndexError):
        return 0


def gpu_memory_mb() -> list[int] | None:
    """Return the memory in use on each GPU, in MiB; None where nvidia-smi does not answer."""
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=NVIDIA_SECONDS,
            check=True,
        )
        return [int(line) for line in done.stdout.split()]
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def free_bytes(path: str) -> int:
    """Return what an ordinary user may still write to the disk of a folder."""
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize
