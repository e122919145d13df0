"""Read a paper from the best source that has its text, and report the outcome of every step.

    arXiv LaTeX source > arXiv HTML (LaTeXML) > PDF with marker, if its models are installed
    > our own reading of the PDF's text layer, always available > PDF with marker on our own layout

A LaTeX source that lacks some of its files is used only if no later source has more text. Any
exception of a reader is the failure of its source, and the next source is tried. Fetched files stay
in the shared cache. A paper is fetched again only on request.
"""

import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple

from fumehood_tools.errors import FumehoodError, PartMissing, Unreadable
from fumehood_tools.files import digest_of
from fumehood_tools.papers.identity import arxiv_version
from fumehood_tools.papers.services import Services
from fumehood_tools.papers.sources.arxiv_api import ArxivSource
from fumehood_tools.quoting import one_line
from fumehood_tools.reading.document import Document, TextSource
from fumehood_tools.reading.reading import Attempt, AttemptStatus, SourceAsked
from fumehood_tools.reading.target import MARKDOWN, TEX, Target
from fumehood_tools.settings import Settings
from fumehood_tools.web.downloads import ANYWHERE
from fumehood_tools.web.model import SourceFailed, answer_within

FETCH_SECONDS = 120.0
READ_SECONDS = 900.0
MOST_BYTES = 300_000_000
LEAST_WORDS = 150
"""A text with fewer words than this is not a whole paper, so the next source is tried."""


class TextSourceStep(NamedTuple):
    """One source of a paper's text, and the function that reads it."""

    source: TextSource
    read: Callable[[], Document]
    is_lost: bool = False
    """True if the file could not be fetched, so that no reader can use this source."""


class Read(NamedTuple):
    """A document, the attempts that led to it, and the local file it was read from."""

    document: Document
    attempts: list[Attempt]
    original: Path | None


