"""Fetch real papers whose LaTeX and PDF are public, and score the readers of PDFs on them.

    python benchmarks/pdf/real.py [--papers NAME ...] [--backends NAME ...] [--source ADDRESS]

real_papers.toml lists repositories, commits and paths; the papers are not part of this repository
and stay in build/real-papers. The truth is what our LaTeX reader finds in the source
(source_truth.py), so readers of LaTeX are not scored. A paper that cannot be fetched or has no
readable source is named with the reason and left out, and so is one whose PDF was made from another
version of the source: less than 70 % of its groups of three words are in what pypdfium2 reads.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pypdfium2
from pydantic import BaseModel, Field

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import run  # noqa: E402
from source_truth import overlap, truth_of  # noqa: E402

from fumehood_tools.errors import FumehoodError  # noqa: E402
from fumehood_tools.reading.latex import read_sources  # noqa: E402
from fumehood_tools.reading.latex.folder import read_beside  # noqa: E402

LIST = Path(__file__).resolve().with_name("real_papers.toml")
CACHE = Path(__file__).resolve().parents[2] / "build" / "real-papers"
GITHUB = "https://github.com/{owner}/{name}"
FETCH_S = 120
SAME_VERSION = 0.7
BACKENDS = ("pdftext", "pypdfium2", "pdftotext", "pdfplumber", "docling")
# Large files that no reader of LaTeX opens. The PDF of the paper is fetched by its path.
NOT_FETCHED = (
    *("pdf", "png", "jpg", "jpeg", "gif", "eps", "ps", "svg", "pptx", "mp4", "ipynb"),
    *("zip", "gz", "npy", "npz", "pkl", "csv", "json"),
)
# The others would count items that the truth leaves out as invented (see source_truth.py).
METRICS = (
    *("title", "authors", "abstract", "heads", "heads=", "numbers", "levels", "runin"),
    *("prose", "words", "order", "rows", "refs", "links", "captions"),
)


class Listed(BaseModel, frozen=True):
    """One paper of the list."""

    name: str
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name on GitHub")
    commit: str = Field(pattern=r"^[0-9a-f]{40}$")
    tex: str = Field(description="path of the main file")
    pdf: str
    license: str = Field(description="of the repository, or 'not stated'")


class NotFetched(Exception):
    """A paper that could not be fetched. The message says why."""


class LeftOut(NamedTuple):
    """A paper that is not scored, and why."""

    paper: str
    why: str


def listed() -> list[Listed]:
    """Return the papers of the list."""
    papers = tomllib.loads(LIST.read_text(encoding="utf-8"))["paper"]
    return [Listed.model_validate(paper) for paper in papers]


def fetch(paper: Listed, source: str, cache: Path = CACHE) -> Path:
    """Return the folder of a paper, with its source and paper.pdf; fetch it if it is not there.

    source: address with {owner} and {name}. Only the commit, and of it the folder of the main file,
    is fetched. Raises NotFetched.
    """
    folder = cache / f"{paper.name}-{paper.commit[:8]}"
    if (folder / "paper.pdf").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    source_folder = folder / "source"
    source_folder.mkdir(parents=True)
    owner, _, name = paper.repository.partition("/")
    inside = Path(paper.tex).parent.as_posix()
    left = [f":(exclude,glob,icase)**/*.{ending}" for ending in NOT_FETCHED]
    try:
        _git(source_folder, "init", "--quiet")
        _git(source_folder, "remote", "add", "origin", source.format(owner=owner, name=name))
        _git(source_folder, *_FETCH, "origin", paper.commit)
        _git(source_folder, "checkout", "--quiet", paper.commit, "--", inside, *left)
        _git(source_folder, "checkout", "--quiet", paper.commit, "--", f":(literal){paper.pdf}")
        shutil.move(source_folder / paper.pdf, folder / "paper.pdf")
    except (NotFetched, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


_FETCH = ("fetch", "--quiet", "--depth", "1", "--no-tags", "--filter=blob:none")


def _git(folder: Path, *arguments: str) -> None:
    """Run git without asking for a password. Raises NotFetched with its last line."""
    quiet = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, env=quiet)
    except subprocess.TimeoutExpired as error:
        raise NotFetched(f"git took longer than {FETCH_S} s") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if not line.startswith("warning:")]
        raise NotFetched(lines[0].strip() if lines else f"git {arguments[0]} failed")


def prepare(paper: Listed, folder: Path) -> str:
    """Write truth.json of a fetched paper. Return why it is left out, or ''."""
    try:
        sources, name = read_beside(folder / "source" / paper.tex)
        document = read_sources(sources, name)
    except FumehoodError as error:
        return f"our LaTeX reader fails: {error}"
    pdf = pypdfium2.PdfDocument(folder / "paper.pdf")
    pages = len(pdf)
    pdf.close()
    truth = truth_of(document, pages)
    (folder / "truth.json").write_text(truth.model_dump_json(indent=1), encoding="utf-8")
    text = run.load_pypdfium2()(folder)
    assert isinstance(text, run.Extract)
    same = overlap(truth, text.text)
    if same < SAME_VERSION:
        return f"its PDF has {same:.0%} of the words of its source, so it is of another version"
    return ""


def collect(papers: list[Listed], source: str) -> tuple[dict[str, Path], list[LeftOut]]:
    """Fetch the papers. Return the folders of those that can be scored, and the others."""
    folders: dict[str, Path] = {}
    others: list[LeftOut] = []
    for paper in papers:
        try:
            folder = fetch(paper, source)
        except NotFetched as error:
            others.append(LeftOut(paper.name, f"not fetched: {error}"))
            continue
        why = prepare(paper, folder)
        if why:
            others.append(LeftOut(paper.name, why))
        else:
            folders[paper.name] = folder
    return folders, others


def main() -> None:
    papers = listed()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--papers", nargs="*", choices=[paper.name for paper in papers])
    parser.add_argument("--backends", nargs="*", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--source", default=GITHUB, help="where git fetches {owner} and {name}")
    parser.add_argument("--misses", action="store_true", help="list the missed items of each paper")
    parser.add_argument("--json", type=Path, help="write all counts and misses to this file")
    args = parser.parse_args()
    wanted = [paper for paper in papers if not args.papers or paper.name in args.papers]
    folders, others = collect(wanted, args.source)
    print(f"Real papers: {len(folders)} of {len(wanted)} are scored.")
    for name, why in others:
        print(f"{name}: left out: {why}")
    if not folders:
        print("Nothing was measured. The papers are fetched from GitHub, which needs a network.")
        return
    done = run.run_all(args.backends, list(folders.values()), args.misses, METRICS)
    if args.json:
        args.json.write_text(json.dumps(run.as_json(done), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
