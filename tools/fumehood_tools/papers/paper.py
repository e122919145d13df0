"""A paper as it is known: what the sources said, merged, with who said it.

Every text in it comes from outside: it is cleaned of control characters, capped in length, and
quoted, never followed.
"""

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from fumehood_tools.papers.identity import arxiv_id, doi, plain, surname, title_key

MOST_AUTHORS = 50
Judge = Literal["agent", "perplexity", "lexical"]


def _capped(characters: int) -> BeforeValidator:
    def cap(value: Any) -> Any:
        return plain(value)[:characters] if isinstance(value, str) else value

    return BeforeValidator(cap)


Short = Annotated[str, _capped(500)]
Long = Annotated[str, _capped(6000)]
Address = Annotated[str, _capped(2000)]


TRUST: dict[Judge, int] = {"lexical": 0, "perplexity": 1, "agent": 2}


class Judgement(BaseModel, frozen=True):
    """How relevant a paper is to a query and its purpose, and who says so."""

    confidence: float = Field(ge=0, le=1, description="0 = not relevant, 1 = what was looked for")
    reasoning: Long
    judged_by: Judge


class Paper(BaseModel, frozen=True):
    """One paper. `id` is stable: arxiv:… before doi:… before a source's own id or the title's."""

    id: str = ""
    title: Short
    authors: list[Short] = Field(default_factory=list)
    year: int | None = Field(default=None, ge=1000, le=3000)
    published: Short | None = Field(default=None, description="ISO date of the first version")
    abstract: Long = ""
    venue: Short = ""
    categories: list[Short] = Field(default_factory=list)
    arxiv: str | None = None
    doi: str | None = None
    other_ids: list[Short] = Field(default_factory=list, description="s2:…, openalex:…, bib:…")
    url: Address | None = None
    pdf: Address | None = Field(default=None, description="Address, or file in the workspace")
    code: list[Address] = Field(default_factory=list, description="Repositories a source names")
    citations: int | None = None
    found_by: list[str] = Field(default_factory=list)
    aliases: list[str] = Field(default_factory=list, description="Other ids that lead to it")
    judgement: Judgement | None = None

    def own_ids(self) -> list[str]:
        """Return every id under which this paper may be known, the best first."""
        known = [
            *([f"arxiv:{self.arxiv}"] if self.arxiv else []),
            *([f"doi:{self.doi}"] if self.doi else []),
            *self.other_ids,
        ]
        first = surname(self.authors[0]) if self.authors else ""
        return known or [f"title:{_short_digest(f'{title_key(self.title)}|{self.year}|{first}')}"]


def make_paper(
    source: str, *, title: str, identifiers: list[str | None], **known: Any
) -> Paper | None:
    """Return a paper as one source knows it; None for what has no title or can't be a paper.

    identifiers: whatever may hold an arXiv id or a DOI (ids, URLs, DOIs).
    """
    given = [text for text in identifiers if text]
    arxiv = next(filter(None, map(arxiv_id, given)), None)
    dois = [found for found in map(doi, given) if found]
    published_doi = next((found for found in dois if "10.48550/arxiv" not in found), None)
    published = str(known.get("published") or "")
    if known.get("year") is None and published[:4].isdecimal():
        known["year"] = int(published[:4])
    known["authors"] = [name for name in known.get("authors", ()) if name][:MOST_AUTHORS]
    try:
        paper = Paper(title=title, arxiv=arxiv, doi=published_doi, found_by=[source], **known)
    except ValidationError:
        return None
    if not title_key(paper.title):
        return None
    return paper.model_copy(update={"id": paper.own_ids()[0]})


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
