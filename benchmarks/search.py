"""Time a paper search: six services in parallel compared with the slowest one, and the library.

    python benchmarks/search.py [--repeats 3] [--papers 20000]

The services are the tests' fakes on loopback, each with a fixed latency. So the ratio measures the
cost of sending requests, merging, ranking and storing, and not the speed of a service. The first
search, which includes the imports, is not counted. Then a library of `papers` papers is filled and
searched without a network.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from fakes.paper_services import Known, PaperServices  # noqa: E402

from fumehood_tools.paper_records.quotes import QuoteFinder  # noqa: E402
from fumehood_tools.papers.library import Library  # noqa: E402
from fumehood_tools.papers.paper import make_paper  # noqa: E402
from fumehood_tools.papers.search import PaperSearch  # noqa: E402
from fumehood_tools.papers.search_request import SearchRequest  # noqa: E402
from fumehood_tools.papers.services import Services  # noqa: E402
from fumehood_tools.reading.document import Block, Document  # noqa: E402
from fumehood_tools.reading.text_search import TextIndex  # noqa: E402
from fumehood_tools.settings import load_keys, load_settings  # noqa: E402
from fumehood_tools.web.service import Keys  # noqa: E402

LATENCIES = {
    "arxiv": 3.0,
    "hugging_face": 0.5,
    "perplexity": 2.5,
    "exa": 2.0,
    "semantic_scholar": 1.5,
    "openalex": 1.0,
}
KEYS = ("PERPLEXITY_API_KEY", "EXA_API_KEY", "SEMANTIC_SCHOLAR_API_KEY", "OPENALEX_API_KEY")
_WORDS = (
    "sparse dense gated autoencoder transcoder latent feature circuit probe steering attention "
    "residual model language vision scaling dead absorption splitting superposition sampling"
)
WORDS = _WORDS.split()
INVENTED = ROOT / "tests" / "tools" / "reading" / "invented_paper.json"


def main() -> int:
    """Measure, print the results, and return 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--papers", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fan_out(Path(folder), options.repeats)
        library(Path(folder), options.papers)
    book()
    return 0


def fan_out(folder: Path, repeats: int) -> None:
    """Print the time of a search of six services, and its ratio to the slowest latency."""
    known = [Known(f"Sparse autoencoder study {n}", arxiv=f"2401.{n:05d}") for n in range(25)]
    seconds = []
    with PaperServices(known).running() as services:
        for number in range(repeats + 1):
            for name, latency in LATENCIES.items():
                services[name].latency = latency if number else 0.0
            environ = {
                "FUMEHOOD_CACHE": str(folder / f"cache{number}"),
                "FUMEHOOD_ENDPOINTS": services.endpoints,
                **dict.fromkeys(KEYS, "a-key"),
            }
            settings = load_settings(folder / f"workspace{number}", environ)
            reach = Services(settings, Keys(load_keys(environ)))
            search = PaperSearch(settings, Library(settings.state), reach)
            began = time.perf_counter()
            found = search.search(SearchRequest(query="sparse autoencoder"), judge="lexical")
            if number:
                seconds.append(time.perf_counter() - began)
            assert {it.status for it in found.sources} == {"ok"}, found.sources
            search.close()
    slowest = max(LATENCIES.values())
    took = statistics.median(seconds)
    print(
        f"six services, latencies {', '.join(f'{it:g}' for it in LATENCIES.values())} s: "
        f"{took:.2f} s, {took / slowest:.3f} x the slowest (goal 1.10)"
    )


def library(folder: Path, papers: int) -> None:
    """Print how fast a library is filled and searched."""
    chance = random.Random(0)
    made = [
        make_paper(
            "arxiv",
            title=" ".join(chance.choices(WORDS, k=8)) + f" {number}",
            identifiers=[f"arxiv:{1000 + number // 90000:04d}.{10000 + number % 90000:05d}"],
            authors=[f"Author{chance.randrange(999)} Name{chance.randrange(999)}"],
            abstract=" ".join(chance.choices(WORDS, k=120)),
        )
        for number in range(papers)
    ]
    held = Library(folder / "library")
    began = time.perf_counter()
    for start in range(0, papers, 25):
        held.remember(it for it in made[start : start + 25] if it)
    filled = time.perf_counter() - began
    settings = load_settings(
        folder / "offline", {"FUMEHOOD_CACHE": str(folder / "c")}, offline=True
    )
    search = PaperSearch(settings, held, Services(settings, Keys({})))
    times = []
    for query in ("sparse autoencoder dead latents", "SAE steering", "circuit probing of vision"):
        began = time.perf_counter()
        search.search(SearchRequest(query=query))
        times.append(time.perf_counter() - began)
    search.close()
    print(
        f"library of {papers:,}: filled at {papers / filled:,.0f} papers/s in answers of 25; "
        f"a search without network takes {statistics.median(times):.2f} s"
    )


def book() -> None:
    """Print what a search and a misquotation cost in a book, against one a tenth as long."""
    searched, quoted = {}, {}
    for pages in (50, 500):
        text = invented_book(pages)
        index, finder = TextIndex({"book": text}), QuoteFinder(text)
        searched[pages] = seconds_of(partial(index.search, "co-activations of latents"))
        quote = "We train every autoencoder on the stream after layer 3 of Pythia-70M, " * 4
        quoted[pages] = seconds_of(partial(finder.find, quote))
    print(
        f"book of 500 pages: a search takes {1e3 * searched[500]:.1f} ms, "
        f"{searched[500] / searched[50]:.1f} x that of 50 pages; a misquotation is refused in "
        f"{1e3 * quoted[500]:.1f} ms, {quoted[500] / quoted[50]:.1f} x"
    )


def invented_book(pages: int) -> Document:
    """Return a document that has eight paragraphs of an invented paper on every page."""
    paper = Document.model_validate_json(INVENTED.read_text(encoding="utf-8"))
    prose = [block.text for block in paper.blocks if block.kind == "paragraph"][:8]
    return Document(
        source="pdftext",
        blocks=[
            Block(kind="paragraph", text=f"{text} Copy {page} of it.", page=page)
            for page in range(1, pages + 1)
            for text in prose
        ],
    )


def seconds_of(work: Callable[[], object], repeats: int = 10) -> float:
    """Return the median seconds of some work that was done once before."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
