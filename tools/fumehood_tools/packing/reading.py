"""Read packs page by page: the packs, the files of one, the text of a file, or a search."""

import json
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.cursors import cursor_of, position_of
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.files import digest_of
from fumehood_tools.packing.pack import Pack, PackedFile
from fumehood_tools.packing.searching import search_texts
from fumehood_tools.packing.shelf import PackShelf
from fumehood_tools.packing.tree import folders_of, tree_of
from fumehood_tools.packing.view import (
    TREE_CHARACTERS,
    FileRow,
    HitRow,
    PackPage,
    PackReport,
    PackRow,
    numbered,
    report_of,
)

Part = Literal["files", "text"]
ROOM = 14_000
"""Characters of one page, as JSON and as text."""

_KIND = "pack"
_LINES = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


class ReadPack(BaseModel, frozen=True):
    """What to read. Every field but cursor and limit must be the same for the next page."""

    pack: str | None = None
    part: Part = "files"
    file: str | None = None
    lines: str | None = None
    grep: str | None = None
    regex: bool = False
    ignore_case: bool = False
    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = None

    def digest(self, pack: Pack | None) -> str:
        """Return a digest of what is read, which its cursors contain."""
        asked = self.model_dump(exclude={"cursor", "limit"})
        return digest_of([asked, pack.created if pack else ""])


def page_of(shelf: PackShelf, request: ReadPack) -> PackPage:
    """Return one page. Raises BadRequest, UnknownName, StorageFailed."""
    if request.pack is None:
        if request.file or request.grep or request.lines or request.part == "text":
            raise BadRequest("Name the pack to read. read_pack without arguments lists the packs.")
        return _packs(shelf, request)
    pack = shelf.get(request.pack)
    _check(request)
    if request.grep is not None:
        return _hits(shelf, pack, request)
    if request.part == "text":
        return _whole(shelf, pack, request)
    if request.file is None or _is_pattern(request.file):
        return _files(shelf, pack, request)
    return _text(shelf, pack, request)


def _check(request: ReadPack) -> None:
    """Raise BadRequest for arguments that would be without effect."""
    one_file = request.file is not None and not _is_pattern(request.file)
    if request.lines is not None and (not one_file or request.grep is not None):
        raise BadRequest(
            "lines needs file=<the path of one file>, and cannot be combined with grep. Name "
            "the file, or omit lines."
        )
    if request.part == "text" and (request.file is not None or request.grep is not None):
        raise BadRequest(
            "part='text' is the packed file itself, from its start. Omit part to read or search "
            "the file that you named."
        )


def report(shelf: PackShelf, pack: Pack) -> PackReport:
    """Return what pack_repository answers about a pack."""
    files = shelf.files(pack)
    paths = [it.path for it in files]
    tree = tree_of(paths)
    for depth in (8, 4, 3, 2, 1, 0):
        if len(tree) <= TREE_CHARACTERS:
            break
        tree = folders_of(paths, depth)
    return report_of(pack, [_row(it) for it in files], tree[:TREE_CHARACTERS])


def _packs(shelf: PackShelf, request: ReadPack) -> PackPage:
    packs = shelf.all()
    start = _start(request, None)
    shown = packs[start : start + request.limit]
    rows = [
        PackRow.model_validate(it.model_dump(include=set(PackRow.model_fields))) for it in shown
    ]
    after = start + len(shown)
    return PackPage(
        packs=rows, total=len(packs), next_cursor=_next(request, None, after, len(packs))
    )


def _files(shelf: PackShelf, pack: Pack, request: ReadPack) -> PackPage:
    chosen = _chosen(shelf, pack, request.file)
    start = _start(request, pack)
    shown = chosen[start : start + request.limit]
    after = start + len(shown)
    return PackPage(
        pack=pack.pack,
        compared=pack.compared(),
        tokenizer=pack.tokenizer,
        files=[_row(it) for it in shown],
        total=len(chosen),
        next_cursor=_next(request, pack, after, len(chosen)),
    )


def _hits(shelf: PackShelf, pack: Pack, request: ReadPack) -> PackPage:
    files = [it for it in _chosen(shelf, pack, request.file) if it.level != "name only"]
    start = _start(request, pack)
    found = search_texts(
        ((it.path, shelf.text(pack, it)) for it in files),
        request.grep or "",
        regex=request.regex,
        ignore_case=request.ignore_case,
        skip=start,
        limit=request.limit,
    )
    after = start + len(found.hits)
    notes = (
        []
        if found.complete
        else [f"there are more than {found.total:,} hits; the rest is not counted"]
    )
    hidden = pack.levels.get("name only", 0) + pack.levels.get("signatures", 0)
    if hidden:
        notes.append(f"the full text of {hidden:,} files is not in this pack")
    return PackPage(
        pack=pack.pack,
        hits=[HitRow(file=it.file, line=it.line, text=it.text) for it in found.hits],
        total=found.total,
        next_cursor=_next(request, pack, after, found.total),
        notes=notes,
    )


