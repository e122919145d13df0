"""Read the benchmark's papers with every backend and print one table.

    python benchmarks/pdf/run.py [--backends NAME ...] [--papers NAME ... | --held-out] [--misses]

pdftext, latex and marker-layout are ours. The others are for comparison: pypdfium2, pdftotext
(poppler) and docling (its pipeline without models) return plain text, pdfplumber text with tables
and links; pandoc and docling-latex read LaTeX. peers.py says how they are installed. Every figure
except tau is a share of all items of all papers. A backend that cannot run on this machine is
listed with the reason. One paper is read first without being measured. Times are wall times of one
call, including child processes, one paper after another.
"""

import argparse
import io
import json
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from pandoc import read_latex_file  # noqa: E402
from peers import Extract, NotHere, find_pandoc, start  # noqa: E402
from score import METRICS, Score, Share, Truth, score, score_text  # noqa: E402

from fumehood_tools.errors import FumehoodError  # noqa: E402
from fumehood_tools.reading.document import Document  # noqa: E402

PAPERS = Path(__file__).resolve().parent / "papers"
NOT_SOURCE = {"paper.pdf", "labels.toml", "truth.json"}
Read = Callable[[Path], Document | Extract]


class Reading(NamedTuple):
    """The result of reading one paper with one backend."""

    paper: str
    pages: int
    seconds: float
    score: Score
    failure: str = ""


