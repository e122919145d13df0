"""What is asked of reading a paper, and what is kept: which source gave it, what was tried."""

from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.reading.document import TextSource

AttemptStatus = Literal["ok", "not_there", "failed", "poor", "offline", "not_installed"]


SourceAsked = Literal["auto", "latex", "html", "marker", "marker-layout", "pdftext"]


class ReadRequest(BaseModel, frozen=True):
    """What is to be read, and from which source."""

    paper: str
    source: SourceAsked = "auto"
    refresh: bool = False


class Attempt(BaseModel, frozen=True):
    """One step of the ladder of text sources."""

    source: TextSource
    status: AttemptStatus
    detail: str = Field(default="", description="Why it gave nothing, and what would help")
    seconds: float = 0


class Reading(BaseModel, frozen=True):
    """A paper that was read. The document lies under its digest."""

    paper: str = Field(description="The paper's id")
    title: str
    source: TextSource
    digest: str
    attempts: list[Attempt]
    read_at: str = Field(description="ISO 8601, UTC")
    markdown: str = Field(description="The text as Markdown: path within the workspace")
    original: str | None = Field(default=None, description="What it was read from, if a local file")
