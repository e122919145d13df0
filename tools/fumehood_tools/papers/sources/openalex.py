"""OpenAlex: GET /works?search=, $1 per 1,000 searches; a free key covers $1 a day (2026-11).

The key is sent as a query parameter, the only way that the service documents, so URLs are never
logged or shown. Abstracts arrive as inverted indexes.
"""

from pydantic import BaseModel, Field

from fumehood_tools.deadlines import Deadline
from fumehood_tools.papers.paper import Paper, make_paper
from fumehood_tools.papers.sources.model import Answer, Query, SourceName, entries, only_papers
from fumehood_tools.web.model import Pace, Web

KEY = "OPENALEX_API_KEY"
PRICE_USD = 0.001


class _Author(BaseModel):
    name: str | None = Field(default=None, alias="display_name")


class _Authorship(BaseModel):
    author: _Author


class _Venue(BaseModel):
    name: str | None = Field(default=None, alias="display_name")


class _Location(BaseModel):
    page: str | None = Field(default=None, alias="landing_page_url")
    pdf: str | None = Field(default=None, alias="pdf_url")
    source: _Venue | None = None


class _Work(BaseModel):
    id: str
    title: str
    doi: str | None = None
    year: int | None = Field(default=None, alias="publication_year")
    date: str | None = Field(default=None, alias="publication_date")
    authorships: list[_Authorship] = Field(default_factory=list)
    abstract: dict[str, list[int]] | None = Field(default=None, alias="abstract_inverted_index")
    citations: int | None = Field(default=None, alias="cited_by_count")
    location: _Location | None = Field(default=None, alias="primary_location")


class OpenAlexSource:
    """OpenAlex."""

    name: SourceName = "openalex"
    key: str | None = KEY
    pace = Pace("openalex", 0.1)

    def ask(self, query: Query, web: Web, deadline: Deadline) -> Answer:
        """Return the papers that OpenAlex finds. Raises SourceFailed."""
        params: dict[str, object] = {
            "search": query.text,
            "per_page": min(query.limit, 100),
            "api_key": web.key(KEY),
        }
        years = []
        if query.first_year:
            years.append(f"from_publication_date:{query.first_year}-01-01")
        if query.last_year:
            years.append(f"to_publication_date:{query.last_year}-12-31")
        if years:
            params["filter"] = ",".join(years)
        answer = web.get_json("/works", deadline, params)
        found, unreadable = entries(answer, "results", _Work)
        meta = answer.get("meta")
        total = meta.get("count") if isinstance(meta, dict) else None
        return Answer(
            only_papers(map(_paper, found), query),
            total=total if isinstance(total, int) else None,
            cost_usd=PRICE_USD,
            unreadable=unreadable,
        )


def _paper(work: _Work) -> Paper | None:
    place = work.location or _Location()
    return make_paper(
        "openalex",
        title=work.title,
        identifiers=[place.page, place.pdf, work.doi],
        other_ids=[f"openalex:{work.id.rsplit('/', 1)[-1]}"],
        authors=[it.author.name or "" for it in work.authorships],
        year=work.year,
        published=work.date,
        abstract=_in_order(work.abstract or {}),
        venue=(place.source.name or "") if place.source else "",
        citations=work.citations,
        url=place.page,
        pdf=place.pdf,
    )


def _in_order(index: dict[str, list[int]]) -> str:
    """Return the text of an inverted index, which maps each word to its positions."""
    placed = sorted((place, word) for word, places in index.items() for place in places)
    return " ".join(word for _, word in placed)
