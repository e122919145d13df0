"""Requests to read a paper, and the records of how a paper was read: source and attempts."""

from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.reading.document import TextSource

AttemptStatus = Literal["ok", "partial", "not_there", "failed", "poor", "offline", "not_installed"]
"""partial: files of the source are missing, and so is their text."""


SourceAsked = Literal["auto", "latex", "html", "marker", "marker-layout", "pdftext"]


class ReadRequest(BaseModel, frozen=True):
    """A request to read a paper: which one, from which source, and whether to fetch it again."""

    paper: str
    source: SourceAsked = "auto"
    refresh: bool = False


class Attempt(BaseModel, frozen=True):
    """One step of the ladder of text sources: the source that was tried and its outcome."""

    source: TextSource
    status: AttemptStatus
    detail: str = Field(default="", description="Why it failed, and what would help")
    seconds: float = 0


class Reading(BaseModel, frozen=True):
    """The record of a paper that was read. Its document is stored under `digest`."""

    paper: str = Field(description="The paper's id")
    title: str
    source: TextSource
    digest: str
    attempts: list[Attempt]
    read_at: str = Field(description="ISO 8601, UTC")
    markdown: str = Field(description="Path of the Markdown text, relative to the workspace")
    original: str | None = Field(
        default=None, description="The local file it was read from, if any"
    )