class Ladder:
    """Reads papers, trying one source after another.

    on_step: called with a short description of each step.
    """

    def __init__(
        self,
        settings: Settings,
        services: Services,
        *,
        password: str | None = None,
        refresh: bool = False,
        on_step: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings, self._services = settings, services
        self._password, self._refresh, self._on_step = password, refresh, on_step

    def read(self, target: Target, asked: SourceAsked = "auto") -> Read:
        """Return the first document that is whole and has enough text, or else the longest one.

        Raises Unreadable with the outcome of every step if no source has any text.
        """
        attempts: list[Attempt] = []
        held: list[Document] = []
        for rung in self._rungs(target):
            if asked not in ("auto", rung.source) and not rung.is_lost:
                continue
            self._on_step(f"reading the {_NAMES[rung.source]}")
            document, attempt = _tried(rung)
            attempts.append(attempt)
            if document is None:
                continue
            if attempt.status == "ok" and _words(document) > max(map(_words, held), default=0):
                return Read(document, attempts, target.file)
            held.append(document)
        if held and _words(best := max(held, key=_words)):
            return Read(best, attempts, target.file)
        raise _nothing_worked(target, asked, attempts)

    def _rungs(self, target: Target) -> Iterator[TextSourceStep]:
        """Yield the sources of a text, best first. A file is fetched only when its turn comes."""
        if target.file is not None:
            yield from self._of_file(target.file, target.part)
        elif target.arxiv is not None:
            yield TextSourceStep(
                "latex", lambda: self._latex(self._arxiv(target, "source", "/src/"), target.part)
            )
            if target.part is not None:
                return
            yield TextSourceStep(
                "html", lambda: self._html(self._arxiv(target, "page.html", "/html/"))
            )
            yield from self._of_pdf(lambda: self._arxiv(target, "paper.pdf", "/pdf/"))
        elif target.url is not None:
            yield from self._of_url(target, target.url)

    def _of_file(self, path: Path, part: str | None) -> Iterator[TextSourceStep]:
        ending = path.suffix.lower()
        if path.is_dir() or ending in TEX or part is not None:
            yield TextSourceStep("latex", lambda: self._latex(path, part))
        elif ending in (".html", ".htm"):
            yield TextSourceStep("html", lambda: self._html(path))
        elif ending == ".pdf":
            yield from self._of_pdf(lambda: path)
        elif ending in MARKDOWN:
            yield TextSourceStep("markdown", lambda: self._markdown(path))
        else:
            yield TextSourceStep("latex", lambda: self._latex(path))

    def _of_url(self, target: Target, url: str) -> Iterator[TextSourceStep]:
        """Yield the readers for the file at an address, chosen by its content, not its name."""
        path = self._cached(target, "download")
        try:
            if self._refresh or not path.is_file():
                self._fetch(url, path)
            with path.open("rb") as file:
                head = file.read(1024).lstrip()
        except (FumehoodError, OSError) as error:
            yield _failed("html", error)
            return
        if head.startswith(b"%PDF"):
            yield from self._of_pdf(lambda: path)
        elif head.startswith((b"\x1f\x8b", b"\\", b"PK\x03\x04")) or target.part is not None:
            yield TextSourceStep("latex", lambda: self._latex(path, target.part))
        else:
            yield TextSourceStep("html", lambda: self._html(path))

    def _of_pdf(self, fetch: Callable[[], Path]) -> Iterator[TextSourceStep]:
        try:
            path = fetch()
        except FumehoodError as error:
            yield _failed("pdftext", error)
            return
        yield TextSourceStep("marker", lambda: self._marker(path, "models"))
        yield TextSourceStep("pdftext", lambda: self._pdf(path))
        yield TextSourceStep("marker-layout", lambda: self._marker(path, "layout"))

    def _latex(self, path: Path, part: str | None = None) -> Document:
        from fumehood_tools.reading.latex import read_latex, read_sources
        from fumehood_tools.reading.latex.folder import read_beside, read_folder

        if path.is_dir():
            return read_sources(read_folder(path), part)
        if path.suffix.lower() in TEX:
            sources, name = read_beside(path)
            return read_sources(sources, part or name)
        return read_latex(path.read_bytes(), part)

    def _markdown(self, path: Path) -> Document:
        from fumehood_tools.reading.markdown_text import read_markdown

        return read_markdown(path.read_bytes())

    def _html(self, path: Path) -> Document:
        from fumehood_tools.reading.html import read_html

        return read_html(path.read_bytes())

    def _pdf(self, path: Path) -> Document:
        from fumehood_tools.reading.pdf import read_pdf

        return read_pdf(
            path, password=self._password, seconds=READ_SECONDS, on_progress=self._on_pages
        )

    def _marker(self, path: Path, mode: Literal["models", "layout"]) -> Document:
        from fumehood_tools.reading.marker import read_with_marker

        return read_with_marker(path, mode=mode, seconds=READ_SECONDS)

    def _on_pages(self, done: int, total: int) -> None:
        self._on_step(f"page {done} of {total}")

    def _arxiv(self, target: Target, name: str, route: str) -> Path:
        path = self._cached(target, name)
        if self._refresh or not path.is_file():
            service = "arxiv_html" if route == "/html/" else "arxiv"
            self._fetch(self._settings.endpoints[service] + route + str(target.arxiv), path, True)
        return path

    def _fetch(self, url: str, path: Path, from_arxiv: bool = False) -> None:
        """Download a file into the cache. Raises SourceFailed, StorageFailed."""
        if self._settings.offline:
            raise SourceFailed("offline", "Offline mode is on, so nothing was fetched.")
        self._on_step(f"fetching {path.name}")
        pace = ArxivSource.pace if from_arxiv else ANYWHERE
        deadline = answer_within(FETCH_SECONDS)
        self._services.downloads().fetch(url, path, deadline, MOST_BYTES, pace)

    def _cached(self, target: Target, name: str) -> Path:
        whole = target.id.partition("#")[0]
        return self._settings.cache / "papers" / digest_of(whole) / name


_NAMES: dict[TextSource, str] = {
    "latex": "LaTeX source",
    "html": "web page",
    "markdown": "Markdown",
    "marker": "PDF with marker",
    "marker-layout": "PDF with marker's model-free layout",
    "pdftext": "PDF",
}


def _failed(source: TextSource, error: Exception) -> TextSourceStep:
    def fail() -> Document:
        raise error

    return TextSourceStep(source, fail, is_lost=True)


class _Trial:
    """Runs one reader, and holds the exception with which it failed.

    A bug in one reader must not keep a paper from being read from its next source. This is the one
    place where every exception of a reader is expected, so that it becomes a line of the report.
    """

    error: Exception | None = None

    def __enter__(self) -> "_Trial":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = error
        return True


def _tried(rung: TextSourceStep) -> tuple[Document | None, Attempt]:
    """Read one source; return its document, if any, and the outcome."""
    began = time.monotonic()
    document: Document | None = None
    status: AttemptStatus = "ok"
    detail = ""
    with _Trial() as trial:
        document = rung.read()
    if trial.error is not None:
        document, status, detail = None, _status_of(trial.error), _said(trial.error)
    elif document is not None:
        count = _words(document)
        few = f"It contains only {count} words." if count < LEAST_WORDS else ""
        status = "partial" if document.missing and count else "poor" if few else "ok"
        detail = " ".join(filter(None, (few, _lacking(document))))
    seconds = round(time.monotonic() - began, 2)
    return document, Attempt(source=rung.source, status=status, detail=detail, seconds=seconds)


def _lacking(document: Document) -> str:
    """Return which files of a source are missing, '' if none is."""
    names = ", ".join(map(repr, document.missing[:8]))
    more = f" and {len(document.missing) - 8} more" if len(document.missing) > 8 else ""
    return f"The source lacks these files, and their text: {names}{more}." if names else ""


def _said(error: Exception) -> str:
    """Return the message of an expected error, or describe a bug and where it is."""
    if isinstance(error, FumehoodError):
        return str(error)
    traceback.print_exception(error, file=sys.stderr)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return (
        f"The reader failed with {type(error).__name__}{where}: {one_line(str(error))[:200]}. This "
        "is a bug in fumehood: please report it with the paper's id."
    )


def _status_of(error: Exception) -> AttemptStatus:
    match error:
        case SourceFailed(status="offline"):
            return "offline"
        case PartMissing():
            return "not_installed"
        case SourceFailed():
            return "not_there"
    return "failed"


def _words(document: Document) -> int:
    texts = [document.abstract, *(block.text for block in document.blocks)]
    return sum(len(text.split()) for text in texts)


def _nothing_worked(target: Target, asked: SourceAsked, attempts: list[Attempt]) -> Unreadable:
    if not attempts:
        return Unreadable(f"{target.id} has no source {asked!r}. Omit source to use the best one.")
    if target.file is not None:
        return _nothing_in_file(target, target.file, attempts)
    steps = "; ".join(f"{it.source}: {it.status}, {it.detail}" for it in attempts)
    newest = ""
    if target.arxiv is not None and (version := arxiv_version(target.arxiv)):
        newest = f"omit {version!r} to read the newest version, "
    return Unreadable(
        f"No source provided the text of {target.id}. {steps} Next: {newest}put its PDF into "
        "papers/ in the workspace and read that file, or try again later."
    )


def _nothing_in_file(target: Target, path: Path, attempts: list[Attempt]) -> Unreadable:
    """Return why a local file has no text, and what its owner can do."""
    telling = [it for it in attempts if it.status != "not_installed"] or attempts
    details = {_ELSEWHERE.sub("", it.detail).strip(" ."): it for it in reversed(telling)}
    steps = "; ".join(f"{it.source}: {it.status}, {said}" for said, it in reversed(details.items()))
    advice = _advice(target, path, attempts)
    return Unreadable(f"{path.name} ({target.id}) could not be read. {steps}. Next: {advice}.")


def _advice(target: Target, path: Path, attempts: list[Attempt]) -> str:
    """Return what the owner of a local file can do, so that it is read."""
    details = " ".join(it.detail for it in attempts)
    if target.part is not None:
        return "ask for a file that it holds, or for the whole paper"
    if "lacks these files" in details:
        return "put the missing files beside it, or read its PDF"
    if path.is_dir():
        return "pass the path of one file in it: its main .tex, a PDF, a page or Markdown"
    if path.suffix.lower() != ".pdf":
        return "check that the file is whole, or read its PDF"
    if "password" in details:
        return "repeat the call with its password"
    scans = any(it.status == "not_installed" for it in attempts)
    hint = "; if its pages are scans, marker can read them (see fumehood doctor)"
    return f"check that it opens in a PDF viewer, and export it again{hint if scans else ''}"


# What readers advise about a fetched file, and what helps with none that lies on disk.
_ELSEWHERE = re.compile(
    r"(?:,? or|;|\.)? (?:read|try) another source of this paper"
    r"|(?:;|\.) (?:fetch|get) it again(?: with refresh=true)?(?:, or read another source of this "
    r"paper)?",
    re.I,
)
