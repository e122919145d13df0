"""The code blocks of a Markdown file, with their lines, sections and the output they promise.

Blocks are found by markdown-it, which follows CommonMark. A pattern search such as sybil's finds
fences quoted inside other fences or in comments, and misses `{code-block} python` and attributes.
A fence of kind `output` directly after a Python block holds what that block prints; `...` in it
stands for any text.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.errors import BadRequest

MOST_BLOCKS = 500
MOST_BYTES = 2 << 20
_PYTHON = re.compile(
    r"\{?\.?(?:(?:code-block|code|code-cell|sourcecode)\}?\s+)?"
    r"\{?\.?(?:python|python3|py|py3|pycon|ipython|ipython3)\b",
    re.IGNORECASE,
)
_OPTION = re.compile(r"\s*:[\w-]+:.*|\s*")


class Block(NamedTuple):
    """One Python block. line: of its first line of code, from 1. section: its last heading."""

    line: int
    code: str
    section: str
    expected: str | None = None


class Heading(NamedTuple):
    """A heading of a Markdown file. line: from 1."""

    line: int
    level: int
    text: str


class Page(NamedTuple):
    """What a Markdown file consists of, as far as guides are concerned."""

    text: str
    headings: tuple[Heading, ...]
    blocks: tuple[Block, ...]
    first_line: int


def split_front_matter(text: str) -> tuple[str, int]:
    """Return the YAML at the top of a Markdown file, and the number of lines that it takes."""
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "---":
        return "", 0
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() in ("---", "..."):
            return "\n".join(lines[1:number]), number + 1
    return "", 0


def page_of(text: str) -> Page:
    """Return headings and Python blocks of a Markdown text. Raises BadRequest for too many."""
    from markdown_it import MarkdownIt

    _, skipped = split_front_matter(text)
    body = "\n".join(text.splitlines()[skipped:])
    headings: list[Heading] = []
    blocks: list[Block] = []
    tokens = MarkdownIt("commonmark").parse(body)
    is_after_block = False
    for number, token in enumerate(tokens):
        if token.map is None:
            continue
        line = token.map[0] + skipped + 1
        if token.type == "heading_open":
            headings.append(Heading(line, int(token.tag[1:]), tokens[number + 1].content.strip()))
            is_after_block = False
        elif token.type == "fence":
            kind = token.info.strip()
            if kind.startswith("output") and is_after_block:
                blocks[-1] = blocks[-1]._replace(expected=token.content)
                is_after_block = False
            elif _PYTHON.match(kind):
                section = headings[-1].text if headings else ""
                blocks.append(_block(token.content, line + 1, section, kind))
                is_after_block = True
        elif token.type != "inline":
            is_after_block = False
    check_number(blocks)
    return Page(text, tuple(headings), tuple(blocks), skipped + 1)


def check_number(blocks: Sequence[Block]) -> None:
    """Raise BadRequest for more blocks than are checked."""
    if len(blocks) > MOST_BLOCKS:
        raise BadRequest(
            f"The file has {len(blocks):,} Python blocks; at most {MOST_BLOCKS} are checked. Split "
            "it, or check one of its parts."
        )


def _block(content: str, line: int, section: str, kind: str) -> Block:
    lines = content.splitlines()
    if "{" in kind:
        # A MyST directive starts with options such as `:linenos:`.
        while lines and _OPTION.fullmatch(lines[0]):
            lines, line = lines[1:], line + 1
    return Block(line, "\n".join(lines) + "\n", section)
