"""The interface of a source: the query it receives, and its answer or typed failure.

A source that fails is reported with a status, never as an empty list of papers.
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
    """The outcome of asking one source."""

    name: str
    status: Status
    count: int = Field(default=0, description="Number of papers it returned")
    total: int | None = Field(
        default=None, description="Number of papers that the source says match the query"
    )
    seconds: float = 0
    error: str | None = Field(default=None, description="What happened and what to do next")
    retry_after: float | None = Field(
        default=None, description="Seconds to wait before asking again"
    )
    cached_s: float | None = Field(default=None, description="Age of a cached answer, in seconds")
    cost_usd: float = Field(default=0, description="Cost of the call; prices as of 2026-11")


@dataclass(frozen=True)
class Query:
    """The query that every source receives. limit: most papers to return."""

    text: str
    limit: int
    first_year: int | None = None
    last_year: int | None = None

    def covers(self, year: int | None) -> bool:
        """Return whether papers of this year are wanted. Papers of unknown year always are."""
        if year is None:
            return True
        return (self.first_year or 0) <= year <= (self.last_year or 9999)


@dataclass(frozen=True)
class Answer:
    """The papers that a source found, best first. unreadable: entries that were skipped."""

    papers: list[Paper]
    total: int | None = None
    cost_usd: float = 0
    unreadable: int = 0


class Source(Protocol):
    """One place to search. `ask` sends the requests; SourceFailed is the only error it raises."""

    name: SourceName
    key: str | None
    """Environment variable of the API key, or None. A source without its key is not asked."""
    pace: Pace

    def ask(self, query: Query, web: Web, deadline: Deadline) -> Answer:
        """Return the papers found. Raises SourceFailed."""


def entries(answer: Any, key: str | None, model: type[Wire]) -> tuple[list[Wire], int]:
    """Return the valid entries of the list in a JSON answer, and the number of invalid ones.

    key: the field that holds the list; None if the answer itself is the list. Raises SourceFailed
    if there is no list, or if the list has entries and none of them is valid.
    """
    found = answer.get(key) if key is not None and isinstance(answer, dict) else answer
    if not isinstance(found, list):
        where = f"no list under {key!r}" if key else "no list"
        raise SourceFailed("bad_answer", f"Its answer has an unexpected format ({where}).")
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
    """Return the papers whose year the query covers, without the None entries."""
    return [paper for paper in papers if paper is not None and query.covers(paper.year)]
