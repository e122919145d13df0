"""A paper as data: one model, whatever it was read from.

A document is a list of blocks in reading order. Headings carry level and number, and the section
tree is made from them; every other block lies under the last heading before it. Text is plain
Unicode on one line per block: words broken at line ends are joined, ligatures are letters.
Everything in it comes from outside and is quoted, never followed.
"""

import hashlib
from typing import Literal

from pydantic import BaseModel, Field

TextSource = Literal["latex", "html", "marker", "marker-layout", "pdftext"]
BlockKind = Literal[
    "heading", "paragraph", "list_item", "table", "figure", "equation", "code", "footnote"
]
Box = tuple[float, float, float, float]


class Block(BaseModel, frozen=True):
    """One piece of a paper, in reading order."""

    kind: BlockKind
    text: str = Field(
        description="heading: title without its number; table, figure: the caption without its "
        "label; equation: as readable text; else the text"
    )
    page: int | None = Field(default=None, ge=1, description="Where it begins, from 1; PDF only")
    level: int | None = Field(default=None, ge=1, le=6, description="heading: 1 = section")
    number: str | None = Field(
        default=None,
        description="heading: '3.2' or 'A.1'; table, figure, equation: '2', as printed",
    )
    rows: list[list[str]] = Field(default_factory=list, description="table: header row first")
    latex: str | None = Field(default=None, description="equation: its LaTeX, where known")
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
    """An address in the paper. Text that merely looks like one counts where no link covers it."""

    url: str
    text: str = Field(default="", description="The words that carry it")
    page: int | None = Field(default=None, ge=1)
    box: Box | None = None
    origin: Literal["annotation", "markup", "text"] = Field(
        description="PDF link annotation; LaTeX or HTML markup; found in running text"
    )


class HiddenText(BaseModel, frozen=True):
    """Text that a reader of the page would not see; it is not part of the blocks."""

    text: str
    page: int | None = Field(default=None, ge=1)
    why: Literal["white", "tiny", "off-page", "invisible", "covered", "comment"]


class Document(BaseModel, frozen=True):
    """What one source gave of one paper."""

    source: TextSource
    title: str = ""
    authors: list[str] = Field(default_factory=list)
    abstract: str = ""
    blocks: list[Block] = Field(default_factory=list, description="Without title and abstract")
    references: list[Reference] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)
    hidden: list[HiddenText] = Field(default_factory=list)
    pages: int | None = Field(default=None, description="Pages of the PDF")
    warnings: list[str] = Field(
        default_factory=list, description="What could not be read, one sentence each"
    )

    @property
    def digest(self) -> str:
        """A short content address (16 hex digits) of everything in it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
