"""Import BibTeX files and PDFs from the user's folders into the library.

The folders are `papers/` in the workspace and the folders or files in FUMEHOOD_LIBRARY. A file is
read when it is new or has changed. PDFs are opened in a child process, which returns title,
authors, arXiv id and the text of the first page. A PDF that crashes the child is reported and not
tried again.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fumehood_tools.children import ChildTask, ask_once
from fumehood_tools.errors import PartMissing, RunFailed
from fumehood_tools.papers.bibtex import read_bibtex
from fumehood_tools.papers.encodings import decoded
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.paper import Paper, make_paper

MOST_FILES = 20_000
PDFS_PER_SEARCH = 40
MOST_BIB_BYTES = 50_000_000
CHILD_MEMORY = 3_000_000_000
_CHILD = "fumehood_tools.papers.pdf_fronts"


def take_in(library: Library, places: Sequence[Path], workspace: Path) -> list[str]:
    """Read new and changed files into the library; return one sentence per skipped file."""
    notes: list[str] = []
    fresh = [(path, name) for path, name in _files(places) if library.kept(name) is None]
    for path, name in fresh:
        if path.suffix.lower() == ".bib":
            notes += _take_bibtex(library, path)
            library.keep(name, {})
    pdfs = {path: name for path, name in fresh if path.suffix.lower() == ".pdf"}
    for path, front in _fronts(list(pdfs)[:PDFS_PER_SEARCH]):
        if front is None:
            notes.append(f"{path.name} could not be opened as a PDF.")
        else:
            library.remember(filter(None, [_paper(path, front, workspace)]))
        library.keep(pdfs[path], {})
    if len(pdfs) > PDFS_PER_SEARCH:
        notes.append(
            f"{len(pdfs) - PDFS_PER_SEARCH} PDFs have not been read yet. Search again to read "
            "more of them."
        )
    return notes


def _take_bibtex(library: Library, path: Path) -> list[str]:
    try:
        if path.stat().st_size > MOST_BIB_BYTES:
            return [f"{path.name} is larger than {MOST_BIB_BYTES:,} bytes and was not read."]
        text, encoding = decoded(path.read_bytes())
    except OSError as error:
        return [f"{path.name} could not be read ({error.strerror})."]
    notes: list[str] = []
    library.remember(read_bibtex(text, notes))
    if encoding in ("cp1252", "latin-1") and not text.isascii():
        notes.append(
            "It is not in UTF-8 and was read as Windows-1252. If letters are wrong, save it as "
            "UTF-8."
        )
    return [f"{path.name}: {note}" for note in notes]


def _files(places: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield BibTeX files and PDFs, each with the library name that records that it was read.

    The name contains size and modification time, so a changed file has a new name.
    """
    found = (path for place in places for path in _walk(place))
    for path in itertools.islice(found, MOST_FILES):
        try:
            stat = path.stat()
        except OSError:
            continue
        if path.suffix.lower() in (".bib", ".pdf") and path.is_file():
            yield path, f"file {path} {stat.st_size} {stat.st_mtime_ns}"


def _walk(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from sorted(it for it in place.rglob("*") if it.suffix.lower() in (".bib", ".pdf"))
    else:
        yield place


def _fronts(paths: Sequence[Path]) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    """Yield each path with the fields read from its PDF, None for a PDF that can't be read.

    All PDFs go to one child. If it crashes, each PDF gets its own child, to find the culprit.
    """
    if not paths:
        return
    try:
        yield from zip(paths, _ask(paths), strict=True)
    except RunFailed:
        if len(paths) == 1:
            yield paths[0], None
            return
        for path in paths:
            yield from _fronts([path])


def _ask(paths: Sequence[Path]) -> list[dict[str, Any] | None]:
    task = ChildTask(
        doing="Reading the first pages of PDFs",
        remedy="These PDFs are skipped.",
        seconds=5 + 0.5 * len(paths),
        memory=CHILD_MEMORY,
        missing={"pypdfium2": PartMissing("pypdfium2", "pip install pypdfium2")},
    )
    answer = ask_once(_CHILD, [str(path) for path in paths], task)
    found: list[dict[str, Any] | None] = json.loads(answer)
    return found


def _paper(path: Path, front: dict[str, Any], workspace: Path) -> Paper | None:
    inside = path.is_relative_to(workspace)
    return make_paper(
        "library",
        title=front["title"] or path.stem.replace("_", " "),
        identifiers=[front["stamp"], path.stem],
        other_ids=[f"file:{front['sha256'][:12]}"],
        authors=front["authors"],
        year=front["year"],
        abstract=front["abstract"],
        pdf=(path.relative_to(workspace) if inside else path).as_posix(),
    )
