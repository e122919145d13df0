"""Perplexity's Search API in academic mode: POST /search, $5 per 1,000 calls (2026-11).

It returns web pages, not bibliographic records: a title may include the name of the site, and the
year is the page's. Merging with arXiv's record of the paper corrects both.
"""

import re

from pydantic import BaseModel

from fumehood_tools.deadlines import Deadline
from fumehood_tools.papers.paper import Paper, make_paper
from fumehood_tools.papers.sources.model import Answer, Query, SourceName, entries, only_papers
from fumehood_tools.web.model import Pace, Web

KEY = "PERPLEXITY_API_KEY"
PRICE_USD = 0.005
_SITE = re.compile(
    r"^\[\d{4}\.\d{4,5}(?:v\d+)?\]\s*|\s+[-|–]\s+(?:arXiv(?:\.org)?|OpenReview|Semantic Scholar|"
    r"ACL Anthology|Hugging Face|alphaXiv|PDF)$",
    re.IGNORECASE,
)


class _Page(BaseModel):
    title: str
    url: str
    snippet: str | None = None
    date: str | None = None


class PerplexitySource:
    """Perplexity."""

    name: SourceName = "perplexity"
    key: str | None = KEY
    pace = Pace("perplexity", 0.05)

    def ask(self, query: Query, web: Web, deadline: Deadline) -> Answer:
        """Return the papers that Perplexity finds. Raises SourceFailed."""
        body: dict[str, object] = {
            "query": query.text,
            "max_results": min(query.limit, 20),
            "search_mode": "academic",
        }
        if query.first_year:
            body["search_after_date_filter"] = f"01/01/{query.first_year}"
        if query.last_year:
            body["search_before_date_filter"] = f"12/31/{query.last_year}"
        headers = {"Authorization": f"Bearer {web.key(KEY)}"}
        answer = web.post_json("/search", deadline, body, headers)
        found, unreadable = entries(answer, "results", _Page)
        papers = only_papers(map(_paper, found), query)
        return Answer(papers, cost_usd=PRICE_USD, unreadable=unreadable)


def _paper(page: _Page) -> Paper | None:
    return make_paper(
        "perplexity",
        title=_SITE.sub("", _SITE.sub("", page.title)),
        identifiers=[page.url],
        published=page.date,
        abstract=page.snippet or "",
        url=page.url,
    )