def pack(folder: Path) -> bytes:
    """Return a paper's source as arXiv serves it: a .tar.gz, without the PDF and the truth."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in NOT_SOURCE:
                archive.add(path, arcname=path.relative_to(folder).as_posix())
    return packed.getvalue()


def load_pdftext() -> Read:
    from fumehood_tools.reading.pdf import read_pdf

    return lambda folder: read_pdf(folder / "paper.pdf")


def load_latex() -> Read:
    from fumehood_tools.reading.latex import read_latex

    return lambda folder: read_latex(pack(folder))


def load_marker() -> Read:
    from fumehood_tools.reading.marker import read_with_marker

    return lambda folder: read_with_marker(folder / "paper.pdf", mode="layout")


def load_pypdfium2() -> Read:
    import pypdfium2

    def read(folder: Path) -> Extract:
        pdf = pypdfium2.PdfDocument(folder / "paper.pdf")
        pages = [page.get_textpage().get_text_bounded() for page in pdf]
        pdf.close()
        return Extract(text="\n".join(pages))

    return read


def load_pdftotext() -> Read:
    if shutil.which("pdftotext") is None:
        raise NotHere("pdftotext is not on PATH; install poppler-utils")

    def read(folder: Path) -> Extract:
        command = ["pdftotext", str(folder / "paper.pdf"), "-"]
        done = subprocess.run(command, capture_output=True, check=True)
        return Extract(text=done.stdout.decode())

    return read


def load_pdfplumber() -> Read:
    peer = start("pdfplumber")
    return lambda folder: peer.read(folder / "paper.pdf")


def load_docling() -> Read:
    peer = start("docling")
    return lambda folder: peer.read(folder / "paper.pdf")


def load_docling_latex() -> Read:
    peer = start("docling")
    return lambda folder: peer.read(folder / "paper.tex")


def load_pandoc() -> Read:
    pandoc = find_pandoc()
    return lambda folder: read_latex_file(pandoc, folder / "paper.tex")


BACKENDS = {
    "latex": load_latex,
    "pdftext": load_pdftext,
    "marker-layout": load_marker,
    "pypdfium2": load_pypdfium2,
    "pdftotext": load_pdftotext,
    "pdfplumber": load_pdfplumber,
    "docling": load_docling,
    "pandoc": load_pandoc,
    "docling-latex": load_docling_latex,
}
# Readers that return no structure; a metric that they cannot have has a total of 0.
PLAIN = {"pypdfium2", "pdftotext", "pdfplumber", "docling"}


def run_backend(name: str, folders: list[Path]) -> list[Reading]:
    """Read the papers one after another. Raises NotHere when the backend is missing."""
    try:
        read = BACKENDS[name]()
        read(folders[0])
    except ImportError as error:
        raise NotHere(str(error)) from error
    except FumehoodError as error:
        # A reader may fail on the first paper and still read the others. A missing part, however,
        # makes it fail on all of them.
        if error.code == "part_missing":
            raise NotHere(str(error)) from error
    nothing = Extract(text="") if name in PLAIN else Document(source="pdftext")
    return [_read_one(read, folder, nothing) for folder in folders]


def _read_one(read: Read, folder: Path, nothing: Document | Extract) -> Reading:
    truth = Truth.model_validate_json((folder / "truth.json").read_bytes())
    began, failure = time.perf_counter(), ""
    try:
        given = read(folder)
    except FumehoodError as error:
        # Nothing was read, so everything counts as missed.
        given, failure = nothing, str(error)
    seconds = time.perf_counter() - began
    return Reading(folder.name, truth.pages, seconds, score_any(given, truth), failure)


def score_any(given: Document | Extract, truth: Truth) -> Score:
    """Score a document, or text with what was found beside it."""
    if isinstance(given, Extract):
        return score_text(given.text, truth, given.rows, given.links)
    return score(given, truth)


def papers(held_out: bool) -> list[str]:
    """Return the names of the held-out papers, or of those on which readers may be improved."""
    return sorted(
        path.parent.name
        for path in PAPERS.glob("*/labels.toml")
        if tomllib.loads(path.read_text(encoding="utf-8")).get("held_out", False) == held_out
    )


def add_up(readings: list[Reading]) -> dict[str, Share]:
    """Return the share of each metric over all papers together."""
    return {
        metric: Share(*map(sum, zip(*(r.score.shares[metric] for r in readings), strict=True)))
        for metric in METRICS
    }


def show(share: Share) -> str:
    if share.value is None:
        return "-"
    return "1" if share.hits == share.of else f"{share.value:.3f}".lstrip("0").replace("-0", "-")


def print_table(done: dict[str, list[Reading]], metrics: Sequence[str] = METRICS) -> None:
    """Print one line per metric and one column per backend."""
    width = max(map(len, done), default=0)

    def line(name: str, cells: Iterable[str]) -> None:
        print(f"{name:9}" + "  ".join(f"{cell:>{width}}" for cell in cells))

    sums = [add_up(readings) for readings in done.values()]
    line("", done)
    for metric in metrics:
        line(metric, [show(shares[metric]) for shares in sums])
    seconds = [sum(r.seconds for r in readings) for readings in done.values()]
    timed = list(zip(done.values(), seconds, strict=True))
    line("pages/s", [f"{sum(r.pages for r in papers) / spent:.1f}" for papers, spent in timed])
    line("s/paper", [f"{spent / len(papers):.3f}" for papers, spent in timed])


def print_misses(backend: str, readings: list[Reading]) -> None:
    """Print the items missed in each paper, and the invented ones (metrics that end in =)."""
    for reading in readings:
        print(f"\n## {backend}: {reading.paper}")
        if reading.failure:
            print(f"failed: {reading.failure}")
            continue
        for metric, missed in reading.score.misses.items():
            share = reading.score.shares[metric]
            if share.of and share.hits < share.of:
                print(f"{metric} {share.hits}/{share.of}")
                for item in missed:
                    print(f"    {item[:160]}")


def run_all(
    backends: Iterable[str],
    folders: list[Path],
    misses: bool,
    metrics: Sequence[str] = METRICS,
) -> dict[str, list[Reading]]:
    """Read the papers in these folders with each backend, and print the table of the metrics."""
    done: dict[str, list[Reading]] = {}
    for name in backends:
        try:
            done[name] = run_backend(name, folders)
        except NotHere as error:
            print(f"{name}: not available: {error}")
    if done:
        print_table(done, metrics)
    for name, readings in done.items():
        for reading in readings:
            if reading.failure and not misses:
                print(f"{name}: {reading.paper} failed: {reading.failure}")
        if misses:
            print_misses(name, readings)
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--papers", nargs="*", choices=[*papers(False), *papers(True)])
    parser.add_argument("--held-out", action="store_true", help="read only the held-out papers")
    parser.add_argument("--backends", nargs="*", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--misses", action="store_true", help="list the missed items of each paper")
    parser.add_argument("--json", type=Path, help="write all counts and misses to this file")
    args = parser.parse_args()
    names = args.papers or papers(args.held_out)
    if not names:
        parser.error("no paper is held out; write new ones, and mark them in labels.toml")
    done = run_all(args.backends, [PAPERS / name for name in names], args.misses)
    if args.json:
        args.json.write_text(json.dumps(as_json(done), indent=1), encoding="utf-8")


def as_json(done: dict[str, list[Reading]]) -> dict[str, dict[str, object]]:
    """Return the counts and misses of every backend and paper."""
    return {
        name: {
            r.paper: {
                "pages": r.pages,
                "seconds": round(r.seconds, 4),
                "failure": r.failure,
                "shares": r.score.shares,
                "misses": r.score.misses,
            }
            for r in readings
        }
        for name, readings in done.items()
    }


if __name__ == "__main__":
    main()
