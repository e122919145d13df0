"""Convert marker's JSON into our Document.

Title, abstract and references are moved out of the blocks. Captions are attached to their table or
figure. A paragraph split by a page or column break becomes one paragraph. Heading levels come from
printed numbers first, because marker guesses levels from line heights; in mode "layout" they are
known. The cost is linear in the size of the document.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fumehood_tools.reading.document import Block, BlockKind, Document, HiddenText, Link, TextSource
from fumehood_tools.reading.marker.pieces import Piece, PieceKind, pieces_of
from fumehood_tools.reading.marker.references import references_of
from fumehood_tools.reading.outline import BIBLIOGRAPHY
from fumehood_tools.reading.pdf.links import text_links
from fumehood_tools.reading.pdf.numbering import NumberedOutline, number_at_start

_ABSTRACT = re.compile(r"\Aabstract\b[\s.:—–-]*", re.I)
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


def document_of(
    output: Mapping[str, Any],
    source: TextSource,
    *,
    hidden: Sequence[HiddenText] = (),
    levels_known: bool = False,
) -> Document:
    """Return the document that marker's JSON output describes.

    levels_known: heading levels come from our layout, in which level 0 is the title.
    """
    joined = _joined(pieces_of(output))
    title, pieces = _take_title(joined)
    abstract, pieces = _take_abstract(pieces)
    body = _take_bibliography(pieces)
    texts = [(abstract, 1), *((it.text, it.page) for it in (*body.pieces, *body.entries))]
    links: dict[tuple[str, int | None], Link] = {}
    for link in (link for it in joined for link in it.links):
        links.setdefault((link.url, link.page), link)
    marked = list(links.values())
    return Document(
        source=source,
        title=title,
        abstract=abstract,
        blocks=_blocks(body, levels_known),
        references=references_of(entry.text for entry in body.entries),
        links=[*marked, *text_links(texts, marked)],
        hidden=list(hidden),
        pages=len(output["children"]),
    )


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Join paragraphs split by a page or column break, even with floats or footnotes in between."""
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
    """Take the first heading of page 1 as the title, unless the body or abstract has begun."""
    for at, piece in enumerate(pieces):
        if piece.page > 1 or _ABSTRACT.match(piece.text):
            break
        if piece.kind == "heading":
            number = number_at_start(piece.text)
            if piece.text.casefold() == "introduction" or (number and "arabic" in number.schemes):
                break
            return piece.text, pieces[:at] + pieces[at + 1 :]
    return "", pieces


def _take_abstract(pieces: list[Piece]) -> tuple[str, list[Piece]]:
    """Take the pieces that the layout marks as abstract, or the text after the word "abstract".

    Without layout marks, the abstract ends at the next piece that is not a paragraph, or after
    four paragraphs.
    """
    if said := [piece.text for piece in pieces if piece.abstract]:
        text = "\n".join(said)
        return _ABSTRACT.sub("", text, count=1), [it for it in pieces if not it.abstract]
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


class _Body(NamedTuple):
    """The pieces without the bibliography, its entries, and the index at which it stood."""

    pieces: list[Piece]
    entries: list[Piece]
    bibliography: int


def _take_bibliography(pieces: Sequence[Piece]) -> _Body:
    """Separate the references: pieces under their heading, and pieces that marker calls entries."""
    body = _Body([], [], len(pieces))
    inside = False
    for piece in pieces:
        if piece.kind == "heading":
            inside = _is_bibliography(piece)
            if inside:
                body = body._replace(bibliography=len(body.pieces))
            else:
                body.pieces.append(piece)
        elif piece.kind == "entry" or (inside and piece.kind in ("text", "item")):
            body.entries.append(piece)
        else:
            body.pieces.append(piece)
    return body


def _is_bibliography(piece: Piece) -> bool:
    number = number_at_start(piece.text)
    return bool(BIBLIOGRAPHY.fullmatch(piece.text[number.length if number else 0 :]))


def _blocks(body: _Body, levels_known: bool) -> list[Block]:
    pieces = body.pieces
    heads = _heads(body, levels_known)
    captions = _captions(pieces)
    claimed = set(captions.values())
    blocks: list[Block] = []
    for at, piece in enumerate(pieces):
        if at in claimed:
            continue
        if piece.kind == "heading":
            head = heads[at]
            blocks.append(
                _block(piece, "heading", head.title, number=head.number, level=head.level)
            )
        elif piece.kind in ("table", "figure", "caption"):
            blocks.append(_shown(piece, pieces[captions[at]] if at in captions else None))
        elif piece.kind == "equation":
            blocks.append(_equation(piece))
        else:
            blocks.append(_block(piece, _BLOCKS[piece.kind], piece.text))
    return blocks


def _block(piece: Piece, kind: BlockKind, text: str, **more: Any) -> Block:
    return Block(kind=kind, text=text, page=piece.page, box=piece.box, **more)


class _Head(NamedTuple):
    """A heading of the document. level 0 means that the level is not known yet."""

    number: str | None
    title: str
    level: int


def _heads(body: _Body, levels_known: bool) -> dict[int, _Head]:
    """Return the headings by piece index.

    A heading without a number gets the level that is most common among the numbered headings with
    the same marker level.
    """
    heads: dict[int, _Head] = {}
    alike: dict[int | None, Counter[int]] = {}
    outline = NumberedOutline()
    appendix = False
    parted = _appendices_with_parts(body)
    for at, piece in enumerate(body.pieces):
        if piece.kind != "heading":
            continue
        appendix = (
            appendix
            or at >= body.bibliography
            or piece.text.casefold().startswith("appendi")
            or at in parted
        )
        head = _numbered(piece.text, outline, appendix)
        if levels_known:
            head = head._replace(level=max(1, piece.level or 1))
        elif head.level:
            alike.setdefault(piece.level, Counter())[head.level] += 1
        heads[at] = head
    usual = {level: ours.most_common(1)[0][0] for level, ours in alike.items()}
    for at, head in heads.items():
        if not head.level:
            level = body.pieces[at].level
            guess = usual.get(level, 1) if usual else max(1, (level or 2) - 1)
            heads[at] = head._replace(level=guess)
    return heads


def _appendices_with_parts(body: _Body) -> set[int]:
    """Return the headings that a first part follows, as "A Proofs" before "A.1 Search"."""
    heads = [at for at, piece in enumerate(body.pieces) if piece.kind == "heading"]
    numbers = [number_at_start(body.pieces[at].text) for at in heads]
    return {
        at
        for at, own, part in zip(heads, numbers, numbers[1:], strict=False)
        if own and part and "letter" in own.schemes and part.parts == (*own.parts, 1)
    }


def _numbered(text: str, outline: NumberedOutline, appendix: bool) -> _Head:
    """Split the number off a heading and find its level, if it continues the numbers before it."""
    number = number_at_start(text)
    # A single letter, as in "A Study of ...", is a number only in an appendix.
    bare = number and number.schemes == ("letter",) and not (number.word or number.mark)
    if number is None or (bare and len(number.parts) == 1 and not appendix):
        return _Head(None, text, 0)
    level = outline.level(number)
    return _Head(number.printed, text[number.length :], level) if level else _Head(None, text, 0)


def _captions(pieces: Sequence[Piece]) -> dict[int, int]:
    """Return table or figure index -> index of the adjacent caption with a matching label."""
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
    """Return a table or figure block. A caption without a table or figure becomes one itself."""
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
