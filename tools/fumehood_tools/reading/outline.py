"""Build the section tree of a document and split its text into chunks an agent can read at once.

Section ids come from the printed numbers (`s3.2`, appendix `sA.1`), so that they match the paper.
If a paper prints no numbers, ids count positions (`s3`, `s3.2`). An unnumbered heading among
numbered ones is `su1` or `s3.u1`. `s0` is the text before the first heading, beginning with the
abstract. Ids depend on the document alone: reading the same content again gives the same ids. The
cost is linear in the size of the document, and nothing is cached.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.reading.document import Block, BlockKind, Document, Reference
from fumehood_tools.reading.sentences import sentence_spans

CHUNK_CHARACTERS = 3000
ABSTRACT = -1
"""Used in place of a block number to refer to the abstract."""

BIBLIOGRAPHY = re.compile(r"\W*(references|bibliography|works cited|literature cited)\W*", re.I)
"""Matches the complete text of a heading above the list of references."""
_LABELS = {"table": "Table", "figure": "Figure"}


class Section(BaseModel, frozen=True):
    """One section. Its text is the blocks from its heading to the next heading of any level."""

    id: str = Field(description="'s3.2'; 's0' is the front matter")
    title: str
    number: str | None = Field(default=None, description="As printed")
    level: int = Field(description="1 = section, 2 = subsection; 0 = front matter")
    parent: str | None = Field(default=None, description="Id of the enclosing section")
    path: list[str] = Field(description="Titles from the outermost section to this one")
    page: int | None = None
    start: int = Field(
        description="Index of its first block: the heading, except in the front matter"
    )
    end: int = Field(description="Index after its last block, excluding subsections")

    @property
    def is_bibliography(self) -> bool:
        """True if this section is the list of references."""
        return bool(BIBLIOGRAPHY.fullmatch(self.title))


class Chunk(BaseModel, frozen=True):
    """Consecutive blocks of one section that are read, searched and cited as one piece."""

    id: str = Field(description="'s3.2/c1'")
    section: str
    path: list[str] = Field(description="Titles of the enclosing sections, outermost first")
    pages: list[int] = Field(description="Pages it covers; empty if the source has no pages")
    text: str
    kinds: list[BlockKind] = Field(description="Kind of each block, in order")
    blocks: list[int] = Field(description="Index of each block in the document; -1 = abstract")
    starts: list[int] = Field(description="Offset in text at which each block begins")


class Shown(BaseModel, frozen=True):
    """A table, figure or equation of a document."""

    id: str = Field(description="'t1', 'f1' or 'e1', counted in reading order")
    number: str | None = Field(description="As printed")
    section: str
    page: int | None
    block: int = Field(description="Index of its block in the document")
    text: str = Field(description="The caption, or the equation itself")


class Outline(BaseModel, frozen=True):
    """The sections and chunks of a document, and its tables, figures, equations and references."""

    sections: list[Section]
    chunks: list[Chunk]
    tables: list[Shown]
    figures: list[Shown]
    equations: list[Shown]
    references: list[Reference]


def outline_of(document: Document) -> Outline:
    """Return the sections, chunks and lists of a document."""
    sections = _sections(document)
    shown: dict[str, list[Shown]] = {"table": [], "figure": [], "equation": []}
    for section in sections:
        for index in range(section.start, section.end):
            block = document.blocks[index]
            if (listed := shown.get(block.kind)) is not None:
                listed.append(
                    Shown(
                        id=f"{block.kind[0]}{len(listed) + 1}",
                        number=block.number,
                        section=section.id,
                        page=block.page,
                        block=index,
                        text=block.text or block.latex or "",
                    )
                )
    return Outline(
        sections=sections,
        chunks=[chunk for section in sections for chunk in _chunks(document, section)],
        tables=shown["table"],
        figures=shown["figure"],
        equations=shown["equation"],
        references=document.references,
    )


def row_text(row: Iterable[str]) -> str:
    """Return one table row as it is shown and quoted: cells separated by vertical bars."""
    return " | ".join(" ".join(cell.split()) for cell in row)


def caption_text(block: Block) -> str:
    """Return the caption of a table or figure with its label, such as 'Table 2: Scores.'"""
    label = " ".join(part for part in (_LABELS[block.kind], block.number) if part)
    return f"{label}: {block.text}" if block.text else label


def block_text(block: Block) -> str:
    """Return the text shown for a block, such as a table as its caption and rows."""
    if block.kind == "table":
        return "\n".join([caption_text(block), *(row_text(row) for row in block.rows)])
    if block.kind == "figure":
        return caption_text(block)
    if block.kind == "equation":
        text = block.text or block.latex or ""
        return f"{text} ({block.number})" if block.number else text
    return block.text


def _sections(document: Document) -> list[Section]:
    """Return the front matter and one section per heading, with parents found by level."""
    blocks = document.blocks
    heads = [index for index, block in enumerate(blocks) if block.kind == "heading"]
    front = Section(
        id="s0",
        title="Front matter",
        level=0,
        path=["Front matter"],
        page=blocks[0].page if blocks else None,
        start=0,
        end=heads[0] if heads else len(blocks),
    )
    namer = _Namer(numbered=any(blocks[index].number for index in heads))
    sections, around = [front], list[Section]()
    for start, end in pairwise([*heads, len(blocks)]):
        block = blocks[start]
        level = block.level or (block.number or "").rstrip(".").count(".") + 1
        while around and around[-1].level >= level:
            around.pop()
        parent = around[-1] if around else None
        section = Section(
            id=namer.name(block.number, parent.id if parent else None),
            title=block.text,
            number=block.number,
            level=level,
            parent=parent.id if parent else None,
            path=[*(parent.path if parent else ()), block.text],
            page=block.page,
            start=start,
            end=end,
        )
        sections.append(section)
        around.append(section)
    return sections


class _Namer:
    """Assigns a unique id to every section."""

    def __init__(self, numbered: bool) -> None:
        # Unnumbered headings need a letter so that they cannot collide with printed numbers.
        self._mark = "u" if numbered else ""
        self._children: Counter[str] = Counter()
        self._taken: Counter[str] = Counter({"s0": 1})

    def name(self, number: str | None, parent: str | None) -> str:
        """Return the id of the next section."""
        printed = re.sub(r"[^\w.]", "", number or "").strip(".")
        if printed:
            name = f"s{printed}"
        else:
            around = f"{parent}." if parent else "s"
            self._children[around] += 1
            name = f"{around}{self._mark}{self._children[around]}"
        self._taken[name] += 1
        return name if self._taken[name] == 1 else f"{name}-{self._taken[name]}"


class _Part(NamedTuple):
    """A block, or a part of a block that is too long for one chunk."""

    block: int
    kind: BlockKind
    page: int | None
    text: str


def _chunks(document: Document, section: Section) -> Iterator[Chunk]:
    """Yield the chunks of a section: consecutive parts of at most CHUNK_CHARACTERS in all."""
    held: list[_Part] = []
    size = count = 0
    for part in _parts(document, section):
        if held and size + len(part.text) > CHUNK_CHARACTERS:
            count += 1
            yield _chunk(section, count, held)
            held, size = [], 0
        held.append(part)
        size += len(part.text) + 2
    if held:
        yield _chunk(section, count + 1, held)


def _chunk(section: Section, count: int, parts: list[_Part]) -> Chunk:
    starts, at = [], 0
    for part in parts:
        starts.append(at)
        at += len(part.text) + 2
    return Chunk(
        id=f"{section.id}/c{count}",
        section=section.id,
        path=section.path,
        pages=sorted({part.page for part in parts if part.page}),
        text="\n\n".join(part.text for part in parts),
        kinds=[part.kind for part in parts],
        blocks=[part.block for part in parts],
        starts=starts,
    )


def _parts(document: Document, section: Section) -> Iterator[_Part]:
    if section.level == 0 and document.abstract:
        for text in _split(document.abstract, lines=False):
            yield _Part(ABSTRACT, "paragraph", section.page, text)
    for index in range(section.start, section.end):
        block = document.blocks[index]
        if block.kind != "heading":
            for text in _split(block_text(block), lines=block.kind in ("table", "code")):
                yield _Part(index, block.kind, block.page, text)


def _split(text: str, lines: bool) -> Iterator[str]:
    """Yield parts of at most CHUNK_CHARACTERS, cut at line or sentence ends where possible."""
    start = 0
    ends = _line_ends(text) if lines else [end for _, end in sentence_spans(text)]
    ends.append(len(text))
    before = 0
    for end in ends:
        if end - start > CHUNK_CHARACTERS and before > start:
            yield text[start:before].strip()
            start = before
        while end - start > CHUNK_CHARACTERS:
            cut = text.rfind(" ", start + 1, start + CHUNK_CHARACTERS)
            cut = cut if cut > start else start + CHUNK_CHARACTERS
            yield text[start:cut].strip()
            start = cut
        before = end
    if rest := text[start:].strip():
        yield rest


def _line_ends(text: str) -> list[int]:
    return [match.start() for match in re.finditer("\n", text)]
