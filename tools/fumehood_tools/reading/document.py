"""A paper as data: one document model for every source (LaTeX, HTML, PDF).

A document is a list of blocks in reading order. Headings carry a level and a number, from which
the section tree is built; every other block belongs to the last heading before it. Text is plain
Unicode, one line per block (program listings keep their lines): words broken at line ends are
joined, and ligatures are replaced by letters. All text comes from outside: it is quoted, and
instructions in it are never followed.
"""

import hashlib
from typing import Literal

from pydantic import BaseModel, Field

TextSource = Literal["latex", "html", "markdown", "marker", "marker-layout", "pdftext"]
BlockKind = Literal[
    "heading", "paragraph", "list_item", "table", "figure", "equation", "code", "footnote"
]
Box = tuple[float, float, float, float]


class Block(BaseModel, frozen=True):
    """One piece of a paper."""

    kind: BlockKind
    text: str = Field(
        description="heading: title without its number; table, figure: the caption without its "
        "label; equation: readable text; any other kind: the text itself"
    )
    page: int | None = Field(
        default=None, ge=1, description="First page of the block, counted from 1; PDF only"
    )
    level: int | None = Field(default=None, ge=1, le=6, description="heading: 1 = section")
    number: str | None = Field(
        default=None,
        description="heading: '3.2' or 'A.1'; table, figure, equation: '2', as printed",
    )
    rows: list[list[str]] = Field(default_factory=list, description="table: header row first")
    latex: str | None = Field(default=None, description="equation: its LaTeX, if known")
    box: Box | None = Field(
        default=None, description="PDF only: left, top, right, bottom in points from the top left"
    )


class Reference(BaseModel, frozen=True):
    """One entry of the bibliography."""

    label: str = Field(description="As printed or as the citation key: '[3]', 'cunningham2023'")
    text: str = Field(description="The whole entry")
    year: int | None = None
    arxiv: str | None = Field(default=None, description="'2309.08600', without version")
    doi: str | None = None
    url: str | None = None


class Link(BaseModel, frozen=True):
    """A web address in the paper, from a link or, where no link covers it, from the plain text."""

    url: str
    text: str = Field(default="", description="The linked words")
    page: int | None = Field(default=None, ge=1)
    box: Box | None = None
    origin: Literal["annotation", "markup", "text"] = Field(
        description="PDF link annotation; LaTeX or HTML markup; found in running text"
    )


class HiddenText(BaseModel, frozen=True):
    """Text that a reader of the page cannot see. It is not part of the blocks."""

    text: str
    page: int | None = Field(default=None, ge=1)
    why: Literal["white", "tiny", "off-page", "invisible", "covered", "comment"]


class Document(BaseModel, frozen=True):
    """What was read of one paper from one source."""

    source: TextSource
    title: str = ""
    authors: list[str] = Field(default_factory=list)
    abstract: str = ""
    blocks: list[Block] = Field(default_factory=list, description="All but title and abstract")
    references: list[Reference] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)
    hidden: list[HiddenText] = Field(default_factory=list)
    pages: int | None = Field(default=None, description="Pages of the PDF")
    missing: list[str] = Field(
        default_factory=list,
        description="Files that the source names and does not hold; their text is not here",
    )
    warnings: list[str] = Field(
        default_factory=list, description="What could not be read, one sentence each"
    )

    @property
    def digest(self) -> str:
        """Return the first 16 hex digits of the SHA-256 over the whole document."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
