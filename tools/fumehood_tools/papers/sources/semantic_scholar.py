"""Semantic Scholar's Graph API: GET /graph/v1/paper/search, one request per second with a key."""

from pydantic import BaseModel, Field

from fumehood_tools.deadlines import Deadline
from fumehood_tools.papers.paper import Paper, make_paper
from fumehood_tools.papers.sources.model import Answer, Query, SourceName, entries, only_papers
from fumehood_tools.web.model import Pace, Web

KEY = "SEMANTIC_SCHOLAR_API_KEY"
_FIELDS = (
    "title,abstract,year,publicationDate,venue,authors.name,externalIds,citationCount,"
    "openAccessPdf,url"
)


class _Author(BaseModel):
    name: str = ""


class _Pdf(BaseModel):
    url: str | None = None


class _Entry(BaseModel):
    paper_id: str = Field(alias="paperId")
    title: str
    abstract: str | None = None
    year: int | None = None
    date: str | None = Field(default=None, alias="publicationDate")
    venue: str | None = None
    authors: list[_Author] = Field(default_factory=list)
    ids: dict[str, str | int] | None = Field(default=None, alias="externalIds")
    citations: int | None = Field(default=None, alias="citationCount")
    pdf: _Pdf | None = Field(default=None, alias="openAccessPdf")
    url: str | None = None


class SemanticScholarSource:
    """Semantic Scholar."""

    name: SourceName = "semantic_scholar"
    key: str | None = KEY
    pace = Pace("semantic_scholar", 1.0)

    def ask(self, query: Query, web: Web, deadline: Deadline) -> Answer:
        """Return the papers that Semantic Scholar finds. Raises SourceFailed."""
        params: dict[str, object] = {
            "query": query.text,
            "limit": min(query.limit, 100),
            "fields": _FIELDS,
        }
        if query.first_year or query.last_year:
            params["year"] = f"{query.first_year or ''}-{query.last_year or ''}"
        headers = {"x-api-key": web.key(KEY)}
        answer = web.get_json("/graph/v1/paper/search", deadline, params, headers)
        found, unreadable = entries(answer, "data", _Entry)
        total = answer.get("total")
        return Answer(
            only_papers(map(_paper, found), query),
            total=total if isinstance(total, int) else None,
            unreadable=unreadable,
        )


def _paper(entry: _Entry) -> Paper | None:
    ids = entry.ids or {}
    arxiv = f"arxiv:{ids['ArXiv']}" if "ArXiv" in ids else None
    return make_paper(
        "semantic_scholar",
        title=entry.title,
        identifiers=[arxiv, str(ids.get("DOI", ""))],
        other_ids=[f"s2:{entry.paper_id}"],
        authors=[author.name for author in entry.authors],
        year=entry.year,
        published=entry.date,
        abstract=entry.abstract or "",
        venue=entry.venue or "",
        citations=entry.citations,
        url=entry.url,
        pdf=entry.pdf.url if entry.pdf else None,
    )
