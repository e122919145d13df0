"""Exa, through `exa-py`: category "publication" (called "research paper" until July 2026).

The package is imported when a search needs it, because the import takes 0.8 s (it imports openai).
It does not retry, and it raises ValueError for every HTTP error, so we read the status code from
the error text. The Retry-After header is not available.
"""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from fumehood_tools.deadlines import Deadline
from fumehood_tools.papers.paper import Paper, make_paper
from fumehood_tools.papers.sources.model import Answer, Query, SourceName, only_papers
from fumehood_tools.web.model import Pace, SourceFailed, Web
from fumehood_tools.web.service import failure_of_status

KEY = "EXA_API_KEY"
_CODE = re.compile(r"status code (\d{3})")


class _Result(BaseModel, from_attributes=True):
    url: str
    title: str
    published_date: str | None = None
    author: str | None = None
    highlights: list[str] | None = None


class ExaSource:
    """Exa."""

    name: SourceName = "exa"
    key: str | None = KEY
    pace = Pace("exa", 0.2)

    def ask(self, query: Query, web: Web, deadline: Deadline) -> Answer:
        """Return the papers that Exa finds. Raises SourceFailed."""
        answer = _search(query, web, deadline)
        results = answer.results
        read: list[_Result] = []
        for result in results if isinstance(results, list) else []:
            try:
                read.append(_Result.model_validate(result))
            except ValidationError:
                continue
        if results and not read:
            raise SourceFailed("bad_answer", f"None of its {len(results)} entries could be read.")
        cost = getattr(answer.cost_dollars, "total", 0) or 0
        papers = only_papers(map(_paper, read), query)
        return Answer(papers, cost_usd=float(cost), unreadable=len(results) - len(read))


def search_pages(
    question: str, domains: Sequence[str], most: int, web: Web, deadline: Deadline
) -> tuple[list[tuple[str, str]], float]:
    """Return (address, passage) of the web pages of some domains, and the cost in dollars.

    Raises SourceFailed.
    """
    answer = _asked(
        web,
        deadline,
        question,
        num_results=most,
        include_domains=list(domains),
        contents={"highlights": True},
    )
    results = answer.results if isinstance(answer.results, list) else []
    pages = [(str(it.url), " … ".join(it.highlights or [])) for it in results if it.url]
    return pages, float(getattr(answer.cost_dollars, "total", 0) or 0)


def _search(query: Query, web: Web, deadline: Deadline) -> Any:
    years: dict[str, str] = {}
    if query.first_year:
        years["start_published_date"] = f"{query.first_year}-01-01T00:00:00.000Z"
    if query.last_year:
        years["end_published_date"] = f"{query.last_year}-12-31T23:59:59.999Z"
    return _asked(
        web,
        deadline,
        query.text,
        category="publication",
        num_results=min(query.limit, 100),
        contents={"highlights": True},
        **years,
    )


def _asked(web: Web, deadline: Deadline, question: str, **options: Any) -> Any:
    import requests
    from exa_py import Exa

    client = Exa(web.key(KEY), base_url=web.endpoint)
    try:
        with web.turn(deadline):
            return client.search(question, timeout=deadline.left(), **options)
    except requests.Timeout as error:
        raise SourceFailed("timeout", "It did not answer in time. Ask again later.") from error
    except requests.RequestException as error:
        raise SourceFailed(
            "unavailable", "The connection failed. Check the network.", again=True
        ) from error
    except ValueError as error:
        if found := _CODE.search(str(error)):
            raise failure_of_status(int(found[1]), None, KEY) from error
        raise SourceFailed("bad_answer", "Its answer is not JSON.") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise SourceFailed("bad_answer", "Its answer has an unexpected format.") from error


def _paper(result: _Result) -> Paper | None:
    authors = re.split(r"[;,]\s*", result.author) if result.author else []
    return make_paper(
        "exa",
        title=re.sub(r"^\[\d{4}\.\d{4,5}(?:v\d+)?\]\s*", "", result.title),
        identifiers=[result.url],
        authors=authors,
        published=result.published_date[:10] if result.published_date else None,
        abstract=" … ".join(result.highlights or []),
        url=result.url,
    )
