"""Turn the text of one code cell into Python that compiles.

First the lines that only IPython understands become Python, then `syntax.py` treats what needs
Python's syntax tree. What is returned has been compiled; a cell that does not compile is a comment.
"""

import re
import sys
from collections.abc import Set
from typing import NamedTuple

from fumehood_tools.notebooks import line_magics, syntax
from fumehood_tools.notebooks.cell_magics import cell_magic
from fumehood_tools.notebooks.lexing import (
    LogicalLine,
    Scan,
    commented,
    dedented,
    indented,
)

BROKEN = f"the cell does not compile as Python {sys.version_info[0]}.{sys.version_info[1]}"
PROMPT = re.compile(r"^(>>> ?|\.\.\. ?|In ?\[\d*\]: ?|[ ]*\.\.\.+: ?)")


class Note(NamedTuple):
    """A line of the cell, from 1, that is not carried over, and why."""

    line: int
    text: str
    why: str


class Code(NamedTuple):
    """A cell as Python. futures: what it imports from __future__; names: those that it binds."""

    text: str
    notes: list[Note]
    futures: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


def to_code(source: str, bound: Set[str], show: str) -> Code:
    """Carry over a code cell.

    bound: names that earlier cells have bound, which are no magics. show: the call that prints the
    last value, with `{}` for the value.
    """
    text = re.sub(r"\r\n?", "\n", source)
    text, blank = _without_blank_lines(text)
    code = _carried(_without_prompts(dedented(text)), bound, show)
    return code._replace(notes=[one._replace(line=one.line + blank) for one in code.notes])


def not_carried(text: str, why: str) -> Code:
    """Return a cell that is a comment, for one reason."""
    first = next((one for one in enumerate(text.split("\n"), 1) if one[1].strip()), (1, ""))
    return Code(commented(text), [Note(*first, why)])


def _without_blank_lines(text: str) -> tuple[str, int]:
    """Remove blank lines at the start, as IPython does before it looks for `%%`; count them."""
    found = re.match(r"(?:[ \t]*\n)*", text)
    blank = found[0] if found else ""
    return text[len(blank) :].rstrip(), blank.count("\n")


def _without_prompts(text: str) -> str:
    """Remove the prompts of a session that was pasted into a cell."""
    if not re.match(r">>> |In \[\d+\]: |.*\n>>> ", text):
        return text
    return "\n".join(PROMPT.sub("", line) for line in text.split("\n"))


def _carried(text: str, bound: Set[str], show: str) -> Code:
    if text.startswith("%%"):
        return _cell_magic(text, bound, show)
    python, notes, origins = _without_escapes(text, bound)
    lines = text.split("\n")
    try:
        done = syntax.finish(python, show)
    except syntax.NotPython as error:
        line = origins[min(error.line, len(origins)) - 1]
        why = f"{BROKEN}: {error}"
        return Code(commented(text), [Note(line, lines[line - 1], why)])
    notes += [
        Note(line, lines[line - 1], why) for at, why in done.notes for line in [origins[at - 1]]
    ]
    return Code(done.text, sorted(notes), done.futures, done.names)


def _cell_magic(text: str, bound: Set[str], show: str) -> Code:
    first, _, body = text.partition("\n")
    body = body + "\n" if body else ""
    made = cell_magic(first, body)
    if made.code is not None:
        try:
            done = syntax.finish(made.code, show)
        except syntax.NotPython as error:
            return not_carried(text, f"{BROKEN}: {error}")
        return Code(done.text, [], done.futures, done.names)
    if not made.python:
        return not_carried(text, made.why or line_magics.UNKNOWN)
    later = "_nb_value = ({})" if made.opens and made.shown else show
    body, blank = _without_blank_lines(body)
    inner = _carried(body, bound, later if made.shown else "{}")
    notes = [one._replace(line=one.line + 1 + blank) for one in inner.notes]
    if not made.opens:
        notes.insert(0, Note(1, first, made.why or line_magics.UNKNOWN))
        return inner._replace(text=f"{commented(first)}\n{inner.text}", notes=notes)
    block = f"{made.opens}\n{indented(inner.text)}"
    if not syntax.has_statements(inner.text):
        block += "\n    pass"
    if "_nb_value = (" in inner.text:
        block += "\n" + show.format("_nb_value")
    if not line_magics.compiles(block):
        return not_carried(text, line_magics.NOT_PYTHON)
    named = re.search(r" as (\w+):$", made.opens)
    return Code(
        block, notes, inner.futures, inner.names | frozenset(named.groups() if named else ())
    )


def _without_escapes(text: str, bound: Set[str]) -> tuple[str, list[Note], list[int]]:
    """Replace the lines that only IPython understands.

    Returns the text, what was not carried over, and for each line of the text its line in the cell.
    """
    original = text.split("\n")
    word = re.match(r"([a-z]\w*)(?:[ \t]+(?![ \t=,])|$)", text)
    if word and "\n" not in text and word[1] in line_magics.BARE and word[1] not in bound:
        text = "%" + text
    scan = Scan(text)
    lines: list[str] = []
    notes: list[Note] = []
    origins: list[int] = []
    for logical in scan.logical:
        before = "\n".join(scan.lines[logical.start : logical.end])
        after, why = _line(before, logical)
        lines.append(after)
        last = logical.end - logical.start - 1
        origins += [logical.start + 1 + min(at, last) for at in range(after.count("\n") + 1)]
        if why:
            notes.append(Note(logical.start + 1, original[logical.start], why))
    return "\n".join(lines), notes, origins


def _line(text: str, logical: LogicalLine) -> tuple[str, str | None]:
    """Return Python for one logical line, and the reason if it could not be carried over."""
    indent = re.match(r"[ \t\f]*", text)[0]  # type: ignore[index]
    code = text.strip()
    if logical.escape is None:
        carried = line_magics.old_call(code)
        if carried is None:
            return text, None
        target = ""
    elif logical.help:
        carried, target = line_magics.Carried(why=line_magics.HELP), ""
    else:
        target = text[: logical.escape].strip()
        parts = text[logical.escape :].split("\\\n")
        carried = line_magics.command(" ".join(part.strip() for part in parts), bool(target))
    if target:
        kept = f"  # {' '.join(code[len(target) :].split())}" if carried.why else ""
        return f"{indent}{target} {carried.expression or 'None'}{kept}", carried.why
    python = carried.statements or carried.expression
    if python is None:
        lines = commented(code).split("\n")
        lines[0] = f"pass  {lines[0]}" if indent else lines[0]
        python = "\n".join(lines)
    elif carried.why:
        python = f"{commented(code)}\n{python}"
    return indented(python, indent), carried.why
