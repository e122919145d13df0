"""Measure validation: which repository is a paper's code, on invented and on real papers.

    python benchmarks/codebases/run.py [--sources FOLDER] [--write]

Invented: 8 papers with 20 candidates each, built as git repositories; 3 papers were held out while
the constants were chosen. Real: the pairs of real.toml whose sources are in FOLDER (clones named
owner+name, source distributions), every paper against every repository, with the paper itself
removed from its repository. --write stores the real table in real.tsv.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]

from codebases import invented, real  # noqa: E402

from fumehood_tools.papers.library import Library  # noqa: E402
from fumehood_tools.reading.markdown_text import read_markdown  # noqa: E402
from fumehood_tools.reading.reading import Reading  # noqa: E402
from fumehood_tools.repositories import local_checkout, open_checkout  # noqa: E402
from fumehood_tools.settings import load_settings  # noqa: E402
from fumehood_tools.validation.models import STANDINGS, Validation  # noqa: E402
from fumehood_tools.validation.paper_facts import paper_facts  # noqa: E402
from fumehood_tools.validation.shelf import ValidationShelf  # noqa: E402
from fumehood_tools.validation.validate import (  # noqa: E402
    Repository,
    read_repository,
    validate_read,
)

TABLE = Path(__file__).with_name("real.tsv")


class Judged(NamedTuple):
    """One paper with all of its candidates, best first: (kind or name, class, score, method)."""

    paper: str
    part: str
    right: str
    rows: list[tuple[str, Validation]]

    @property
    def rank(self) -> int:
        """The place of the right repository, from 1."""
        return next(at for at, (name, _) in enumerate(self.rows, 1) if name == self.right)

    @property
    def primary(self) -> list[str]:
        """The candidates that were called primary."""
        return [name for name, it in self.rows if it.standing == "primary"]


def main() -> int:
    """Print both parts; return 1 if a stranger is primary or an invented paper's code not first."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sources", type=Path, help="folder with clones and source distributions")
    parser.add_argument("--write", action="store_true", help="store the table of the real pairs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        found = list(judge_invented(Path(work)))
    told("invented", found)
    kinds(found)
    good = all(it.rank == 1 and it.primary == ["real"] for it in found)
    if options.sources:
        with tempfile.TemporaryDirectory() as work:
            judged = list(judge_real(options.sources, Path(work)))
        told("real", judged)
        if options.write:
            TABLE.write_text("".join(table(judged)), encoding="utf-8")
    return 0 if good else 1


def judge_invented(work: Path, only: tuple[str, ...] = ()) -> Iterator[Judged]:
    """Yield each invented paper with its candidates. only: keys of papers, all if empty."""
    papers = invented.load()
    settings = load_settings(work / "workspace", {"FUMEHOOD_CACHE": str(work / "cache")})
    library = Library(settings.state)
    shelf = ValidationShelf(settings, library)
    for paper in papers:
        if only and paper.key not in only:
            continue
        document = read_markdown(paper.paper.encode()).model_copy(update={"authors": paper.authors})
        facts = paper_facts(f"arxiv:{paper.said('arxiv')}", document)
        kinds: dict[str, str] = {}
        results: dict[str, Validation] = {}
        for number, it in enumerate(invented.candidates(paper, papers)):
            folder = invented.build(it, work / paper.key / str(number))
            name = it.kind if it.kind not in kinds.values() else f"other paper {number}"
            kinds[it.address] = name
            checkout = open_checkout(str(folder), settings=settings)._replace(address=it.address)
            one = validate_read(facts, read_repository(checkout))
            shelf.put(_reading(facts.id), one, [])
            results[it.address] = one.validation
        tree = shelf.tree(facts.id)
        rows = [
            (
                kinds[branch.repository],
                results[branch.repository].model_copy(update={"standing": standing}),
            )
            for standing in STANDINGS
            for branch in getattr(tree, standing)
        ]
        yield Judged(paper.key, "held" if paper.held_out else "dev", "real", rows)
    library.close()


def judge_real(sources: Path, work: Path) -> Iterator[Judged]:
    """Yield each real paper with all repositories that are there."""
    read: dict[str, Repository] = {}
    papers = {}
    for pair in real.pairs():
        folder = real.laid_out(pair, sources, work)
        if folder is None:
            print(f"not there: {pair.source}")
            continue
        if pair.paper:
            papers[pair] = real.read_paper(folder, pair.paper)
            real.remove_paper(folder, pair.paper)
        read[pair.name] = read_repository(local_checkout(folder, pair.address))
    for pair, document in papers.items():
        facts = paper_facts(f"title:{document.title}", document)
        results = {name: validate_read(facts, it).validation for name, it in read.items()}
        order = sorted(results.items(), key=lambda it: _place(it[1]))
        yield Judged(pair.name, pair.part, pair.name, order)


def told(what: str, judged: list[Judged]) -> None:
    """Print the figures, apart for what was held out."""
    print(f"\n{what}: papers x repositories, first, primary: right / all, recall, abstained")
    for name in ("dev", "held", "fresh", "all"):
        some = [it for it in judged if name in (it.part, "all")]
        if not some:
            continue
        first = sum(it.rank == 1 for it in some)
        primaries = [(it, name) for it in some for name in it.primary]
        right = sum(name == it.right for it, name in primaries)
        unknown = sum(dict(it.rows)[it.right].standing == "unknown" for it in some)
        print(
            f"  {name:5} {len(some)} x {len(some[0].rows)}  first {first}/{len(some)}  "
            f"primary {right}/{len(primaries)}  recall {right}/{len(some)}  abstained {unknown}"
        )
    for it in judged:
        own = dict(it.rows)[it.right]
        name, best = next(row for row in it.rows if row[0] != it.right)
        print(
            f"  {it.paper:34} {it.part:5} {own.standing:9} "
            f"{own.score:.2f} rank {it.rank}  next: {name} {best.standing} {best.score:.2f}"
        )


def kinds(judged: list[Judged]) -> None:
    """Print how each kind of invented candidate was classed."""
    print("\nkinds of candidates: class x papers; highest score")
    found: dict[str, Counter[str]] = {}
    best: dict[str, float] = {}
    for it in judged:
        for name, one in it.rows:
            kind = "another paper's code" if name.startswith("other paper") else name
            found.setdefault(kind, Counter())[one.standing] += 1
            best[kind] = max(best.get(kind, 0), one.score)
    for kind, counts in found.items():
        shares = ", ".join(f"{standing} {count}" for standing, count in counts.items())
        print(f"  {kind:22} {shares}; {best[kind]:.2f}")


def table(judged: list[Judged]) -> Iterator[str]:
    """Yield the lines of the table of real pairs: every paper with every repository."""
    yield "paper\tset\trepository\tright\tclass\tscore\tidentity\tmethod\tparts\n"
    for it in judged:
        for name, one in it.rows:
            parts = " ".join(f"{kind}={value:.2f}" for kind, value in one.parts.items())
            yield (
                f"{it.paper}\t{it.part}\t{name}\t{int(name == it.right)}\t{one.standing}\t"
                f"{one.score:.3f}\t{one.identity:.3f}\t{one.method:.3f}\t{parts}\n"
            )


def _place(one: Validation) -> tuple[int, float, float]:
    """Return the key by which candidates are ordered, as in the tree."""
    return STANDINGS.index(one.standing), -one.score, -one.method


def _reading(paper: str) -> Reading:
    return Reading(
        paper=paper, title="", source="markdown", digest="", attempts=[], read_at="",
        markdown=f"papers/{paper.replace(':', '_')}.md",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
