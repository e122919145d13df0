"""Write a pack of whole files in one pass: each is read, scanned, written and compared at once.

The tree, which stands before the files, is known only at their end. So they are written behind the
tree that their names let expect, and if it turns out to be another (a file is binary, and its name
does not say so), they are copied behind that one. A reader of what is written of a file must get
its staged bytes, and what is read back of the pack must have the checksum of all that was written:
CRC-32, since a disk errs by chance, and SHA-256 takes four times as long.
Costs one pass over the files, two over the pack, and two more for the copy; memory for one file, or
one block of a larger one, and for all paths.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from fumehood_tools.errors import StorageFailed
from fumehood_tools.packing.formats import Format, Written, original
from fumehood_tools.packing.making import Index, Making, Totals
from fumehood_tools.packing.pack import INDEX_FILE, PackedFile
from fumehood_tools.packing.staging import Staged
from fumehood_tools.packing.text_files import Block
from fumehood_tools.packing.tree import Tree
from fumehood_tools.packing.writer import (
    Entry,
    Head,
    Writer,
    content_of,
    foot_bytes,
    head_parts,
    written_as,
)

_COPIED_AT_ONCE = 1 << 16


class Streamed(NamedTuple):
    """A pack that was written and compared. body: offset of its first file; paths: of its files."""

    totals: Totals
    body: int
    paths: list[str]


def stream_pack(
    path: Path,
    format: Format,
    head: Head,
    files: Iterable[Staged],
    tokens_of: Callable[[int], int],
    making: Making,
    likely: Sequence[str],
) -> Streamed:
    """Write a pack of these files and its index.

    files: each is used before the next is asked for. tokens_of: size of a file -> tokens. likely:
    the paths that they will probably have. Raises StorageFailed if a file or the pack is not what
    was written, OSError.
    """
    paths: list[str] = []
    with ExitStack() as opened:
        pack = opened.enter_context(path.open("a+b", buffering=0))
        index = Index(opened.enter_context((making.pack / INDEX_FILE).open("wb")))
        start = _write_head(pack, head, likely, format)
        writer = Writer(pack, format)
        for staged in files:
            entry = Entry(staged, "full", tokens=tokens_of(staged.facts.size))
            packed, equal = _written(writer, pack, start, entry, format)
            if not equal:
                raise _different(f"{staged.path} in the pack is not as it was staged")
            index.add(packed, masked=bool(staged.masked))
            paths.append(staged.path)
        writer.flush()
        if paths != likely:
            body = pack, start
            path.unlink()
            pack = opened.enter_context(path.open("a+b", buffering=0))
            start = _write_head(pack, head, paths, format)
            _copy(*body, pack)
        if _checksum_of(pack, start) != writer.checksum:
            raise _different("the pack is not what was written to it")
        foot = Writer(pack, format)
        foot.write(foot_bytes(format))
        foot.flush()
    return Streamed(index.totals(), start, paths)


def _write_head(pack: FileIO, head: Head, paths: Sequence[str], format: Format) -> int:
    """Write what stands before these files, and return how long it is."""
    writer = Writer(pack, format)
    size = writer.write_all(head_parts(head._replace(tree=Tree(paths), files=len(paths)), format))
    writer.flush()
    return size


def _written(
    writer: Writer, pack: FileIO, start: int, entry: Entry, format: Format
) -> tuple[PackedFile, bool]:
    """Write one file; return also whether a reader gets what was staged. start: of the first file.

    Of a file that is in memory this is seen before its text is on disk, where all is compared in
    the end.
    """
    staged = entry.staged
    content = staged.content if staged.facts.size else b""
    if content is None:
        packed = writer.entry(entry)
        writer.flush()
        there = packed._replace(start=start + packed.start, end=start + packed.end)
        return packed, _is_equal(pack, there, staged, format)
    reread = _Reread(content, written_as(entry, format), format)
    return writer.entry(entry, reread.add), reread.is_equal()


class _Reread:
    """Compares what a reader gets of a file, part by part, with its content."""

    def __init__(self, content: Block, written: Written, format: Format) -> None:
        self._content, self._written, self._format = content, written, format
        self._at, self._equal = 0, True

    def add(self, text: bytes) -> None:
        """Take one more part of its text in the pack into account."""
        try:
            part = original(text, self._written, self._format)
        except ValueError:
            self._equal = False
            return
        end = self._at + len(part)
        self._equal = self._equal and bytes(self._content[self._at : end]) == part
        self._at = end

    def is_equal(self) -> bool:
        """Whether all parts together are the content."""
        return self._equal and self._at == len(self._content)


def _is_equal(pack: FileIO, packed: PackedFile, staged: Staged, format: Format) -> bool:
    """Whether what is read back of a file is what was staged."""
    digest, size = hashlib.sha256(), 0
    try:
        for block in content_of(pack, packed, format):
            digest.update(block)
            size += len(block)
    except ValueError:
        return False
    return size == staged.facts.size and digest.hexdigest() == staged.sha256


def _copy(body: FileIO, start: int, pack: FileIO) -> None:
    """Append what a file holds from a place on to another."""
    body.seek(start)
    while part := body.read(_COPIED_AT_ONCE):
        rest = memoryview(part)
        while rest:
            rest = rest[pack.write(rest) :]


def _checksum_of(pack: FileIO, start: int) -> int:
    """Return the CRC-32 of what is read back from a place on."""
    checksum, at = 0, start
    while part := os.pread(pack.fileno(), _COPIED_AT_ONCE, at):
        checksum = crc32(part, checksum)
        at += len(part)
    return checksum


def _different(what: str) -> StorageFailed:
    return StorageFailed(f"After it was written, {what}. Check the disk, then pack again.")
