"""What a source is, what it is asked, and what it answers: papers, or a typed failure.

A failed source is a status, never an empty list.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.deadlines import Deadline
from fumehood_tools.papers.paper import Paper
from fumehood_tools.web.model import Pace, SourceFailed, Status, Web

SourceName = Literal[
    "arxiv", "hugging_face", "perplexity", "exa", "semantic_scholar", "openalex", "library"
]
Wire = TypeVar("Wire", bound=BaseModel)


class SourceStatus(BaseModel, frozen=True):
    """How one source did."""

    name: str
    status: Status
    count: int = Field(default=0, description="Papers it gave")
    total: int | None = Field(default=None, description="Papers it says it has for this query")
    seconds: float = 0
    error: str | None = Field(default=None, description="What happened, and what to do")
    retry_after: float | None = Field(default=None, description="Seconds until asking makes sense")
    cached_s: float | None = Field(default=None, description="Age of a cached answer, seconds")
    cost_usd: float = Field(default=0, description="What the call cost; prices as of 2026-11")


@dataclass(frozen=True)
class Query:
    """What every source is asked."""

    text: str
    limit: int
    first_year: int | None = None
    last_year: int | None = None

    def covers(self, year: int | None) -> bool:
        """Say whether a paper of that year is wanted; an unknown year is."""
        if year is None:
            return True
        return (self.first_year or 0) <= year <= (self.last_year or 9999)


@dataclass(frozen=True)
class Answer:
    """What a source found, best first."""

    papers: list[Paper]
    total: int | None = None
    cost_usd: float = 0
    unreadable: int = 0


class Source(Protocol):
    """One place to search. `ask` makes its requests and raises SourceFailed; nothing else."""

    name: SourceName
    key: str | None
    """The variable that holds its key; without one it is not asked."""
    pace: Pace

    def ask(self, query: Query, web: Web, deadline: Deadline) -> Answer:
        """Return what was found. Raises SourceFailed."""


def entries(answer: Any, key: str | None, model: type[Wire]) -> tuple[list[Wire], int]:
    """Return the readable entries of a JSON answer's list, and how many were not readable.

    key: where the list is, None if the answer is the list. Raises SourceFailed when there is no
    list, or nothing in it can be read.
    """
    found = answer.get(key) if key is not None and isinstance(answer, dict) else answer
    if not isinstance(found, list):
        where = f"no list under {key!r}" if key else "no list"
        raise SourceFailed("bad_answer", f"It answered in another form than expected ({where}).")
    read: list[Wire] = []
    for entry in found:
        try:
            read.append(model.model_validate(entry))
        except ValidationError:
            continue
    if found and not read:
        raise SourceFailed("bad_answer", f"None of its {len(found)} entries could be read.")
    return read, len(found) - len(read)


def only_papers(papers: Iterable[Paper | None], query: Query) -> list[Paper]:
    """Return what are papers of the years asked for."""
    return [paper for paper in papers if paper is not None and query.covers(paper.year)]
