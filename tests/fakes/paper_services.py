"""Fakes of the six services for paper search, with their wire formats.

The formats follow arXiv's API manual (Atom with opensearch and arxiv namespaces), the vendors'
published references for Exa, Perplexity (/search and /v1/responses), Semantic Scholar and OpenAlex,
and the Hugging Face papers API. All services know the same few papers, with different fields.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from fakes.http_service import HttpService, Reply, Request


@dataclass
class Known:
    """A paper that all services return."""

    title: str
    arxiv: str = ""
    doi: str = ""
    year: int = 2023
    authors: list[str] = field(default_factory=lambda: ["Ada Example", "Bo Sample"])
    abstract: str = "We train a sparse autoencoder on activations of a language model."
    code: str = ""


PAPERS = [
    Known(
        "Sparse Autoencoders Find Highly Interpretable\n  Features in Language Models",
        arxiv="2309.08600",
        authors=["Hoagy Cunningham", "Aidan Ewart"],
        code="https://github.com/HoagyC/sparse_coding",
    ),
    Known("Scaling and evaluating sparse autoencoders", "2406.04093", year=2024),
    Known("Toy Models of Superposition", "2209.10652", year=2022, abstract="Polysemantic neurons."),
    Known("A Handbook of Vehicle Steering", doi="10.1000/steer.77", year=2019, abstract="Cars."),
]
ATOM = """<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"
 xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">
  <id>https://arxiv.org/api/cHxbiOdZaP56ODnBPIenZhzg5f8</id>
  <title>arXiv Query</title><updated>2026-11-22T00:00:00Z</updated>
  <opensearch:itemsPerPage>{count}</opensearch:itemsPerPage>
  <opensearch:totalResults>{count}</opensearch:totalResults>
  <opensearch:startIndex>0</opensearch:startIndex>
{entries}</feed>"""
ATOM_ERROR = """<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns="http://www.w3.org/2005/Atom"><entry>
<id>http://arxiv.org/api/errors#incorrect_id_format_for_xx</id><title>Error</title>
<summary>incorrect id format for xx</summary><updated>2026-11-22T00:00:00Z</updated>
<author><name>arXiv api core</name></author></entry></feed>"""


class PaperServices:
    """All six services and the judge. `services["arxiv"].fault = …` breaks one."""

    def __init__(self, papers: list[Known] | None = None) -> None:
        self.papers = PAPERS if papers is None else papers
        self.verdict: object = None
        self.files: dict[str, Reply] = {}
        """Path on arXiv (/src/…, /html/…, /pdf/…) or elsewhere -> the reply for it."""
        self.services = {
            name: HttpService(getattr(self, name))
            for name in (
                "arxiv",
                "arxiv_html",
                "hugging_face",
                "perplexity",
                "exa",
                "semantic_scholar",
                "openalex",
            )
        }

    def __getitem__(self, name: str) -> HttpService:
        return self.services[name]

    @property
    def endpoints(self) -> str:
        """The value for FUMEHOOD_ENDPOINTS."""
        return ";".join(f"{name}={service.url}" for name, service in self.services.items())

    @contextlib.contextmanager
    def running(self) -> Iterator["PaperServices"]:
        """Serve until the block ends."""
        with contextlib.ExitStack() as stack:
            for service in self.services.values():
                stack.enter_context(service)
            yield self

    def arxiv(self, request: Request) -> Reply:
        """GET /api/query, /src/… and /pdf/…"""
        if request.path != "/api/query":
            return self.arxiv_html(request)
        known = [paper for paper in self.papers if paper.arxiv]
        entries = "".join(_entry(paper) for paper in known)
        feed = ATOM.format(count=len(known), entries=entries)
        return Reply(feed.encode(), content_type="application/atom+xml")

    def arxiv_html(self, request: Request) -> Reply:
        """GET /html/…"""
        return self.files.get(request.path, Reply(b"Not here", 404, "text/plain"))

    def hugging_face(self, request: Request) -> Reply:
        """GET /api/papers/search"""
        return Reply.of(
            [
                {
                    "paper": {
                        "id": paper.arxiv,
                        "authors": [{"name": name, "hidden": False} for name in paper.authors],
                        "publishedAt": f"{paper.year}-09-15T17:56:55.000Z",
                        "title": paper.title.upper(),
                        "summary": paper.abstract,
                        "upvotes": 3,
                        **({"githubRepo": paper.code} if paper.code else {}),
                    },
                    "title": paper.title,
                    "numComments": 0,
                }
                for paper in self.papers
                if paper.arxiv
            ]
        )

    def exa(self, request: Request) -> Reply:
        """POST /search"""
        return Reply.of(
            {
                "requestId": "b5947044c4b78efa9552a7c89b306d95",
                "resolvedSearchType": "neural",
                "results": [
                    {
                        "id": _url(paper),
                        "title": paper.title,
                        "url": _url(paper),
                        "publishedDate": f"{paper.year}-09-15T00:00:00.000Z",
                        "author": ", ".join(paper.authors),
                        "score": 0.41,
                        "highlights": [paper.abstract],
                        "somethingNew": 3,
                    }
                    for paper in self.papers
                ],
                "costDollars": {"total": 0.007},
            }
        )

    def perplexity(self, request: Request) -> Reply:
        """POST /search and POST /v1/responses"""
        if request.path == "/v1/responses":
            return self._judge(request)
        results = [
            {
                "title": f"[{paper.arxiv}] {paper.title} - arXiv" if paper.arxiv else paper.title,
                "url": _url(paper),
                "snippet": paper.abstract,
                "date": f"{paper.year}-09-20",
                "last_updated": None,
            }
            for paper in self.papers
        ]
        return Reply.of({"id": "s1", "results": results, "server_time": None})

    def semantic_scholar(self, request: Request) -> Reply:
        """GET /graph/v1/paper/search"""
        data = [
            {
                "paperId": f"{number:040x}",
                "externalIds": {"ArXiv": paper.arxiv} if paper.arxiv else {"DOI": paper.doi},
                "title": paper.title,
                "abstract": None,
                "year": paper.year + 1,
                "venue": "ICLR",
                "citationCount": 100 + number,
                "authors": [{"authorId": "1", "name": name} for name in paper.authors],
                "openAccessPdf": None,
                "url": f"https://www.semanticscholar.org/paper/{number:040x}",
            }
            for number, paper in enumerate(self.papers)
        ]
        return Reply.of({"total": 812, "offset": 0, "next": len(data), "data": data})

    def openalex(self, request: Request) -> Reply:
        """GET /works"""
        results = [
            {
                "id": f"https://openalex.org/W{number}",
                "doi": f"https://doi.org/{paper.doi or '10.48550/arxiv.' + paper.arxiv}",
                "title": paper.title,
                "publication_year": paper.year,
                "publication_date": f"{paper.year}-09-15",
                "authorships": [{"author": {"display_name": name}} for name in paper.authors],
                "abstract_inverted_index": {"Hello": [0, 2], "again": [1]},
                "cited_by_count": 7,
                "primary_location": {"landing_page_url": _url(paper), "source": None},
            }
            for number, paper in enumerate(self.papers, 100)
        ]
        return Reply.of({"meta": {"count": 4321, "page": 1}, "results": results})

    def _judge(self, request: Request) -> Reply:
        shown = json.loads(request.body["input"])["papers"]
        verdict = self.verdict or {
            "judgements": [
                {
                    "number": paper["number"],
                    "confidence": 0.9 if "autoencoder" in paper["title"].lower() else 0.1,
                    "reasoning": f"The title says {paper['title'][:20]!r}.",
                }
                for paper in shown
            ]
        }
        part = {"type": "output_text", "text": json.dumps(verdict), "annotations": []}
        return Reply.of(
            {
                "id": "resp_1",
                "object": "response",
                "status": "completed",
                "model": request.body["model"],
                "output": [
                    {"type": "search_results", "queries": [], "results": []},
                    {"type": "message", "role": "assistant", "content": [part]},
                ],
                "usage": {"input_tokens": 9, "output_tokens": 9, "cost": {"total_cost": 0.002}},
            }
        )


def _url(paper: Known) -> str:
    return (
        f"https://arxiv.org/abs/{paper.arxiv}v2" if paper.arxiv else f"https://doi.org/{paper.doi}"
    )


def _entry(paper: Known) -> str:
    authors = "".join(f"<author><name>{name}</name></author>" for name in paper.authors)
    return f"""  <entry>
    <id>http://arxiv.org/abs/{paper.arxiv}v3</id>
    <title>{escape(paper.title)}</title>
    <updated>{paper.year + 1}-10-04T15:17:38Z</updated>
    <link href="https://arxiv.org/abs/{paper.arxiv}v3" rel="alternate" type="text/html"/>
    <link href="https://arxiv.org/pdf/{paper.arxiv}v3" rel="related" title="pdf"/>
    <summary>{escape(paper.abstract)}</summary>
    <category term="cs.LG" scheme="http://arxiv.org/schemas/atom"/>
    <published>{paper.year}-09-15T17:56:55Z</published>
    <arxiv:primary_category term="cs.LG"/>
    {authors}
  </entry>
"""