def _whole(shelf: PackShelf, pack: Pack, request: ReadPack) -> PackPage:
    content = shelf.whole(pack)
    start = _start(request, pack)
    text = content[start : start + 4 * ROOM].decode("utf-8", "ignore")
    page = _page(text, None)
    after = start + len(page.encode())
    return PackPage.model_validate(
        {
            "pack": pack.pack,
            "text": page,
            "total": len(content),
            "next_cursor": _next(request, pack, after, len(content)),
        }
    )


def _text(shelf: PackShelf, pack: Pack, request: ReadPack) -> PackPage:
    packed = shelf.file(pack, request.file or "")
    if packed.level == "name only":
        raise BadRequest(
            f"Only the name of {packed.path} is in this pack, because of its token budget. Call "
            f"pack_repository with include=[{packed.path!r}]."
        )
    text = shelf.text(pack, packed)
    all_lines = text.count("\n") + (not text.endswith("\n") and bool(text))
    begin, end = _range(text, request.lines, all_lines)
    start = _start(request, pack) or begin
    first = text.count("\n", 0, start) + 1
    page = _page(text[start:end], first)
    notes = ["repomix stripped white space at the ends of this file"] * packed.stripped
    if packed.name:
        notes.append(f"the bytes of its path are {packed.name} (hexadecimal)")
    return PackPage.model_validate(
        {
            "pack": pack.pack,
            "file": packed.path,
            "level": packed.level,
            "exact": packed.level == "full" and not packed.stripped,
            "encoding": packed.encoding if packed.level == "full" else "utf-8",
            "first_line": first,
            "text": page,
            "total": all_lines,
            "next_cursor": _next(request, pack, start + len(page), end),
            "notes": notes,
        }
    )


def _range(text: str, lines: str | None, total: int) -> tuple[int, int]:
    """Return the offsets of the lines that were asked for. Raises BadRequest."""
    if lines is None:
        return 0, len(text)
    found = _LINES.fullmatch(lines.strip())
    first = int(found[1]) if found else 0
    last = int(found[2] or found[1]) if found else 0
    if not 1 <= first <= last or first > max(total, 1):
        raise BadRequest(
            f"lines={lines!r} is not a range of this file, which has {total:,} lines. Write "
            "'10-40' or '10'."
        )
    starts = [0, *(it.end() for it in re.finditer("\n", text))]
    return starts[first - 1], starts[last] if last < len(starts) else len(text)


def _page(text: str, first: int | None) -> str:
    """Return the start of a text that fits on a page: whole lines, if one fits."""
    taken = as_json = shown = 0
    for line in _split(text[: ROOM + 1]):
        as_json += len(json.dumps(line)) - 2
        shown += len(numbered(line, first)) + 1
        if as_json > ROOM or shown > ROOM:
            break
        taken += len(line)
    if taken:
        return text[:taken]
    most = 2000
    return text[:most]


def _split(text: str) -> Iterator[str]:
    """Yield a text line by line, each with its line feed."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _is_pattern(file: str) -> bool:
    return file.endswith("/") or "*" in file


def _chosen(shelf: PackShelf, pack: Pack, file: str | None) -> Sequence[PackedFile]:
    """Return the files below a folder "src/", that match a pattern "*.py", or with a path.

    Raises UnknownName if there are none, which is not the same as a search without hits.
    """
    files = shelf.files(pack)
    if file is None:
        return files
    if not _is_pattern(file):
        return [shelf.file(pack, file)]
    below = file.endswith("/")
    chosen = [
        it for it in files if (it.path.startswith(file) if below else fnmatchcase(it.path, file))
    ]
    if not chosen:
        kind = "folder" if below else "file that matches"
        known = sorted({it.path.rpartition("/")[0] + "/" for it in files if "/" in it.path})
        raise UnknownName(kind, file, known, "read_pack without file lists the files.")
    return chosen


def _row(packed: PackedFile) -> FileRow:
    return FileRow(path=packed.path, tokens=packed.tokens, lines=packed.lines, level=packed.level)


def _start(request: ReadPack, pack: Pack | None) -> int:
    if request.cursor is None:
        return 0
    digest, start = position_of(request.cursor, _KIND, 2)
    if digest != request.digest(pack):
        raise BadRequest(
            "This cursor belongs to another call, or the pack was made again. Repeat the call "
            "without it."
        )
    return int(start)


def _next(request: ReadPack, pack: Pack | None, after: int, total: int) -> str | None:
    return cursor_of(_KIND, request.digest(pack), after) if after < total else None
