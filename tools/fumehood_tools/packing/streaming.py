"""Write a pack of whole files in one pass: each is read, scanned, written and compared at once.

The tree, which stands before the files, is known only at their end. So they are first written to a
file of their own, the body, which is then copied behind the head. A reader of what is written of a
file must get its staged bytes, and what is read back of the pack must be all that was written.
Costs one pass over the files, two over the pack; memory for one file, or one block of a larger one,
and for all paths.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.packing.formats import Format, original
from fumehood_tools.packing.making import Index, Making, Totals
from fumehood_tools.packing.pack import INDEX_FILE, PackedFile
from fumehood_tools.packing.staging import Staged
from fumehood_tools.packing.text_files import PIECE_BYTES
from fumehood_tools.packing.tree import tree_of
from fumehood_tools.packing.writer import (
    Entry,
    Head,
    Writer,
    content_of,
    foot_bytes,
    head_bytes,
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
) -> Streamed:
    """Write a pack of these files and its index.

    files: each is used before the next is asked for. tokens_of: size of a file -> tokens. Raises
    StorageFailed if a file or the pack is not what was written, OSError.
    """
    paths: list[str] = []
    with ExitStack() as opened:
        body = opened.enter_context((making.scratch / "body").open("a+b", buffering=0))
        index = Index(opened.enter_context((making.pack / INDEX_FILE).open("wb")))
        writer = Writer(body, format)
        for staged in files:
            entry = Entry(staged, "full", tokens=tokens_of(staged.facts.size))
            packed, equal = _written(writer, body, entry, format)
            if not equal:
                raise _different(f"{staged.path} in the pack is not as it was staged")
            index.add(packed, masked=bool(staged.masked))
            paths.append(staged.path)
        pack = opened.enter_context(path.open("w+b", buffering=0))
        whole = Writer(pack, format)
        head = head._replace(tree=tree_of(paths), files=len(paths))
        start = whole.write(head_bytes(head, format))
        whole.flush()
        writer.flush()
        if _copied(body, pack, start) != writer.sha256():
            raise _different("the pack is not what was written to it")
        whole.write(foot_bytes(format))
        whole.flush()
    return Streamed(index.totals(), start, paths)


def _written(writer: Writer, body: FileIO, entry: Entry, format: Format) -> tuple[PackedFile, bool]:
    """Write one file to the body; return also whether a reader gets what was staged.

    Of a small file this is seen before its text is on disk, where all is compared in the end.
    """
    staged = entry.staged
    content = staged.content if staged.facts.size else b""
    if content is None or len(content) > PIECE_BYTES:
        packed = writer.entry(entry)
        writer.flush()
        return packed, _is_equal(body, packed, staged, format)
    texts: list[bytes] = []
    packed = writer.entry(entry, texts.append)
    try:
        equal = original(b"".join(texts), packed.written, format) == content
    except ValueError:
        equal = False
    return packed, equal


def _is_equal(body: FileIO, packed: PackedFile, staged: Staged, format: Format) -> bool:
    """Whether what is read back of a file is what was staged."""
    digest, at, content = hashlib.sha256(), 0, staged.content
    try:
        for block in content_of(body, packed, format):
            if content is None:
                digest.update(block)
            elif not content.startswith(block, at):
                return False
            at += len(block)
    except ValueError:
        return False
    return at == staged.facts.size and (content is not None or digest.hexdigest() == staged.sha256)


def _copied(body: FileIO, pack: FileIO, start: int) -> str:
    """Append the body to the pack, and return the SHA-256 of it as it is read back from there."""
    body.seek(0)
    while part := body.read(_COPIED_AT_ONCE):
        rest = memoryview(part)
        while rest:
            rest = rest[pack.write(rest) :]
    digest, at = hashlib.sha256(), start
    while part := os.pread(pack.fileno(), _COPIED_AT_ONCE, at):
        digest.update(part)
        at += len(part)
    return digest.hexdigest()


def _different(what: str) -> StorageFailed:
    return StorageFailed(f"After it was written, {what}. Check the disk, then pack again.")
