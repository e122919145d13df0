"""A limit on the memory of a pod, by a control group, at which the kernel really kills.

Needs root and a writable memory controller (version 1 or 2). Where that lacks, `missing` says so.
"""

import contextlib
import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
JOIN = 'echo $$ > "$0/cgroup.procs" && exec "$@"'


class MemoryCap:
    """The control group of one pod."""

    def __init__(self, name: str, megabytes: int) -> None:
        version_1 = (ROOT / "memory").is_dir()
        self.folder = (ROOT / "memory" if version_1 else ROOT) / f"fumehood-{name}"
        self.seen_at = str(ROOT / "memory" if version_1 else ROOT)
        self.folder.mkdir(exist_ok=True)
        limits = ["memory.limit_in_bytes"] if version_1 else ["memory.max", "memory.swap.max"]
        for limit in limits:
            value = 0 if limit == "memory.swap.max" else megabytes * 2**20
            if (self.folder / limit).exists():
                (self.folder / limit).write_text(str(value), encoding="ascii")

    def wrapped(self, command: list[str]) -> list[str]:
        """Return the command that joins the group and then runs this one."""
        return ["sh", "-c", JOIN, str(self.folder), *command]

    def remove(self) -> None:
        """Remove the group. It stays while a process in it is still ending."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def missing() -> str | None:
    """Return why memory cannot be limited on this machine, None if it can."""
    if os.geteuid() != 0:
        return "a limit on memory needs root"
    version_1 = ROOT / "memory"
    place = version_1 if version_1.is_dir() else ROOT
    control = ROOT / "cgroup.subtree_control"
    found = version_1.is_dir() or (
        control.is_file() and "memory" in control.read_text(encoding="ascii").split()
    )
    if not found or os.statvfs(place).f_flag & os.ST_RDONLY:
        return "a limit on memory needs a writable control group for memory"
    return None
