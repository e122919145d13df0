"""Read tables, displayed equations, captions and listings from an HTML page."""

import re

from fumehood_tools.reading.document import Block
from fumehood_tools.reading.html_text import Element, Text, classes, formula, latex_of
from fumehood_tools.reading.latex.formulas import readable
from fumehood_tools.reading.latex.tokens import tokenize

MOST_COLUMNS = 200
MOST_ROWS = 5_000
_CLOSED = ("figure", "figcaption", "table", "pre")
_LABEL = re.compile(
    r"^\s*(?:Figure|Fig\.|Table|Tab\.|Algorithm|Listing|TABLE)\s+([\w.]+?)\s*[:.]\s*"
)


def rows_of(text: Text, table: Element) -> list[list[str]]:
    """Return the rows of a table, padded to equal length.

    A cell that spans several columns is followed by empty cells, and the cells below one that
    spans several rows are empty, so columns stay aligned.
    """
    rows: list[list[str]] = []
    # Column -> how many further rows a cell above it still covers.
    covered: dict[int, int] = {}
    for line in _lines(table)[:MOST_ROWS]:
        row: list[str] = []
        below: dict[int, int] = {}
        for cell in _cells(line):
            _step_over(row, covered)
            wide, high = _span(cell, "colspan"), _span(cell, "rowspan")
            if high > 1:
                below |= dict.fromkeys(range(len(row), len(row) + wide), high - 1)
            row += [text.of(cell), *[""] * (wide - 1)]
        _step_over(row, covered)
        covered |= below
        if any(row):
            rows.append(row)
    width = max(map(len, rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows]


def _step_over(row: list[str], covered: dict[int, int]) -> None:
    """Append empty cells to `row` for the columns covered by a rowspan cell from a row above."""
    while covered.get(len(row), 0) and len(row) < MOST_COLUMNS:
        covered[len(row)] -= 1
        row.append("")


def _lines(table: Element) -> list[Element]:
    return [
        line
        for line in table.iterdescendants("tr", "span", "div")
        if (line.tag == "tr" or "ltx_tr" in classes(line)) and _around(line) is table
    ]


def _around(line: Element) -> Element | None:
    """Return the closest table element around a row, or None if there is no such element."""
    for around in line.iterancestors():
        if around.tag == "table" or "ltx_tabular" in classes(around):
            return around
    return None


def _cells(line: Element) -> list[Element]:
    return [
        cell
        for cell in line
        if isinstance(cell.tag, str) and (cell.tag in ("td", "th") or "ltx_td" in classes(cell))
    ]


def _span(cell: Element, name: str) -> int:
    """Return how many columns or rows a cell covers: by its attribute, or by LaTeXML's class."""
    marked = [it.rpartition("_")[2] for it in classes(cell) if it.startswith(f"ltx_{name}_")]
    said = cell.get(name) or next(iter(marked), "1")
    return min(max(int(said), 1), MOST_COLUMNS) if said.isdecimal() and len(said) < 6 else 1


def equations_of(element: Element) -> list[Block]:
    """Return the displayed formulas in an element as equation blocks.

    Lines without a number are merged into the next line that has a number, as in a multi-line
    `align`.
    """
    rows = [row for row in element.iterdescendants("tr") if "ltx_eqn_row" in classes(row)]
    found: list[Block] = []
    held: list[str] = []
    for row in rows or [element]:
        formulas = [row] if row.tag == "math" else list(row.iterdescendants("math"))
        latex = " ".join(filter(None, map(latex_of, formulas)))
        if not latex:
            latex = " ".join(map(formula, formulas))
        held += [latex] if latex else []
        number = _equation_number(row)
        if number is not None and held:
            found.append(_equation(held, number))
            held = []
    if held:
        found.append(_equation(held, None))
    return found


def _equation(lines: list[str], number: str | None) -> Block:
    latex = r" \\ ".join(lines)
    return Block(kind="equation", text=readable(tokenize(latex).tokens), latex=latex, number=number)


def _equation_number(row: Element) -> str | None:
    for tag in row.iterdescendants("span"):
        if "ltx_tag_equation" in classes(tag) or "ltx_tag_equationgroup" in classes(tag):
            return "".join(tag.itertext()).strip(" ()\n") or None
    return None


def captions_of(text: Text, figure: Element) -> list[tuple[str | None, str]]:
    """Return (number, text) for each caption that belongs directly to a float, in order."""
    return [_caption(text, caption) for caption in own_parts(figure, "figcaption", "caption")]


def _caption(text: Text, caption: Element) -> tuple[str | None, str]:
    tags = [tag for tag in caption.iterdescendants("span") if "ltx_tag" in classes(tag)]
    said = text.of(caption, ("ltx_tag",))
    if tags:
        printed = "".join(tags[0].itertext())
        return re.sub(r"^\s*[A-Za-z]+\.?\s+", "", printed).strip(" :.()\n") or None, said
    label = _LABEL.match(said)
    return (label.group(1), said[label.end() :]) if label else (None, said)


def own_parts(figure: Element, *tags: str) -> list[Element]:
    """Return the descendants of a float with these tags, excluding those inside nested floats."""
    return [part for part in figure.iterdescendants(*tags) if _float_around(part) is figure]


def own_tables(figure: Element) -> list[Element]:
    """Return the tables of a float, also those that LaTeXML makes of spans inside a box."""
    return [
        part
        for part in figure.iterdescendants("table", "span", "div")
        if (part.tag == "table" or "ltx_tabular" in classes(part)) and _float_around(part) is figure
    ]


def _float_around(part: Element) -> Element | None:
    """Return the closest float, caption, table or listing around an element."""
    for around in part.iterancestors():
        if around.tag in _CLOSED or "ltx_tabular" in classes(around):
            return around
    return None


def names_table(text: Text, figure: Element) -> bool:
    """Return whether the first caption of a float says "Table"."""
    captions = own_parts(figure, "figcaption", "caption")
    return bool(captions) and text.of(captions[0]).lower().startswith(("table", "tab."))


def code_of(text: Text, element: Element) -> str:
    """Return a listing with its line breaks and indentation."""
    lines = [
        part
        for part in element.iterdescendants("div", "span")
        if "ltx_listingline" in classes(part)
    ]
    if lines:
        said = [text.raw(line).replace("\n", "").replace("\xa0", " ").rstrip() for line in lines]
        return "\n".join(said).strip("\n")
    return text.raw(element).strip("\n")
