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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from fakes.paper_services import Known, PaperServices  # noqa: E402

from fumehood_tools.papers.library import Library  # noqa: E402
from fumehood_tools.papers.paper import make_paper  # noqa: E402
from fumehood_tools.papers.search import PaperSearch  # noqa: E402
from fumehood_tools.papers.search_request import SearchRequest  # noqa: E402
from fumehood_tools.papers.services import Services  # noqa: E402
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


if __name__ == "__main__":
    sys.exit(main())
