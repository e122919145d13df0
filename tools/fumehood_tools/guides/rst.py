"""The Python blocks of a reStructuredText file: code directives and doctests, with their lines.

Found are `code-block`, `code` and `sourcecode` of a Python language, `testcode` with the
`testoutput` after it, and paragraphs that start with `>>>`. Comments, literal blocks (`::`) and
code of other languages are left out. Other directives, such as notes and tabs, are read through.
Nothing is included or substituted.
"""

import re
import textwrap
from typing import NamedTuple

from fumehood_tools.guides.blocks import Block, Heading, Page, check_number

_DIRECTIVE = re.compile(r"([\w:+.-]+)::(?:\s+(\S+)?.*)?")
_UNDERLINE = re.compile(r"([^\w\s])\1{2,}\s*")
_OPTION = re.compile(r"\s*:[\w-]+:.*")
_CODE = ("code-block", "code", "sourcecode", "testcode", "testoutput", "doctest", "literalinclude")
_PYTHON = ("python", "python3", "py", "py3", "pycon", "ipython", "ipython3")


class _Body(NamedTuple):
    """The lines of a directive. line: of the first of them, from 1. end: index after the last."""

    text: str
    line: int
    end: int


def rst_page_of(text: str) -> Page:
    """Return headings and Python blocks of a reStructuredText. Raises BadRequest for too many."""
    lines = [line.expandtabs() for line in text.splitlines()]
    headings: list[Heading] = []
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        section = headings[-1].text if headings else ""
        line = lines[at]
        kind, language = _kind(line)
        if kind:
            body = _body(lines, at + 1, _indent(line))
            if kind in _CODE:
                _enter(blocks, kind, language, body, section)
            at = body.end
        elif line.lstrip().startswith(">>>"):
            end = next((n for n in range(at, len(lines)) if not lines[n].strip()), len(lines))
            blocks.append(Block(at + 1, _dedented(lines[at:end]), section))
            at = end
        else:
            if line.strip() and at + 1 < len(lines) and _UNDERLINE.fullmatch(lines[at + 1]):
                headings.append(Heading(at + 1, 1, line.strip()))
                at += 1
            at += 1
    check_number(blocks)
    return Page(text, tuple(headings), tuple(blocks), 1)


def _kind(line: str) -> tuple[str, str]:
    """Return (name of a directive, its first argument); ("hidden", "") before what is not shown."""
    text = line.strip()
    if text == ".." or text.startswith(".. "):
        inner = text[2:].strip()
        found = _DIRECTIVE.fullmatch(inner)
        if found is not None and found[1] in _CODE:
            return found[1], found[2] or ""
        if found is None and not inner.startswith(("[", "_", "|")):
            return "hidden", ""
        if found is not None and found[2] is None:
            return "", ""
    return ("hidden" if text.endswith("::") else ""), ""


def _enter(blocks: list[Block], name: str, language: str, body: _Body, section: str) -> None:
    if name == "testoutput":
        if blocks and blocks[-1].expected is None:
            blocks[-1] = blocks[-1]._replace(expected=body.text)
    elif (name in ("testcode", "doctest") or language.lower() in _PYTHON) and body.text.strip():
        blocks.append(Block(body.line, body.text, section))


def _body(lines: list[str], start: int, indent: int) -> _Body:
    """Return what is indented more than a directive, without its options."""
    end = start
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > indent):
        end += 1
    first = start
    while first < end and (_OPTION.fullmatch(lines[first]) or not lines[first].strip()):
        first += 1
    return _Body(_dedented(lines[first:end]), first + 1, max(end, start))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _dedented(lines: list[str]) -> str:
    return textwrap.dedent("\n".join(lines)).rstrip() + "\n"
