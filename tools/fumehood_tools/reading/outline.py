"""The section tree of a document, and its text in chunks with stable ids.

    s0          front matter: abstract and what stands before the first heading
    s3.2        the section printed as 3.2;  sA.1 of the appendix
    s~2         the second section without a number;  s3~1 the first unnumbered one in section 3
    s3.2/c1     the first chunk of 3.2

Ids depend on the document alone: reading it again gives the same ones.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.reading.document import Block, BlockKind, Document

CHUNK = 3000
"""Characters of a chunk, about; a block is split only where it alone is longer."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class Section(BaseModel, frozen=True):
    """One section, without those below it."""

    id: str
    title: str
    number: str | None = None
    level: int = Field(ge=0, description="0 is the front matter, 1 a section")
    path: list[str] = Field(description="Titles from the top down to this one")
    page: int | None = None
    characters: int
    chunks: int


class Chunk(BaseModel, frozen=True):
    """A piece of one section's own text, whole blocks."""

    id: str
    section: str = Field(description="The section's id")
    path: list[str]
    pages: list[int] = Field(description="First and last page; empty where pages are not known")
    kinds: list[BlockKind]
    text: str


class Outline(NamedTuple):
    """All sections in reading order, and all chunks."""

    sections: list[Section]
    chunks: list[Chunk]

    def chunks_of(self, section: str) -> list[Chunk]:
        """Return the chunks of a section and of all sections below it."""
        inside = {it.id for it in self._below(section)}
        return [chunk for chunk in self.chunks if chunk.section in inside]

    def _below(self, section: str) -> Iterator[Section]:
        level: int | None = None
        for it in self.sections:
            if it.id == section:
                level = it.level
            elif level is not None and it.level <= level:
                return
            if level is not None:
                yield it
            if level == 0:
                return


class _Part(NamedTuple):
    heading: Block | None
    blocks: list[Block]


def outline_of(document: Document) -> Outline:
    """Return the section tree and the chunks of a document."""
    sections: list[Section] = []
    chunks: list[Chunk] = []
    open_titles: list[tuple[int, str, str]] = []
    taken: set[str] = set()
    for part in _parts(document):
        level = part.heading.level or 1 if part.heading else 0
        while open_titles and open_titles[-1][0] >= level:
            open_titles.pop()
        name = _name(part.heading, open_titles[-1][1] if open_titles else "s", taken)
        title = part.heading.text if part.heading else "Front matter"
        if part.heading:
            open_titles.append((level, name, title))
        path = [it[2] for it in open_titles] or [title]
        own = list(_chunks(name, path, part))
        chunks += own
        sections.append(
            Section(
                id=name,
                title=title,
                number=part.heading.number if part.heading else None,
                level=level,
                path=path,
                page=(part.heading or next(iter(part.blocks), None) or _NOWHERE).page,
                characters=sum(len(chunk.text) for chunk in own),
                chunks=len(own),
            )
        )
    return Outline(sections, chunks)


_NOWHERE = Block(kind="paragraph", text="")


def block_text(block: Block) -> str:
    """Return a block as readable text: tables row by row, captions and equations with labels."""
    label = f" {block.number}" if block.number else ""
    match block.kind:
        case "table":
            rows = "\n".join(" | ".join(row) for row in block.rows)
            return f"Table{label}: {block.text}\n{rows}".strip()
        case "figure":
            return f"Figure{label}: {block.text}"
        case "equation":
            return f"{block.text} ({block.number})" if block.number else block.text
        case "list_item":
            return f"- {block.text}"
        case "footnote":
            return f"[footnote] {block.text}"
    return block.text


def _parts(document: Document) -> Iterator[_Part]:
    """Return the document cut at its headings; the abstract opens the front matter."""
    front = [Block(kind="paragraph", text=document.abstract)] if document.abstract else []
    part = _Part(None, front)
    for block in document.blocks:
        if block.kind == "heading":
            if part.heading or part.blocks:
                yield part
            part = _Part(block, [])
        else:
            part.blocks.append(block)
    if part.heading or part.blocks:
        yield part


def _name(heading: Block | None, above: str, taken: set[str]) -> str:
    if heading is None:
        name = "s0"
    elif heading.number and f"s{heading.number}" not in taken:
        name = f"s{heading.number}"
    else:
        count = 1
        while f"{above}~{count}" in taken:
            count += 1
        name = f"{above}~{count}"
    taken.add(name)
    return name


def _chunks(section: str, path: list[str], part: _Part) -> Iterator[Chunk]:
    pieces = [(block, text) for block in part.blocks for text in _pieces(block_text(block))]
    gathered: list[tuple[Block, str]] = []
    size = number = 0
    for block, text in [*pieces, (None, "")]:
        if gathered and (block is None or size + len(text) > CHUNK):
            number += 1
            yield _chunk(f"{section}/c{number}", section, path, gathered)
            gathered, size = [], 0
        if block is not None:
            gathered.append((block, text))
            size += len(text)


def _chunk(name: str, section: str, path: list[str], pieces: list[tuple[Block, str]]) -> Chunk:
    pages = [block.page for block, _ in pieces if block.page]
    return Chunk(
        id=name,
        section=section,
        path=path,
        pages=[min(pages), max(pages)] if pages else [],
        kinds=list(dict.fromkeys(block.kind for block, _ in pieces)),
        text="\n\n".join(text for _, text in pieces),
    )


def _pieces(text: str) -> Iterator[str]:
    """Return text whole, or cut at sentence ends where it is longer than a chunk."""
    if len(text) <= CHUNK:
        if text:
            yield text
        return
    piece = ""
    for sentence in _SENTENCE_END.split(text):
        for start in range(0, len(sentence), CHUNK):
            part = sentence[start : start + CHUNK]
            if piece and len(piece) + len(part) + 1 > CHUNK:
                yield piece
                piece = part
            else:
                piece = f"{piece} {part}" if piece else part
    if piece:
        yield piece
