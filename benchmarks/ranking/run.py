"""Compare our keyless ranker with plain BM25 (rank-bm25), on a labeled set of papers and queries.

    python benchmarks/ranking/run.py [--split test] [--queries]

Plain BM25 is Okapi over title and abstract with lower-case words, without stemming or stop words.
The ranker sees the same texts. Both rank all papers for every query. --queries shows each query; do
not use it on the test split, since whoever tunes on it makes its result worthless.
"""

import argparse
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from labels import Paper, Query, load_papers, load_queries  # noqa: E402
from ndcg import ndcg, paired_difference, precision_at_1  # noqa: E402
from rank_bm25 import BM25Okapi  # noqa: E402

from fumehood_tools.papers.paper import make_paper  # noqa: E402
from fumehood_tools.papers.ranking import Ranker  # noqa: E402

Rank = Callable[[str], list[int]]


def main() -> int:
    """Print one line per ranker and the difference between them; return 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    parser.add_argument("--queries", action="store_true", help="show each query")
    options = parser.parse_args()
    papers, queries = load_papers(), load_queries(options.split)
    scores: dict[str, list[float]] = {}
    print(f"{len(papers)} papers, {len(queries)} queries of split {options.split}")
    for name, build in (("rank-bm25", plain_bm25), ("fumehood", keyless)):
        began = time.perf_counter()
        rank = build(papers)
        built = time.perf_counter()
        ranked = [[papers[place].id for place in rank(query.query)] for query in queries]
        ended = time.perf_counter()
        judged = [(it, query.judgements) for it, query in zip(ranked, queries, strict=True)]
        scores[name] = [ndcg(it, judgements) for it, judgements in judged]
        first = statistics.fmean(precision_at_1(it, judgements) for it, judgements in judged)
        print(
            f"{name:10} nDCG@10 {statistics.fmean(scores[name]):.3f}  P@1 {first:.2f}  index "
            f"{1e3 * (built - began):.0f} ms  query {1e3 * (ended - built) / len(queries):.1f} ms"
        )
    if options.queries:
        show(queries, scores)
    ours, plain = scores["fumehood"], scores["rank-bm25"]
    gain = paired_difference(ours, plain)
    ratio = statistics.fmean(ours) / statistics.fmean(plain)
    print(
        f"fumehood / rank-bm25: {ratio:.2f} x (goal 1.1); "
        f"difference {gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
    )
    return 0


def keyless(papers: Sequence[Paper]) -> Rank:
    """Return our ranker, as search_papers uses it without a key."""
    made = [
        make_paper("set", title=it.title, identifiers=[], abstract=it.abstract, year=it.year)
        for it in papers
    ]
    return Ranker([it for it in made if it]).order


def plain_bm25(papers: Sequence[Paper]) -> Rank:
    """Return rank-bm25's Okapi with its own defaults."""
    index = BM25Okapi([_words(f"{it.title} {it.abstract}") for it in papers])

    def rank(query: str) -> list[int]:
        scores = index.get_scores(_words(query))
        return sorted(range(len(papers)), key=lambda place: -scores[place])

    return rank


def show(queries: Sequence[Query], scores: dict[str, list[float]]) -> None:
    """Print both scores of every query."""
    for place, query in enumerate(queries):
        values = "  ".join(f"{name} {it[place]:.2f}" for name, it in scores.items())
        print(f"  {values}  {query.kind}: {query.query}")


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


if __name__ == "__main__":
    sys.exit(main())
