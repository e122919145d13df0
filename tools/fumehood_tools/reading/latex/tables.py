"""Read tables (tabular, longtable and similar) as rows of cells, without their rules.

A cell that spans several columns is followed by empty cells, so that columns stay aligned. The
cells below a cell that spans several rows are empty. Rows without any text are omitted.
"""

import re
from collections.abc import Sequence

from fumehood_tools.reading.latex.columns import PLAIN_COLUMN, Column
from fumehood_tools.reading.latex.composing import Composer
from fumehood_tools.reading.latex.si_numbers import number
from fumehood_tools.reading.latex.tokens import PARAGRAPH, split_runs

MOST_ROWS = 5_000
# How tokens begin that can end a row or a cell, or begin or end a group.
_MARKS = frozenset("\\{}&" + PARAGRAPH)
_ROW_ENDS = {
    *("\\\\", "\\tabularnewline", "\\cr", "\\crcr"),
    *("\\NN", "\\FL", "\\ML", "\\LL"),  # of ctable
}
_HEADS = ("\\endfirsthead", "\\endhead", "\\endfoot", "\\endlastfoot")


def rows_of(
    composer: Composer, tokens: list[str], columns: Sequence[Column] = ()
) -> list[list[str]]:
    """Return the rows of a table, padded to equal length. A column that is not given is plain."""
    rows: list[list[str]] = []
    for cells in split_rows(_without_repeats(tokens), cells=True):
        row: list[str] = []
        for cell in cells:
            composer.extra_columns = 0
            column = columns[len(row)] if len(row) < len(columns) else PLAIN_COLUMN
            text = composer.inline(_as_formula(cell) if column.formula else cell)
            options = column.numbers
            # Braces around a cell keep siunitx from reading it.
            if options is not None and not composer.extra_columns and _begins(cell) != "{":
                text = number(text, options) or text
            row.append(text)
            row += [""] * composer.extra_columns
        if any(row):
            rows.append(row)
        if len(rows) >= MOST_ROWS:
            composer.state.warn(f"A table has more than {MOST_ROWS:,} rows: the rest is left out.")
            break
    width = max(map(len, rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows]


def _as_formula(cell: list[str]) -> list[str]:
    """Return a cell of a formula column. One that spans columns, or has own dollars, is text."""
    begins = _begins(cell)
    is_text = begins in ("", "\\multicolumn") or "$" in cell
    return cell if is_text else ["$", *cell, "$"]


def _begins(cell: list[str]) -> str:
    return next((token for token in cell if token != " "), "")


def _without_repeats(tokens: list[str]) -> list[str]:
    """Remove the header that a long table repeats on every page, and its footer."""
    if not any(head in tokens for head in _HEADS):
        return tokens
    parts: dict[str, list[str]] = {}
    rest: list[str] = []
    for token in tokens:
        if token in _HEADS:
            parts[token] = rest
            rest = []
        else:
            rest.append(token)
    head = parts.get("\\endfirsthead") or parts.get("\\endhead") or []
    return [*head, *rest]


def split_rows(tokens: list[str], cells: bool) -> list[list[list[str]]]:
    """Split tokens into rows at `\\\\` and, if `cells` is set, into cells at `&`.

    Separators inside groups and inner environments are ignored.
    """
    rows: list[list[list[str]]] = [[[]]]
    depth = 0
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token[0] not in _MARKS:
            rows[-1][-1].append(token)
            continue
        if token == "{" or token.startswith("\\begin{"):
            depth += 1
        elif token == "}" or token.startswith("\\end{"):
            depth -= 1
        if depth <= 0 and token in _ROW_ENDS:
            at, rest = _after_break(tokens, at)
            rows.append([rest])
        elif depth <= 0 and token == "&" and cells:
            rows[-1].append([])
        else:
            # A blank line in a cell, as of a column p{3cm}, separates its words.
            rows[-1][-1].append(" " if token == PARAGRAPH and depth <= 0 else token)
    return rows


def _after_break(tokens: list[str], at: int) -> tuple[int, list[str]]:
    """Return the index after a row break, including the star and length of `\\\\*[2pt]`.

    Words in the token of the star are returned too: they begin the next row.
    """
    if at < len(tokens) and tokens[at].startswith("* "):
        return at + 1, [" ", tokens[at][2:]]
    if at < len(tokens) and tokens[at] == "*":
        at += 1
    if at + 1 < len(tokens) and tokens[at] == "[" and "]" in split_runs(tokens[at : at + 12])[:12]:
        return tokens.index("]", at) + 1, []
    return at, []


def value_of(options: str, key: str) -> str:
    """Return the value of `key = value` or `key = {value}` in a list of options, '' if absent."""
    found = re.search(rf"(?:^|,)\s*{re.escape(key)}\s*=\s*", options)
    if found is None:
        return ""
    rest = options[found.end() :]
    if not rest.startswith("{"):
        return rest.partition(",")[0].strip()
    depth = 0
    for at, letter in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0:
            return rest[1:at].strip()
    return rest[1:].strip()
