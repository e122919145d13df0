"""Services that name a paper's code: Hugging Face papers, GitHub search, Perplexity, Exa.

Each function sends one or two requests and returns candidates, or raises SourceFailed. What they
return was written by others and proves nothing.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from fumehood_tools.codebases.links import candidate_of, sighting_of
from fumehood_tools.codebases.model import Candidate, Source
from fumehood_tools.deadlines import Deadline
from fumehood_tools.papers.identity import title_key
from fumehood_tools.papers.sources.exa import search_pages
from fumehood_tools.web.model import Pace, SourceFailed, Web

GITHUB_PACE = Pace("github", 0.1)
PERPLEXITY_USD = 0.005
MOST_RESULTS = 10
HOSTS = ("github.com", "gitlab.com", "huggingface.co", "bitbucket.org", "codeberg.org")


class About(NamedTuple):
    """The paper whose code is wanted."""

    title: str
    arxiv: str
    authors: tuple[str, ...]


class Named(NamedTuple):
    """What a service named, and what asking it cost."""

    candidates: list[Candidate]
    cost_usd: float = 0.0


Asker = Callable[[About, Web, Deadline], Named]


class Service(NamedTuple):
    """A service. key: the variable of its API key. needs_key: it is not asked without one."""

    name: Source
    pace: Pace
    ask: Asker
    key: str = ""


def _hugging_face(about: About, web: Web, deadline: Deadline) -> Named:
    """GET /api/papers/{arXiv id}, which has the fields githubRepo and projectPage."""
    if about.arxiv:
        try:
            answer = web.get_json(f"/api/papers/{about.arxiv}", deadline, {})
        except SourceFailed as error:
            if error.http == 404:
                return Named([])
            raise
        entries = [answer]
    else:
        params = {"q": about.title[:250], "limit": 5}
        answer = web.get_json("/api/papers/search", deadline, params)
        entries = [_dict(it).get("paper") for it in answer] if isinstance(answer, list) else []
    found = []
    for entry in map(_dict, entries):
        if about.arxiv or title_key(str(entry.get("title", ""))) == title_key(about.title):
            for field, weight in (("githubRepo", 0.8), ("projectPage", 0.5)):
                url = entry.get(field)
                if isinstance(url, str) and url:
                    seen = sighting_of("hugging_face", f"field {field}", url, "", weight)
                    found.append(candidate_of(url, seen))
    return Named(_present(found))


def github_headers(token: str) -> dict[str, str]:
    """Return the headers of a request to GitHub's REST API. token: "" for none."""
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    return headers | ({"Authorization": f"Bearer {token}"} if token else {})


def _github(about: About, web: Web, deadline: Deadline) -> Named:
    """GET /search/repositories, once for the arXiv id and once for the title."""
    headers = github_headers(web.key("GITHUB_TOKEN"))
    title = re.sub(r'["\\]', " ", about.title)[:200]
    asked = [(f'"{about.arxiv}" in:readme', 0.45)] if about.arxiv else []
    asked += [(f'"{title}" in:readme,description', 0.35)] if title else []
    found = []
    for query, weight in asked:
        params = {"q": query, "per_page": MOST_RESULTS}
        answer = _dict(web.get_json("/search/repositories", deadline, params, headers))
        items = answer.get("items")
        if not isinstance(items, list):
            raise SourceFailed("bad_answer", "Its answer has an unexpected format.")
        for item in map(_dict, items):
            url, said = str(item.get("html_url", "")), str(item.get("description") or "")
            seen = sighting_of("github", f"search {query[:80]}", url, said, weight)
            found.append(candidate_of(url, seen))
    return Named(_present(found))


def _perplexity(about: About, web: Web, deadline: Deadline) -> Named:
    """POST /search, restricted to hosts of repositories."""
    body = {
        "query": _question(about),
        "max_results": MOST_RESULTS,
        "search_domain_filter": list(HOSTS),
    }
    headers = {"Authorization": f"Bearer {web.key('PERPLEXITY_API_KEY')}"}
    answer = _dict(web.post_json("/search", deadline, body, headers))
    results = answer.get("results")
    if not isinstance(results, list):
        raise SourceFailed("bad_answer", "Its answer has an unexpected format.")
    pages = [(str(it.get("url", "")), str(it.get("snippet") or "")) for it in map(_dict, results)]
    return Named(_of_pages("perplexity", pages), PERPLEXITY_USD)


def _exa(about: About, web: Web, deadline: Deadline) -> Named:
    pages, cost = search_pages(_question(about), HOSTS, MOST_RESULTS, web, deadline)
    return Named(_of_pages("exa", pages), cost)


def _question(about: About) -> str:
    by = f" by {about.authors[0]}" if about.authors else ""
    paper = f" (arXiv {about.arxiv})" if about.arxiv else ""
    return f'Code repository of the paper "{about.title[:250]}"{by}{paper}'


def _of_pages(source: Source, pages: Iterable[tuple[str, str]]) -> list[Candidate]:
    return _present(
        candidate_of(url, sighting_of(source, "search result", url, said, 0.3))
        for url, said in pages
    )


def _present(found: Iterable[Candidate | None]) -> list[Candidate]:
    return [one for one in found if one is not None]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


SERVICES = (
    Service("hugging_face", Pace("hugging_face", 0.2), _hugging_face),
    Service("github", GITHUB_PACE, _github, "GITHUB_TOKEN"),
    Service("perplexity", Pace("perplexity", 0.05), _perplexity, "PERPLEXITY_API_KEY"),
    Service("exa", Pace("exa", 0.2), _exa, "EXA_API_KEY"),
)
