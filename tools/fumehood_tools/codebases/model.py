"""Candidates for a paper's code: where each was found, and what is there now."""

from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.web.model import Status

Source = Literal[
    "paper",
    "library",
    "hugging_face",
    "author_pages",
    "github",
    "perplexity",
    "exa",
    "clones",
    "packages",
    "folders",
    "you",
]
CodeStatus = Literal[
    "alive",
    "archived",
    "empty",
    "readme_only",
    "coming_soon",
    "dead",
    "private_or_missing",
    "unreachable",
    "local",
    "not_checked",
]
"""dead: its host says that it is not there. private_or_missing: its host does not say which of the
two. unreachable: the network or the host failed, which tells nothing. local: on this machine."""
Kind = Literal["repository", "package", "folder", "archive_page"]

MOST_QUOTE = 400


class Sighting(BaseModel, frozen=True):
    """One place where a candidate was found."""

    source: Source
    how: str = Field(description="link, text, reference, field, search result …")
    quote: str = Field(default="", description="The sentence around it: an untrusted quotation")
    section: str = Field(default="", description="Titles of the sections around it")
    page: int | None = None
    url: str = Field(default="", description="The address as it is written there")
    says_own: bool = Field(
        default=False, description="The sentence says that this is the authors' own code"
    )
    weight: float = Field(
        default=0.3, ge=0, le=1, description="How much it counts in the order of the list"
    )


class Candidate(BaseModel, frozen=True):
    """One repository, package or folder that may be the paper's code."""

    source: str = Field(description="Pass it to validate_codebase or pack_repository")
    kind: Kind = "repository"
    status: CodeStatus = "not_checked"
    detail: str = Field(default="", description="What the status is based on, in a sentence")
    found: list[Sighting] = Field(default_factory=list)
    folder: str = Field(default="", description="Folder of the repository that the paper points to")
    moved_from: list[str] = Field(default_factory=list, description="Addresses that lead to it")
    fork_of: str = ""
    commit: str = Field(default="", description="Newest commit of the default branch")
    committed: str = Field(default="", description="Date of that commit, ISO 8601")
    archived: bool | None = Field(default=None, description="None: its host was not asked")
    licence: str = Field(default="", description="SPDX identifier, as its host states it")
    stars: int | None = None
    files: int | None = Field(default=None, description="Number of files at that commit")
    cached: bool = Field(default=False, description="A copy is in the cache, also without network")
    guesses: list[str] = Field(
        default_factory=list, description="Other addresses, if a line break may have cut this one"
    )

    @property
    def order(self) -> float:
        """How high it stands in the list. No statement about whether it is the paper's code."""
        doubt = 1.0
        for sighting in self.found:
            doubt *= 1 - sighting.weight
        gone = self.status in ("dead", "empty")
        return (1 - doubt) * (0.5 if gone else 1.0)


class SourceReport(BaseModel, frozen=True):
    """The outcome of asking one source."""

    name: Source
    status: Status
    count: int = Field(default=0, description="Candidates that it named")
    seconds: float = 0
    error: str = Field(default="", description="What happened and what to do next")
    cost_usd: float = 0
