"""Open the files of a repository without following a link in any part of their path.

Every folder on the way is opened from the one above it, so what is read lies in the repository even
if its folders are moved or replaced with links meanwhile. The folders of the last file stay open:
files that are asked for folder by folder take one system call each.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

# Deeper folders are opened anew for each file, as a process may have only so many open.
MOST_OPEN = 40
# To pass through a folder takes no right to list it, where the system can tell these apart.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

_NO_FOLDER = (errno.ENOTDIR, errno.ELOOP)


class Outside(Exception):
    """A folder of the path is a link or no folder, or the path leads out."""


class Folders:
    """Opens files below one folder, until the end of `with Folders(folder)`."""

    def __init__(self, folder: Path) -> None:
        """folder: may itself be reached through links. It is opened with the first file."""
        self._folder = folder
        self._open: list[tuple[str, int]] = []
        self._parent: str | None = None

    def open(self, path: str) -> int:
        """Return a descriptor of a file for reading. Raises Outside, OSError."""
        parent, slash, name = path.rpartition("/")
        if parent + slash != self._parent:
            self._parent = None
            self._enter(_parts(parent) if slash else [])
            self._parent = parent + slash
        if name == "..":
            raise Outside
        return os.open(name, _FILE, dir_fd=self._open[-1][1])

    def _enter(self, names: Sequence[str]) -> None:
        """Make a folder the last that is open. names: of the folders on the way to it."""
        if not self._open:
            self._open.append(("", os.open(self._folder, _FOLDER)))
        names = [*names[:MOST_OPEN], "/".join(names[MOST_OPEN:])]
        shared = 0
        for (opened, _), name in zip(self._open[1:], names, strict=False):
            if opened != name:
                break
            shared += 1
        self._close(shared + 1)
        for name in filter(None, names[shared:]):
            self._open.append((name, _below(self._open[-1][1], name)))

    def _close(self, kept: int) -> None:
        while len(self._open) > kept:
            os.close(self._open.pop()[1])

    def __enter__(self) -> "Folders":
        return self

    def __exit__(self, *_: object) -> None:
        self._parent = None
        self._close(0)


def _parts(parent: str) -> list[str]:
    """Return the names of the folders of a path. Raises Outside if it is absolute or leads up."""
    names = parent.split("/")
    if "" in names or ".." in names:
        raise Outside
    return names


def _below(folder: int, path: str) -> int:
    """Return a descriptor of a folder below one that is open. Raises Outside, OSError."""
    at = folder
    for name in path.split("/"):
        try:
            inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=at)
        except OSError as error:
            if error.errno in _NO_FOLDER:
                raise Outside from error
            raise
        finally:
            if at != folder:
                os.close(at)
        at = inner
    return at
