"""Convert the pieces of a paper's flow into blocks of a document."""

import re
from collections.abc import Iterable, Sequence

from fumehood_tools.reading.document import Block, Box
from fumehood_tools.reading.pdf.floats import CAPTION, Float
from fumehood_tools.reading.pdf.flow import Piece
from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.text import Spelling, prose_of, text_of
from fumehood_tools.reading.pdf.words import BULLETS, join_words

_CODE_LETTER = 0.525
_LINE_NUMBER = re.compile(r"\d{1,3}[:.]?")


def blocks_of(pieces: Iterable[Piece], spelling: Spelling) -> list[Block]:
    """Return the blocks of a document. Pieces of the bibliography are skipped."""
    found = (_block(piece, spelling) for piece in pieces if piece.kind != "reference")
    return [block for block in found if block.text or block.rows or block.number]


def _block(piece: Piece, spelling: Spelling) -> Block:
    page, box = (piece.lines[0].page, box_of(piece.lines)) if piece.lines else (None, None)
    match piece.kind:
        case "heading":
            assert piece.head is not None
            head = piece.head
            return Block(
                kind="heading",
                text=head.text,
                level=min(6, head.level),
                number=head.number,
                page=page,
                box=box,
            )
        case "float":
            assert piece.float is not None
            return _float_block(piece.float, spelling, page, box)
        case "equation":
            text = _formula(piece)
            return Block(kind="equation", text=text, number=piece.number, page=page, box=box)
        case "code":
            return Block(kind="code", text=program_text(piece.lines), page=page, box=box)
        case "list_item":
            text = text_of(piece.lines, spelling)
            text = text[1:].lstrip() if text[0] in BULLETS and text[1:2] == " " else text
            return Block(kind="list_item", text=text, page=page, box=box)
        case "footnote":
            return Block(kind="footnote", text=text_of(piece.lines, spelling), page=page, box=box)
    return Block(kind="paragraph", text=text_of(piece.lines, spelling), page=page, box=box)


def _float_block(it: Float, spelling: Spelling, page: int | None, box: Box | None) -> Block:
    text = text_of(it.caption, spelling)
    match = CAPTION.match(text)
    text = text[match.end() :] if match else text
    if it.kind == "code":
        body = program_text(it.body)
        return Block(
            kind="code", text=f"{text}\n{body}".strip(), number=it.number, page=page, box=box
        )
    return Block(kind=it.kind, text=text, number=it.number, rows=it.rows, page=page, box=box)


def _formula(piece: Piece) -> str:
    parts = []
    for line in piece.lines:
        words = [
            word for word in line.words if piece.number is None or word.text != f"({piece.number})"
        ]
        if words:
            parts.append(join_words(words))
    return " ".join(parts)


def program_text(lines: Sequence[TextLine]) -> str:
    """Return the text of a program listing with its line breaks and indentation."""
    if not lines:
        return ""
    left = min(line.x0 for line in lines)
    return "\n".join(_spaces(line.x0 - left, line.size) + _statement(line) for line in lines)


def _statement(line: TextLine) -> str:
    """Return a line of a program. Its indentation can be between its number and its words."""
    first, *rest = line.words
    if not rest or not _LINE_NUMBER.fullmatch(first.text) or rest[0].glued:
        return prose_of(line.words)
    gap = _spaces(rest[0].x0 - first.x1, line.size) or " "
    return first.text + gap + prose_of(rest)


def _spaces(width: float, size: float) -> str:
    return " " * round(width / (_CODE_LETTER * size))


def box_of(lines: Sequence[TextLine]) -> Box:
    """Return the box around the lines that are on the page and in the column of the first line."""
    first = lines[0]
    some = [line for line in lines if (line.page, line.column) == (first.page, first.column)]
    return (
        round(min(line.x0 for line in some), 1),
        round(min(line.top for line in some), 1),
        round(max(line.x1 for line in some), 1),
        round(max(line.bottom for line in some), 1),
    )
