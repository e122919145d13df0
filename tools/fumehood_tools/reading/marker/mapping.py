"""marker's JSON as our Document.

Title, abstract and references leave the blocks; captions join their table or figure; a paragraph
that a page or column breaks is one paragraph; heading levels come from printed numbers first, as
marker guesses them from the height of lines. Linear in the document.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fumehood_tools.reading.document import Block, BlockKind, Document, Link, TextSource
from fumehood_tools.reading.marker.pieces import Piece, PieceKind, pieces_of
from fumehood_tools.reading.marker.references import references_of
from fumehood_tools.reading.outline import BIBLIOGRAPHY

_NUMBER = re.compile(
    r"((?:\d{1,2}|[A-Z](?=\.\d))(?:\.\d{1,2}){0,3}|[IVX]{1,5}(?=\.\s))[.:]?\s+(\S.*)"
)
_APPENDIX = re.compile(r"(?:appendix\s+)?([A-Z](?:\.\d{1,2}){0,3})[.:]?\s+(\S.*)", re.I)
_ABSTRACT = re.compile(r"abstract\b[\s.:—–-]*", re.I)
_CAPTION = re.compile(
    r"(Figure|Fig\.|Table|Tab\.)\s*([A-Z]?\.?\d+(?:\.\d+)?[a-z]?)\s*[:.|—–-]?\s*", re.I
)
_EQUATION = re.compile(r"\s*\(([A-Z]?\.?\d{1,3}(?:\.\d{1,3})?)\)$")
_ENDED = re.compile(r"[.!?:;][\"”’)\]\d]*$")
_BLOCKS: dict[PieceKind, BlockKind] = {
    "text": "paragraph",
    "item": "list_item",
    "entry": "paragraph",
    "code": "code",
    "footnote": "footnote",
}
_MOST_ABSTRACT = 4


def document_of(output: Mapping[str, Any], source: TextSource) -> Document:
    """Return the document that marker's JSON output describes."""
    pieces = _joined(pieces_of(output))
    title, pieces = _take_title(pieces)
    abstract, pieces = _take_abstract(pieces)
    entries, pieces = _take_bibliography(pieces)
    links: dict[tuple[str, int | None], Link] = {}
    for piece in (*pieces, *entries):
        for link in piece.links:
            links.setdefault((link.url, link.page), link)
    return Document(
        source=source,
        title=title,
        abstract=abstract,
        blocks=_blocks(pieces),
        references=references_of(entry.text for entry in entries),
        links=list(links.values()),
        pages=len(output["children"]),
    )


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Join paragraphs that a page or a column breaks; floats and footnotes may lie between."""
    joined: list[Piece] = []
    last: int | None = None
    for piece in pieces:
        if piece.kind == "text" and last is not None and _goes_on(joined[last], piece):
            before = joined[last]
            text = before.text.removesuffix("-") if _broken(before, piece) else f"{before.text} "
            joined[last] = before._replace(
                text=text + piece.text, links=before.links + piece.links, goes_on=piece.goes_on
            )
            continue
        joined.append(piece)
        if piece.kind == "text":
            last = len(joined) - 1
        elif piece.kind not in ("footnote", "table", "figure", "caption"):
            last = None
    return joined


def _goes_on(before: Piece, piece: Piece) -> bool:
    if before.goes_on:
        return True
    return before.page != piece.page and piece.text[:1].islower() and not _ENDED.search(before.text)


def _broken(before: Piece, piece: Piece) -> bool:
    return before.text.endswith("-") and piece.text[:1].islower()


def _take_title(pieces: list[Piece]) -> tuple[str, list[Piece]]:
    """Take the first heading of page 1, if it stands before all that only a body has."""
    for at, piece in enumerate(pieces):
        if piece.kind != "heading":
            if piece.page > 1 or _ABSTRACT.match(piece.text):
                break
            continue
        known = _ABSTRACT.fullmatch(piece.text) or _NUMBER.fullmatch(piece.text)
        if piece.page > 1 or known or piece.text.casefold().startswith("introduction"):
            break
        return piece.text, pieces[:at] + pieces[at + 1 :]
    return "", pieces


def _take_abstract(pieces: list[Piece]) -> tuple[str, list[Piece]]:
    """Take the paragraphs from the word "Abstract" to the next heading."""
    for at, piece in enumerate(pieces):
        found = _ABSTRACT.match(piece.text)
        if found is None or piece.kind not in ("heading", "text") or piece.page > 2:
            continue
        texts = [piece.text[found.end() :]]
        end = at + 1
        while end < len(pieces) and pieces[end].kind == "text" and end - at <= _MOST_ABSTRACT:
            texts.append(pieces[end].text)
            end += 1
        return "\n".join(filter(None, texts)), pieces[:at] + pieces[end:]
    return "", pieces


def _take_bibliography(pieces: list[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Take the pieces under the heading of the references, and what marker itself calls entries."""
    entries: list[Piece] = []
    others: list[Piece] = []
    inside = False
    for piece in pieces:
        if piece.kind == "heading":
            inside = bool(BIBLIOGRAPHY.fullmatch(_numbered(piece.text, True)[1]))
            if not inside:
                others.append(piece)
        elif piece.kind == "entry" or (inside and piece.kind in ("text", "item")):
            entries.append(piece)
        else:
            others.append(piece)
    return entries, others


