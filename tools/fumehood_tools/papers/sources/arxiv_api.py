"""arXiv's API, through the `arxiv` package; at most one request every 3 s, one at a time.

The package has no time limit, ignores Retry-After, and reads an outage page as "no papers"
(observed with 4.0.2). Its requests therefore go through our Web, and we check that the body is a
feed without an error entry. The words of a query are joined with AND; if that finds little, a
second request joins them with OR. A query that uses arXiv's own fields (ti:, au:, cat: …) is sent
unchanged. Terms of use: https://info.arxiv.org/help/api/tou.html (one request per 3 s, one
connection).
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fumehood_tools.deadlines import Deadline
from fumehood_tools.papers.paper import Paper, make_paper
from fumehood_tools.papers.sources.model import Answer, Query, SourceName, only_papers
from fumehood_tools.papers.terms import content_words
from fumehood_tools.web.model import Pace, SourceFailed, Web

if TYPE_CHECKING:
    import arxiv

_FIELD = re.compile(r"\b(?:ti|au|abs|co|jr|cat|rn|id|all):", re.IGNORECASE)
_PHRASE = re.compile(r'"([^"]{2,200})"')
_ENOUGH = 3
_MOST_WORDS = 8


@dataclass(frozen=True)
class _Reply:
    """The part of requests.Response that the package reads."""

    content: bytes
    status_code: int = 200


class _Session:
    """Replaces the package's requests.Session."""

    def __init__(self, web: Web, deadline: Deadline) -> None:
        self._web, self._deadline = web, deadline

    def get(self, url: str, headers: dict[str, str]) -> _Reply:
        """Fetch a page of results. The package's headers are ignored; our client sends its own."""
        body = self._web.get(url, self._deadline)
        check_feed(body)
        return _Reply(body)


class ArxivSource:
    """arXiv."""

    name: SourceName = "arxiv"
    key: str | None = None
    pace = Pace("arxiv", 3.0, one_at_a_time=True)

    def ask(self, query: Query, web: Web, deadline: Deadline) -> Answer:
        """Return the papers that arXiv finds. Raises SourceFailed."""
        strict, loose = search_query(query, "AND"), search_query(query, "OR")
        results = _results(strict, query, web, deadline)
        if len(results) < min(_ENOUGH, query.limit) and loose != strict:
            try:
                more = _results(loose, query, web, deadline)
            except SourceFailed:
                if not results:
                    raise
                more = []
            known = {result.entry_id for result in results}
            results += [result for result in more if result.entry_id not in known]
        return Answer(only_papers(map(_paper, results[: query.limit]), query))


def search_query(query: Query, junction: str) -> str:
    """Return the query in arXiv's syntax, with the years as a range of submission dates.

    junction: "AND" or "OR", put between the words.
    """
    if _FIELD.search(query.text):
        text = query.text
    else:
        phrases = _PHRASE.findall(query.text)
        words = content_words(_PHRASE.sub(" ", query.text))[:_MOST_WORDS]
        terms = [f'all:"{phrase}"' for phrase in phrases] + [f"all:{word}" for word in words]
        text = f" {junction} ".join(terms) or "all:" + re.sub(r"\W+", " ", query.text).strip()
    if query.first_year is None and query.last_year is None:
        return text
    first, last = query.first_year or 1991, query.last_year or 2100
    return f"({text}) AND submittedDate:[{first}01010000 TO {last}12312359]"


def check_feed(body: bytes) -> None:
    """Raise SourceFailed unless body is an Atom feed without an error entry."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise SourceFailed(
            "bad_answer", "It answered with text that is not a feed (an outage?). Ask again later."
        ) from error
    atom = "{http://www.w3.org/2005/Atom}"
    if root.tag != f"{atom}feed":
        raise SourceFailed(
            "bad_answer", "It answered with a web page, not a feed (an outage?). Ask again later."
        )
    for entry in root.iterfind(f"{atom}entry"):
        if "/api/errors" in (entry.findtext(f"{atom}id") or ""):
            said = " ".join((entry.findtext(f"{atom}summary") or "").split())[:200]
            raise SourceFailed("bad_answer", f"It refused the query: {said!r}. Simplify the query.")


def _results(text: str, query: Query, web: Web, deadline: Deadline) -> "list[arxiv.Result]":
    import arxiv

    size = min(query.limit, 100)
    client = arxiv.Client(page_size=size, delay_seconds=0, num_retries=0)
    client.query_url_format = "/api/query?{}"
    client._session = _Session(web, deadline)
    try:
        return list(client.results(arxiv.Search(text, max_results=size)))
    except (arxiv.ArxivError, ValueError) as error:
        raise SourceFailed("bad_answer", "Its feed could not be read. Ask again later.") from error


def _paper(result: Any) -> Paper | None:
    return make_paper(
        "arxiv",
        title=result.title,
        identifiers=[result.entry_id, result.doi],
        authors=[author.name for author in result.authors],
        published=result.published.date().isoformat(),
        abstract=result.summary,
        venue=result.journal_ref or "",
        categories=list(result.categories),
        url=re.sub(r"^http:", "https:", result.entry_id),
        pdf=result.pdf_url,
    )
