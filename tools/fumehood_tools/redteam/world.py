"""Compare what a cheat may not change: files outside its scratch folder, processes, secrets.

A file counts as changed if its type, permissions, owner, size, time, link target, extended
attributes ("marks") or inode differ. Size and time of folders are ignored, because their entries
are compared one by one.
"""

import base64
import contextlib
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

GRACE_SECONDS = 2.5
MOST_READ = 64 << 20


class Facts(NamedTuple):
    """The recorded facts about one file or folder."""

    mode: int
    owner: tuple[int, int]
    size: int
    time_ns: int
    inode: int
    target: str
    marks: tuple[str, ...]


def snapshot(root: Path, left_out: Iterable[Path]) -> dict[str, Facts]:
    """Return the facts about all files and folders under `root`, except those in `left_out`."""
    return {str(path.relative_to(root)): facts(path) for path in walk(root, set(left_out))}


def walk(root: Path, left_out: set[Path]) -> Iterator[Path]:
    """Yield all files and folders under `root`, without following links."""
    with os.scandir(root) as entries:
        present = list(entries)
    for entry in present:
        path = Path(entry.path)
        if path in left_out:
            continue
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from walk(path, left_out)


def facts(path: Path) -> Facts:
    """Return the facts about one path; for a link, about the link itself."""
    found = path.lstat()
    is_folder = stat.S_ISDIR(found.st_mode)
    marks: tuple[str, ...] = ()
    with contextlib.suppress(OSError, AttributeError):
        marks = tuple(sorted(os.listxattr(path, follow_symlinks=False)))
    return Facts(
        mode=found.st_mode,
        owner=(found.st_uid, found.st_gid),
        size=0 if is_folder else found.st_size,
        time_ns=0 if is_folder else found.st_mtime_ns,
        inode=found.st_ino,
        target=os.readlink(path) if stat.S_ISLNK(found.st_mode) else "",
        marks=marks,
    )


def differences(before: Mapping[str, Facts], after: Mapping[str, Facts]) -> list[str]:
    """Return one line per path that appeared, disappeared or changed."""
    lines = [f"{name} appeared" for name in sorted(after.keys() - before.keys())]
    lines += [f"{name} is gone" for name in sorted(before.keys() - after.keys())]
    for name in sorted(before.keys() & after.keys()):
        changed = [
            field
            for field, old, new in zip(Facts._fields, before[name], after[name], strict=True)
            if old != new
        ]
        if changed:
            lines.append(f"{name} changed ({', '.join(changed)})")
    return lines


def descendants(pid: int) -> dict[int, str]:
    """Return pid -> description of all running descendants of a process, without zombies."""
    found = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    above = process.parent()
                    family = f"{above.name()} ({above.pid})" if above else "nobody"
                    found[process.pid] = f"{process.name()} ({process.pid}, child of {family})"
    return found


def left_running(pid: int, before: Iterable[int]) -> dict[int, str]:
    """Return descendants that are not in `before` and do not end within GRACE_SECONDS."""
    known, end = set(before), time.monotonic() + GRACE_SECONDS
    while True:
        left = {child: name for child, name in descendants(pid).items() if child not in known}
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.05)


def end_processes(pids: Iterable[int]) -> None:
    """Kill processes, if they still exist."""
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).kill()


class Secrets:
    """Secret bytes that may not appear in any output, in plain, hexadecimal or base64 form."""

    def __init__(self) -> None:
        self._spellings: dict[bytes, str] = {}

    def add(self, name: str, secret: bytes) -> None:
        """Watch for a secret. Ignores bytes with little variety, which may occur by chance."""
        if len(set(secret)) < 8:
            return
        for spelling in (secret, secret.hex().encode(), base64.b64encode(secret)):
            self._spellings[spelling] = name

    def found_in(self, paths: Iterable[Path]) -> list[str]:
        """Return one line for every secret and file in which it was found."""
        lines = []
        for path in paths:
            if not stat.S_ISREG(path.lstat().st_mode):
                continue
            with path.open("rb") as file:
                held = file.read(MOST_READ)
            names = {name for spelling, name in self._spellings.items() if spelling in held}
            lines += [f"{name} was read (found in {path.name})" for name in sorted(names)]
        return lines