def _blocks(pieces: Sequence[Piece]) -> list[Block]:
    levels = _levels(pieces)
    captions = _captions(pieces)
    claimed = set(captions.values())
    blocks: list[Block] = []
    appendix = False
    for at, piece in enumerate(pieces):
        if at in claimed:
            continue
        if piece.kind == "heading":
            appendix = appendix or piece.text.casefold().startswith("appendi")
            blocks.append(_heading(piece, appendix, levels))
        elif piece.kind in ("table", "figure", "caption"):
            label = pieces[captions[at]] if at in captions else None
            blocks.append(_shown(piece, label))
        elif piece.kind == "equation":
            blocks.append(_equation(piece))
        else:
            blocks.append(_block(piece, _BLOCKS[piece.kind], piece.text))
    return blocks


def _block(piece: Piece, kind: BlockKind, text: str, **more: Any) -> Block:
    return Block(kind=kind, text=text, page=piece.page, box=piece.box, **more)


def _numbered(text: str, appendix: bool) -> tuple[str | None, str]:
    """Return the number and the title of a heading; a letter counts in an appendix only."""
    found = _NUMBER.fullmatch(text) or (_APPENDIX.fullmatch(text) if appendix else None)
    return (found[1], found[2]) if found else (None, text)


def _levels(pieces: Sequence[Piece]) -> dict[int, int]:
    """Return marker's level -> ours, learnt from the headings that print a number."""
    seen: dict[int, Counter[int]] = {}
    for piece in pieces:
        if piece.kind == "heading" and piece.level is not None:
            number, _ = _numbered(piece.text, False)
            if number is not None:
                seen.setdefault(piece.level, Counter())[number.count(".") + 1] += 1
    return {level: ours.most_common(1)[0][0] for level, ours in seen.items()}


def _heading(piece: Piece, appendix: bool, levels: Mapping[int, int]) -> Block:
    number, title = _numbered(piece.text, appendix)
    if number is not None:
        level = number.count(".") + 1
    elif levels:
        level = levels.get(piece.level or 1, 1)
    else:
        level = max(1, (piece.level or 1) - 1)
    return _block(piece, "heading", title, number=number, level=level)


def _captions(pieces: Sequence[Piece]) -> dict[int, int]:
    """Return table or figure -> its caption, the one beside it that bears the right name."""
    found: dict[int, int] = {}
    taken: set[int] = set()
    for at, piece in enumerate(pieces):
        if piece.kind not in ("table", "figure"):
            continue
        for beside in (at - 1, at + 1):
            if not 0 <= beside < len(pieces) or beside in taken:
                continue
            near = pieces[beside]
            if near.kind in ("caption", "text") and near.page == piece.page:
                label = _CAPTION.match(near.text)
                if label and label[1].casefold().startswith(piece.kind[:3]):
                    found[at] = beside
                    taken.add(beside)
                    break
    return found


def _shown(piece: Piece, caption: Piece | None) -> Block:
    """Return a table or figure; a caption that stands alone is one whose body was not found."""
    said = caption or piece
    label = _CAPTION.match(said.text)
    is_table = piece.kind == "table" or bool(label and label[1].casefold().startswith("tab"))
    if piece.kind == "caption" and label is None:
        return _block(piece, "paragraph", piece.text)
    return _block(
        piece,
        "table" if is_table else "figure",
        said.text[label.end() :] if label else said.text,
        number=label[2] if label else None,
        rows=piece.rows,
    )


def _equation(piece: Piece) -> Block:
    number = _EQUATION.search(piece.text)
    text = piece.text[: number.start()] if number else piece.text
    latex = _EQUATION.sub("", piece.latex) if piece.latex else None
    return _block(piece, "equation", text, number=number[1] if number else None, latex=latex)
