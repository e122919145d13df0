"""The record of a paper: the merged data of all sources that found it.

All text in it comes from outside. It is cleaned of control characters and limited in length, and
it is only ever quoted: instructions in it are never followed. Markup is replaced once, when the
record is made: a record that is stored and read again does not change.
"""

import hashlib
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from fumehood_tools.papers.identity import arxiv_id, doi, plain, surname, title_key
from fumehood_tools.quoting import one_line

MOST_AUTHORS = 50
MOST_RAW = 20_000
"""Characters of a text that are cleaned; more would be cut away afterwards."""
Judge = Literal["agent", "perplexity", "lexical"]


def _capped(characters: int) -> BeforeValidator:
    def cap(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return one_line(unicodedata.normalize("NFKC", value))[:characters].rstrip()

    return BeforeValidator(cap)


Short = Annotated[str, _capped(500)]
Long = Annotated[str, _capped(6000)]
Address = Annotated[str, _capped(2000)]


TRUST: dict[Judge, int] = {"lexical": 0, "perplexity": 1, "agent": 2}


class Judgement(BaseModel, frozen=True):
    """How relevant a paper is to a query and its purpose, and who judged it."""

    confidence: float = Field(ge=0, le=1, description="0 = not relevant, 1 = what was looked for")
    reasoning: Long
    judged_by: Judge


class Paper(BaseModel, frozen=True):
    """One paper. `id` is the first that exists: arxiv:…, doi:…, a source's id, title:…."""

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
    pdf: Address | None = Field(default=None, description="URL, or path of a local file")
    code: list[Address] = Field(
        default_factory=list, description="Code repositories that a source names"
    )
    citations: int | None = None
    found_by: list[str] = Field(default_factory=list)
    aliases: list[str] = Field(default_factory=list, description="Other ids of the same paper")
    judgement: Judgement | None = None

    def own_ids(self) -> list[str]:
        """Return all ids of this paper, best first."""
        known = [
            *([f"arxiv:{self.arxiv}"] if self.arxiv else []),
            *([f"doi:{self.doi}"] if self.doi else []),
            *self.other_ids,
        ]
        first = surname(self.authors[0]) if self.authors else ""
        return known or [f"title:{_short_digest(f'{title_key(self.title)}|{self.year}|{first}')}"]


def make_paper(
    source: str,
    *,
    title: str,
    identifiers: list[str | None],
    cleaned: Callable[[str], str] = plain,
    **known: Any,
) -> Paper | None:
    """Return one source's record of a paper; None if it has no title or its data are invalid.

    identifiers: strings that may contain an arXiv id or a DOI (ids, URLs, DOIs). cleaned: replaces
    the markup in title, abstract, venue and names. known: other fields of Paper.
    """
    given = [text for text in identifiers if text]
    arxiv = next(filter(None, map(arxiv_id, given)), None)
    dois = [found for found in map(doi, given) if found]
    published_doi = next((found for found in dois if "10.48550/arxiv" not in found), None)
    published = str(known.get("published") or "")
    if known.get("year") is None and published[:4].isdecimal():
        known["year"] = int(published[:4])
    names = [cleaned(name[:MOST_RAW]) for name in known.get("authors", ())[:MOST_AUTHORS] if name]
    known["authors"] = [name for name in names if name]
    for field in ("abstract", "venue"):
        if isinstance(known.get(field), str):
            known[field] = cleaned(known[field][:MOST_RAW])
    try:
        paper = Paper(
            title=cleaned(title[:MOST_RAW]),
            arxiv=arxiv,
            doi=published_doi,
            found_by=[source],
            **known,
        )
    except ValidationError:
        return None
    if not title_key(paper.title):
        return None
    return paper.model_copy(update={"id": paper.own_ids()[0]})


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
