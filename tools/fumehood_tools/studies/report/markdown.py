"""Tables, quoted text and code in Markdown, such that no text of others becomes markup."""

import re
from collections.abc import Iterable, Sequence

from fumehood_tools.quoting import one_line, quotable

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!$^&])")
_LIST_MARK = re.compile(r"^(\d+)([.)])(?=\s|$)|^([-+=])(?=[\s=-]|$)")


def plain(text: str) -> str:
    """Return text on one line in which nothing is markup."""
    escaped = _MARKUP.sub(r"\\\1", one_line(text))
    return _LIST_MARK.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", escaped)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. Cells are Markdown already; heads are plain text."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(cell or " " for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def code(text: str, language: str = "") -> str:
    """Return a fenced block that holds the text, whatever backticks it has."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{quotable(text.expandtabs(4)).rstrip()}\n{fence}"


def bullets(lines: Iterable[str]) -> str:
    """Return a list. Items are Markdown already."""
    return "\n".join(f"- {line}" for line in lines)


def digest(sha256: str) -> str:
    """Return the first 12 digits of a digest or MAC, as code."""
    return f"`{sha256[:12]}`"
