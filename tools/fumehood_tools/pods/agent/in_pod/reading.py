"""What goes back to the controller: bytes of logs and of results, and the list of results.

Only regular files below the asked folder are listed and sent. No link is followed, also not one
in the place of a folder, and nothing is opened that could wait, such as a FIFO.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import struct
import sys
import time
import unicodedata
from collections.abc import Iterator
from typing import Any, BinaryIO

from . import states

OVER, SHORT = 10, 11
"""Exit codes of `log`: the job has ended and all was sent; the log is shorter than the offset."""
AT_ONCE = 1 << 18
NAME_BYTES, DEPTH = 255, 32
MOST_REFUSED = 100
UNREADABLE = "it cannot be read, or has gone"


def send_log(name: str, offset: int, seconds: float) -> int:
    """Send the log from a byte offset on, for some seconds or until the job has ended."""
    folder, end = states.job_folder(name), time.monotonic() + seconds
    path, out = os.path.join(folder, "log.txt"), sys.stdout.buffer
    while True:
        over = states.status(folder)["state"] not in states.LIVING
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size < offset:
                return SHORT
            file.seek(offset)
            while True:
                data = file.read(AT_ONCE)
                if not data:
                    break
                out.write(data)
                out.flush()
                offset += len(data)
                if time.monotonic() > end:
                    return 0
        if over:
            return OVER
        if time.monotonic() > end:
            return 0
        time.sleep(0.1)


def inside(folder: str) -> str:
    """Return a folder below ROOT as a path. Raises Refused for any other."""
    path = os.path.realpath(os.path.join(states.ROOT, folder))
    if not path.startswith(os.path.realpath(states.ROOT) + os.sep):
        raise states.Refused("the folder is not below that of the agent")
    return path


def manifest(
    folder: str, most_files: int, most_bytes: int, known: dict[str, Any]
) -> dict[str, Any]:
    """Return path, size, time of change and sha256 of the regular files below a folder.

    known: path -> [size, mtime_ns, sha256] of an earlier list; a file that still has this size and
    time is not read again. refused: names that are not listed, and why, as ASCII. complete: False
    if there are more files, bytes or refused names than allowed; then the list is only a part.
    """
    root = inside(folder)
    if not os.path.isdir(root):
        raise states.Refused("there is no such folder")
    files: list[dict[str, Any]] = []
    refused: list[list[str]] = []
    total = count_refused = 0
    for path, reason in _walk(root, os.fsencode(root), 0):
        entry = None
        if not reason:
            entry = _entry(root, path, most_bytes - total, known.get(path))
        if entry:
            files.append(entry)
            total += entry["size"]
        else:
            count_refused += 1
            if len(refused) < MOST_REFUSED:
                refused.append([ascii(path), reason or UNREADABLE])
        if max(len(files), count_refused) > most_files or total > most_bytes:
            return _listed(files[:most_files], refused, count_refused, False)
    return _listed(files, refused, count_refused, True)


def _listed(
    files: list[dict[str, Any]], refused: list[list[str]], count: int, complete: bool
) -> dict[str, Any]:
    files.sort(key=lambda entry: str(entry["path"]))
    return {"files": files, "refused": refused, "refused_count": count, "complete": complete}


def _walk(root: str, folder: bytes, depth: int) -> Iterator[tuple[str, str]]:
    """Yield each entry below a folder as a path relative to root, and why it is refused."""
    try:
        entries = os.scandir(folder)
    except OSError:
        yield _relative(folder, root), UNREADABLE
        return
    with entries:
        for entry in entries:
            reason = _odd(entry.name)
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
            except OSError:
                continue  # it has gone
            if not reason and stat.S_ISDIR(mode):
                if depth < DEPTH:
                    yield from _walk(root, entry.path, depth + 1)
                    continue
                reason = "too many folders in each other"
            elif not reason and not stat.S_ISREG(mode):
                reason = "not a regular file"
            yield _relative(entry.path, root), reason


def _relative(path: bytes, root: str) -> str:
    return os.path.relpath(path, os.fsencode(root)).decode("utf-8", "surrogateescape")


def _odd(name: bytes) -> str:
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return "the name is not UTF-8"
    if len(name) > NAME_BYTES or not text.isprintable() or "\\" in text or text != text.strip():
        return "the name has characters that are not allowed"
    if unicodedata.normalize("NFC", text) != text:
        return "the name is not in Unicode's form NFC"
    return ""


def _entry(root: str, path: str, room: int, known: Any) -> dict[str, Any] | None:
    """Return the line of one file, None if it cannot be opened. Reads at most `room` bytes."""
    file = open_inside(root, path)
    if file is None:
        return None
    with file:
        seen = os.fstat(file.fileno())
        entry = {"path": path, "size": seen.st_size, "mtime_ns": seen.st_mtime_ns, "sha256": ""}
        if known and list(known[:2]) == [seen.st_size, seen.st_mtime_ns]:
            return dict(entry, sha256=known[2])
        digest, left = hashlib.sha256(), seen.st_size
        while left > 0 and seen.st_size <= room:
            data = file.read(min(AT_ONCE, left))
            if not data:
                break  # it became shorter, and will be refused where it arrives
            digest.update(data)
            left -= len(data)
        return dict(entry, sha256=digest.hexdigest())


def open_inside(root: str, path: str) -> BinaryIO | None:
    """Open a regular file below root without following any link; None if there is none."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        *above, name = path.split("/")
        for part in above:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return os.fdopen(handle, "rb")
        os.close(handle)
        return None
    except OSError:
        return None
    finally:
        os.close(folder)


def send_files(folder: str) -> None:
    """Send files, one after the other, each from an offset on and up to a size.

    Standard input: lines of JSON [path, offset, size]. For each: 8 bytes, the number of bytes that
    follow (big endian; -1: there is no such file, or it is shorter), then these.
    """
    out = sys.stdout.buffer
    for line in sys.stdin.buffer.read().splitlines():
        path, offset, size = json.loads(line.decode("utf-8"))
        file = None if ".." in path.split("/") else open_inside(inside(folder), path)
        if file is None or os.fstat(file.fileno()).st_size < size:
            out.write(struct.pack(">q", -1))
            continue
        with file:
            out.write(struct.pack(">q", size - offset))
            file.seek(offset)
            left = size - offset
            while left:
                data = file.read(min(AT_ONCE, left))
                if not data:
                    return
                out.write(data)
                left -= len(data)
    out.flush()
