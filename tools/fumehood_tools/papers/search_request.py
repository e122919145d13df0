"""The arguments of a search, and the agent's own judgments of its results."""

from pydantic import BaseModel, Field

from fumehood_tools.files import digest_of
from fumehood_tools.papers.sources.model import SourceName

MOST_QUERY = 400


class AgentJudgement(BaseModel, frozen=True, extra="forbid"):
    """The caller's own judgment of one paper."""

    id: str = Field(max_length=200)
    confidence: float = Field(ge=0, le=1)
    reasoning: str = Field(min_length=10, max_length=1000)


class SearchRequest(BaseModel, frozen=True):
    """What to search for. Two equal requests share their judgments and cached answers."""

    query: str = Field(min_length=1, max_length=MOST_QUERY)
    purpose: str = Field(default="", max_length=1000)
    sources: tuple[SourceName, ...] = ()
    first_year: int | None = Field(default=None, ge=1900, le=2100)
    last_year: int | None = Field(default=None, ge=1900, le=2100)

    @property
    def question(self) -> str:
        """The digest of query and purpose under which judgments are stored."""
        return digest_of([" ".join(self.query.lower().split()), " ".join(self.purpose.split())])
