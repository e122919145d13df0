"""Copy the files of one commit out of a git repository, byte for byte.

Git only lists the tree and prints the contents; the files are written here. So no filter, link or
attribute of the repository has an effect, and a name that could lead out of the folder is left out.
"""

import errno
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import RepositoryFailed
from fumehood_tools.repositories.checkout import MOST_FILES, LeftOut
from fumehood_tools.repositories.git import Git

MOST_LIST_BYTES = 1 << 26
MOST_TREE_BYTES = 1 << 30
_LFS = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?size (\d+)")
MOST_POINTER = 1024
PART_BYTES = 1 << 20
# Path.mkdir and shutil.rmtree recurse for each folder of a path, and fail near 1,000.
MOST_DEPTH = 250
_BAD_NAME = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)


class Limits(NamedTuple):
    """The most that a repository may have: seconds to get it, bytes, and files."""

    seconds: float = 300.0
    bytes: int = MOST_TREE_BYTES
    files: int = MOST_FILES


class _Blob(NamedTuple):
    path: str
    mode: str
    oid: str
    size: int


class Written(NamedTuple):
    """What was written: sorted paths, and what was left out."""

    files: list[str]
    left_out: list[LeftOut]


class Draft(NamedTuple):
    """Where a tree is written: a folder for its files, and one for temporary files."""

    to: Path
    work: Path


def write_tree(
    git: Git, repository: Path, tree: str, draft: Draft, deadline: Deadline, limits: Limits
) -> Written:
    """Write the files of a tree (the id of one) into a folder. Raises RepositoryFailed."""
    to, work = draft
    listed = git.read(
        ["ls-tree", "-r", "-l", "-z", "--full-tree", "--end-of-options", tree],
        repository,
        deadline,
        MOST_LIST_BYTES,
    )
    blobs, left_out = [], []
    for blob in _blobs(listed):
        if reason := _not_written(blob):
            left_out.append(LeftOut(blob.path, reason))
        else:
            blobs.append(blob)
    check_amount(len(blobs) + len(left_out), sum(blob.size for blob in blobs), limits)
    files: list[str] = []
    with tempfile.TemporaryFile(dir=work) as wanted, tempfile.TemporaryFile(dir=work) as contents:
        wanted.write("".join(f"{blob.oid}\n" for blob in blobs).encode())
        wanted.seek(0)
        git.copy(["cat-file", "--batch"], repository, deadline, wanted, contents)
        contents.seek(0)
        for blob in blobs:
            reason = _write(blob, contents, to)
            deadline.left()
            if reason:
                left_out.append(LeftOut(blob.path, reason))
            else:
                files.append(blob.path)
    return Written(sorted(files), sorted(left_out))


def check_amount(files: int, size: int, limits: Limits) -> None:
    """Raise RepositoryFailed for more files or bytes than the limits allow."""
    smaller = "Name one of its folders (https://host/owner/name/tree/main/folder), or clone it "
    if files > limits.files:
        raise RepositoryFailed(
            "too_large",
            f"The repository has {files:,} files, but at most {limits.files:,} are read. {smaller}"
            "yourself and pass a folder of it.",
        )
    if size > limits.bytes:
        raise RepositoryFailed(
            "too_large",
            f"The repository has {size:,} bytes of files, but at most {limits.bytes:,} are read. "
            f"{smaller}yourself and pass a folder of it.",
        )


def pointer_reason(start: bytes) -> str:
    """Return why the content of a file is left out if it is a Git LFS pointer, else ""."""
    found = _LFS.match(start)
    if found is None:
        return ""
    return f"a Git LFS pointer; its content ({int(found[1]):,} bytes) is not downloaded"


def _blobs(listed: bytes) -> Iterator[_Blob]:
    for line in listed.split(b"\0"):
        head, tab, name = line.partition(b"\t")
        if tab:
            mode, _, oid, size = head.decode("ascii").split()
            yield _Blob(os.fsdecode(name), mode, oid, int(size) if size.isdecimal() else 0)


def _not_written(blob: _Blob) -> str:
    if blob.mode == "160000":
        return f"a submodule at commit {blob.oid[:12]}"
    return bad_name(blob.path)


def bad_name(path: str) -> str:
    """Return why a relative path may not be written, or ""."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        return "a name that leads out of its folder"
    if len(parts) > MOST_DEPTH:
        return f"a file more than {MOST_DEPTH} folders deep"
    if any(part.lower().rstrip(". ") == ".git" for part in parts):
        return "a name that belongs to git"
    return ""


def _write(blob: _Blob, contents: IO[bytes], to: Path) -> str:
    """Write the next content; return why it was left out, or ""."""
    head = contents.readline(200).split()
    if len(head) != 3 or not head[2].isdigit():
        return "a file whose content is missing in the repository"
    size = int(head[2])
    reason, start = "", b""
    if blob.mode == "120000":
        start = contents.read(min(size, MOST_POINTER))
        reason = f"a link to {os.fsdecode(start)}"
    elif size < MOST_POINTER:
        start = contents.read(size)
        reason = pointer_reason(start)
    if not reason:
        end = contents.tell() + size - len(start)
        reason = write_new(to, blob.path, _parts(contents, start, size))
        contents.seek(end + 1)
    else:
        contents.seek(size - len(start) + 1, os.SEEK_CUR)
    return reason


def _parts(contents: IO[bytes], start: bytes, size: int) -> Iterator[bytes]:
    yield start
    left = size - len(start)
    while left and (part := contents.read(min(left, PART_BYTES))):
        left -= len(part)
        yield part


def write_new(to: Path, path: str, parts: Iterable[bytes]) -> str:
    """Write a file that is not there yet; return why it could not be written, or ""."""
    place = to / path
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            for part in parts:
                file.write(part)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        return "a second entry of the same name"
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in _BAD_NAME:
            raise
        return "a name that this file system does not allow"
    return ""
