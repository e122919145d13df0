"""Read a paper from the best source that has its text, and report the outcome of every step.

    arXiv LaTeX source > arXiv HTML (LaTeXML) > PDF with marker, if its models are installed
    > PDF with our pdftext heuristics, always available > PDF with marker on our own layout

Fetched files stay in the shared cache. A paper is fetched again only on request.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from fumehood_tools.errors import FumehoodError, PartMissing, Unreadable
from fumehood_tools.files import digest_of
from fumehood_tools.papers.services import Services
from fumehood_tools.papers.sources.arxiv_api import ArxivSource
from fumehood_tools.reading.document import Document, TextSource
from fumehood_tools.reading.reading import Attempt, AttemptStatus, SourceAsked
from fumehood_tools.reading.target import Target
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
        """Return the first document with enough text, or the longest one if all are too short.

        Raises Unreadable with the outcome of every step if no source has any text.
        """
        attempts: list[Attempt] = []
        poor: list[Document] = []
        for rung in self._rungs(target):
            if asked not in ("auto", rung.source) and not rung.is_lost:
                continue
            self._on_step(f"reading the {_NAMES[rung.source]}")
            began = time.monotonic()
            try:
                document = rung.read()
            except FumehoodError as error:
                attempts.append(_attempt(rung, _status_of(error), str(error), began))
                continue
            if (count := _words(document)) < LEAST_WORDS:
                poor.append(document)
                attempts.append(_attempt(rung, "poor", f"It contains only {count} words.", began))
                continue
            attempts.append(_attempt(rung, "ok", "", began))
            return Read(document, attempts, target.file)
        if poor and (best := max(poor, key=_words)) and _words(best):
            return Read(best, attempts, target.file)
        raise _nothing_worked(target, asked, attempts)

    def _rungs(self, target: Target) -> Iterator[TextSourceStep]:
        """Yield the sources of a text, best first. A file is fetched only when its turn comes."""
        if target.file is not None:
            yield from self._of_file(target.file)
        elif target.arxiv is not None:
            yield TextSourceStep(
                "latex", lambda: self._latex(self._arxiv(target, "source", "/src/"))
            )
            yield TextSourceStep(
                "html", lambda: self._html(self._arxiv(target, "page.html", "/html/"))
            )
            yield from self._of_pdf(lambda: self._arxiv(target, "paper.pdf", "/pdf/"))
        elif target.url is not None:
            yield from self._of_url(target, target.url)

    def _of_file(self, path: Path) -> Iterator[TextSourceStep]:
        if path.suffix.lower() in (".html", ".htm"):
            yield TextSourceStep("html", lambda: self._html(path))
        elif path.suffix.lower() == ".pdf":
            yield from self._of_pdf(lambda: path)
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
        except FumehoodError as error:
            yield _failed("html", error)
            return
        if head.startswith(b"%PDF"):
            yield from self._of_pdf(lambda: path)
        elif head.startswith((b"\x1f\x8b", b"\\")):
            yield TextSourceStep("latex", lambda: self._latex(path))
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

    def _latex(self, path: Path) -> Document:
        from fumehood_tools.reading.latex import read_latex

        return read_latex(path.read_bytes())

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
        return self._settings.cache / "papers" / digest_of(target.id) / name


_NAMES: dict[TextSource, str] = {
    "latex": "LaTeX source",
    "html": "web page",
    "marker": "PDF with marker",
    "marker-layout": "PDF with marker's model-free layout",
    "pdftext": "PDF",
}


def _failed(source: TextSource, error: FumehoodError) -> TextSourceStep:
    def fail() -> Document:
        raise error

    return TextSourceStep(source, fail, is_lost=True)


def _attempt(rung: TextSourceStep, status: AttemptStatus, detail: str, began: float) -> Attempt:
    seconds = round(time.monotonic() - began, 2)
    return Attempt(source=rung.source, status=status, detail=detail, seconds=seconds)


def _status_of(error: FumehoodError) -> AttemptStatus:
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
    steps = "; ".join(f"{it.source}: {it.status}, {it.detail}" for it in attempts)
    return Unreadable(
        f"No source provided the text of {target.id}. {steps} Next: put its PDF into papers/ in "
        "the workspace and read that file, or try again later."
    )
