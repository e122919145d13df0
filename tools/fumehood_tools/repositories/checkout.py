"""A checkout: a folder of source files at one commit, and the entries that are not read.

Nothing outside the folder is ever read: links, submodules and special files are listed as left out
and never opened.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.repositories.address import owner_of, read_address
from fumehood_tools.repositories.leases import Lease

MOST_FILES = 50_000
# What version control systems and this program keep. They are not part of the source.
_NOT_SOURCE = frozenset({".git", ".hg", ".svn", ".fumehood"})


class LeftOut(NamedTuple):
    """An entry of a repository that is not read. reason: a phrase such as "a link to docs/a.md"."""

    path: str
    reason: str


class Origin(NamedTuple):
    """Where a checkout comes from, as far as it is known; "" and None are unknown.

    kind: how it was obtained. tree: git's id of the root folder. committed: date of the commit (ISO
    8601). author: the name of who wrote the commit; e-mail addresses are not kept. moved_from: the
    address that was asked for, if the host sent us to another. age_seconds: time since the host was
    last asked; None if it was asked now, or if there is no host. notes: whole sentences for the
    reader, such as that the network failed and a cached copy is shown.
    """

    kind: str = "folder"
    tree: str = ""
    committed: str = ""
    author: str = ""
    moved_from: str = ""
    age_seconds: float | None = None
    notes: tuple[str, ...] = ()


class Checkout(NamedTuple):
    """A folder of files of one repository at one commit.

    address: where it came from, as people are shown it: without credentials. commit: 40 or 64
    hexadecimal digits, or "" without version control. files: POSIX paths of plain files relative to
    `folder`, sorted; bytes of names that are not UTF-8 are kept as surrogate escapes. lease: keeps
    the files in the cache, if they are there, for as long as the checkout lives.
    """

    folder: Path
    address: str
    commit: str
    files: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    origin: Origin = Origin()
    lease: Lease | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its addresses on the web: its own, and the one that led to it."""
        pages = (it for it in (self.address, self.origin.moved_from) if "://" in it)
        return tuple(dict.fromkeys(read_address(page).key for page in pages))

    @property
    def owner(self) -> str:
        """The owner's handle, "" if it has no address on the web."""
        return owner_of(self.keys[0]) if self.keys else ""

    @property
    def name(self) -> str:
        """The name of the repository, package, folder or archive."""
        whole = self.keys[0] if self.keys else self.address.rstrip("/")
        return whole.rpartition("/")[2].removeprefix("pkg:").partition("==")[0]

    def path(self, file: str) -> Path:
        """Return the location on disk of one of `files`."""
        return self.folder / file


def local_checkout(folder: Path, address: str) -> Checkout:
    """Return all plain files of a folder that has no version control.

    Raises BadRequest when it is not a folder or has more than MOST_FILES entries.
    """
    if not folder.is_dir():
        raise BadRequest(f"{address} is not a folder. Name a folder or the URL of a repository.")
    files, left_out = [], []
    for number, (path, reason) in enumerate(_entries(folder)):
        if number == MOST_FILES:
            raise BadRequest(
                f"{address} has more than {MOST_FILES:,} entries. Name one of its folders."
            )
        if reason:
            left_out.append(LeftOut(path, reason))
        else:
            files.append(path)
    return Checkout(folder, address, "", tuple(sorted(files)), tuple(sorted(left_out)))


def _entries(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (path, reason to leave it out or "") of everything below the folder, at any depth."""
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            with os.scandir(folder / prefix) as entries:
                found = list(entries)
        except OSError as error:
            yield prefix.rstrip("/") or ".", f"a folder that cannot be read: {error.strerror}"
            continue
        for entry in found:
            path = prefix + entry.name
            if entry.name in _NOT_SOURCE:
                continue
            if entry.is_symlink():
                yield path, f"a link to {target_of(entry.path)}"
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(path + "/")
            elif entry.is_file(follow_symlinks=False):
                yield path, ""
            else:
                yield path, "a special file (FIFO, socket or device)"


def target_of(link: str | Path) -> str:
    """Return where a link leads, as it is written in it."""
    try:
        return os.readlink(link)
    except OSError:
        return "a place that cannot be read"
