"""Flatten marker's JSON into pieces: block kind, text, links, table rows and position.

Groups are replaced by their members, and page headers and footers are dropped. The HTML in a block
is only parsed; its links are not followed.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Literal, NamedTuple

from lxml import html

from fumehood_tools.reading.document import Box, Link
from fumehood_tools.reading.latex.formulas import script_in_text

PieceKind = Literal[
    "heading", "text", "item", "table", "figure", "caption", "equation", "code", "footnote", "entry"
]
_KINDS: dict[str, PieceKind] = {
    "SectionHeader": "heading",
    "Table": "table",
    "TableOfContents": "table",
    "Form": "table",
    "Figure": "figure",
    "Picture": "figure",
    "Diagram": "figure",
    "Caption": "caption",
    "Equation": "equation",
    "ChemicalBlock": "equation",
    "Code": "code",
    "Footnote": "footnote",
    "ListItem": "item",
    "Bibliography": "entry",
}
_GROUPS = ("ListGroup", "TableGroup", "FigureGroup", "PictureGroup")
_LEFT_OUT = ("PageHeader", "PageFooter", "Reference")
_CHILD = re.compile(r"<content-ref src=['\"]([^'\"]*)['\"]></content-ref>")
_WEB = re.compile(r"(?:https?|ftp)://\S+")
_NO_TEXT = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_MOST_SPAN = 50


class Piece(NamedTuple):
    """One block of marker's output, with its HTML parsed."""

    kind: PieceKind
    text: str
    page: int
    box: Box
    links: list[Link]
    level: int | None = None
    rows: list[list[str]] = []
    latex: str | None = None
    goes_on: bool = False
    abstract: bool = False


def pieces_of(output: Mapping[str, Any]) -> Iterator[Piece]:
    """Yield the pieces of a document in reading order."""
    for number, page in enumerate(output["children"], start=1):
        for block in page["children"] or ():
            yield from _open(block, number)


def _open(block: Mapping[str, Any], page: int) -> Iterator[Piece]:
    kind = block["block_type"]
    if kind in _LEFT_OUT:
        return
    if kind in _GROUPS and block["children"]:
        for child in block["children"]:
            yield from _open(child, page)
        return
    piece = _piece(_KINDS.get(kind, "text"), block, page)
    if piece.text or piece.rows or piece.kind == "figure":
        yield piece


def _piece(kind: PieceKind, block: Mapping[str, Any], page: int) -> Piece:
    markup = _NO_TEXT.sub("", _whole_html(block))
    root = html.fragment_fromstring(markup or " ", create_parent="div")
    left, top, right, bottom = block["bbox"]
    heading = root.find(".//*") if kind == "heading" else None
    tag = re.fullmatch(r"h([1-6])", heading.tag) if heading is not None else None
    links = list(_links(root, page))
    rows = _rows(root, block) if kind == "table" else []
    formula = root.find(".//math") if kind == "equation" else None
    return Piece(
        kind=kind,
        text="" if rows else _text(root, keep_lines=kind == "code"),
        page=page,
        box=(left, top, right, bottom),
        links=links,
        level=block.get("level", int(tag[1]) if tag else None),
        rows=rows,
        latex=_text(formula) if formula is not None else None,
        goes_on=bool(root.find_class("has-continuation")),
        abstract=block.get("abstract", False),
    )


def _whole_html(block: Mapping[str, Any]) -> str:
    """Return the HTML of a block with each child reference replaced by the child's HTML."""
    children = {child["id"]: child for child in block.get("children") or ()}

    def put(match: re.Match[str]) -> str:
        child = children.get(match[1])
        return _whole_html(child) if child else ""

    return _CHILD.sub(put, block["html"])


def _text(root: html.HtmlElement, keep_lines: bool = False) -> str:
    for line_break in root.iter("br"):
        line_break.tail = f"\n{line_break.tail or ''}"
    for script in list(root.iter("sup", "sub")):
        _settle(script)
    text = root.text_content()
    if keep_lines:
        return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    return " ".join(text.split())


def _settle(script: html.HtmlElement) -> None:
    """Replace the content of a superscript or subscript by its text, written as one."""
    said = script_in_text("^" if script.tag == "sup" else "_", script.text_content())
    for child in list(script):
        script.remove(child)
    script.text = said


def _rows(root: html.HtmlElement, block: Mapping[str, Any]) -> list[list[str]]:
    """Return the rows of a table, padded to equal length.

    The text of a cell that spans several columns or rows is repeated in each position it covers.
    """
    table = root.find(".//table")
    if table is None:
        # marker found no columns, so each line becomes a row with one cell.
        lines = (_piece("text", child, 1).text for child in block.get("children") or ())
        return [[line] for line in lines if line]
    rows: list[list[str]] = []
    below: dict[tuple[int, int], str] = {}
    for at, line in enumerate(table.iter("tr")):
        row: list[str] = []
        for cell in line.iterchildren("td", "th"):
            while (text := below.pop((at, len(row)), None)) is not None:
                row.append(text)
            wide, high, text = _span(cell, "colspan"), _span(cell, "rowspan"), _text(cell)
            spots = [(at + down, len(row) + i) for down in range(1, high) for i in range(wide)]
            below.update(dict.fromkeys(spots, text))
            row += [text] * wide
        while (text := below.pop((at, len(row)), None)) is not None:
            row.append(text)
        if any(row):
            rows.append(row)
    width = max(map(len, rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows]


def _span(cell: html.HtmlElement, attribute: str) -> int:
    said = cell.get(attribute, "1")
    return max(1, min(int(said), _MOST_SPAN)) if said.isdecimal() else 1


def _links(root: html.HtmlElement, page: int) -> Iterator[Link]:
    """Yield the web links in a piece. Adjacent anchors with the same address are one link.

    If the linked words are the address itself, broken over several lines, the HTML tree is changed
    so that its text has the whole address too.
    """
    for url, run in groupby(root.iter("a"), key=lambda anchor: anchor.get("href", "")):
        anchors = list(run)
        if not _WEB.fullmatch(url):
            continue
        words = [_text(anchor) for anchor in anchors]
        between = "".join(anchor.tail or "" for anchor in anchors[:-1])
        if len(words) > 1 and "".join(words) == url and not between.strip():
            words = [url]
            for anchor in anchors:
                anchor.text = url if anchor is anchors[0] else ""
                del anchor[:]
                if anchor is not anchors[-1]:
                    anchor.tail = ""
        yield Link(url=url, text=" ".join(words), page=page, origin="annotation")
