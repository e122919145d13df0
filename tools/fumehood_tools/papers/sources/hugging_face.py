"""Hugging Face papers: needs no key, and lists the code repositories of many papers.

GET /api/papers/search?q=&limit= returns a list of {"paper": {…}} (format observed in 2026-11; the
vendor describes it in its agent skill `huggingface-papers`).
"""

from pydantic import BaseModel, Field

from fumehood_tools.deadlines import Deadline
from fumehood_tools.papers.paper import Paper, make_paper
from fumehood_tools.papers.sources.model import Answer, Query, SourceName, entries, only_papers
from fumehood_tools.web.model import Pace, Web


class _Author(BaseModel):
    name: str = ""


class _Body(BaseModel):
    id: str
    title: str
    summary: str = ""
    authors: list[_Author] = Field(default_factory=list)
    published: str | None = Field(default=None, alias="publishedAt")
    repository: str | None = Field(default=None, alias="githubRepo")


class _Entry(BaseModel):
    paper: _Body


class HuggingFaceSource:
    """Hugging Face papers."""

    name: SourceName = "hugging_face"
    key: str | None = None
    pace = Pace("hugging_face", 0.2)

    def ask(self, query: Query, web: Web, deadline: Deadline) -> Answer:
        """Return the papers that Hugging Face finds. Raises SourceFailed."""
        params = {"q": query.text[:250], "limit": min(query.limit, 120)}
        answer = web.get_json("/api/papers/search", deadline, params)
        found, unreadable = entries(answer, None, _Entry)
        papers = only_papers((_paper(entry.paper) for entry in found), query)
        return Answer(papers[: query.limit], unreadable=unreadable)


def _paper(body: _Body) -> Paper | None:
    return make_paper(
        "hugging_face",
        title=body.title,
        identifiers=[body.id],
        authors=[author.name for author in body.authors],
        published=body.published[:10] if body.published else None,
        abstract=body.summary,
        url=f"https://huggingface.co/papers/{body.id}",
        code=[body.repository] if body.repository else [],
    )
