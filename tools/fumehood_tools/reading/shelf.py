"""Store the papers that were read in the workspace, and find them by any of their ids.

A document is stored once, under the digest of its content, in `.fumehood/documents/`, and as
Markdown for people in `papers/<name>.md`. The 16 documents used last stay in memory.
"""

import re
from functools import lru_cache
from pathlib import Path

from fumehood_tools.errors import StorageFailed, UnknownName
from fumehood_tools.files import digest_of, write_text
from fumehood_tools.papers.identity import title_key
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.paper import make_paper
from fumehood_tools.quoting import one_line
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.markdown import to_markdown
from fumehood_tools.reading.reading import Attempt, Reading
from fumehood_tools.settings import Settings
from fumehood_tools.timestamps import now

_PREFIX = "reading "


class ReadingShelf:
    """The papers read in one workspace."""

    def __init__(self, settings: Settings, library: Library) -> None:
        self._settings, self._library = settings, library
        self._load = lru_cache(maxsize=16)(self._read_file)

    def find(self, paper: str) -> tuple[Reading, Document] | None:
        """Return a stored paper by any of its ids, or None if it was not read."""
        reading = self._reading(paper)
        return None if reading is None else (reading, self._load(reading.digest))

    def get(self, paper: str) -> tuple[Reading, Document]:
        """Return a stored paper by any of its ids. Raises UnknownName."""
        reading = self.reading(paper)
        return reading, self._load(reading.digest)

    def reading(self, paper: str) -> Reading:
        """Return the record of how a paper was read, without its document. Raises UnknownName."""
        if found := self._reading(paper):
            return found
        known = [it.paper for it in self.all()]
        raise UnknownName("paper that was read", paper, known, "Call read_paper with it first.")

    def all(self) -> list[Reading]:
        """Return the records of all papers that were read, newest first."""
        kept = self._library.kept_under(_PREFIX)
        readings = [Reading.model_validate(it) for it in kept]
        return sorted(readings, key=lambda it: it.read_at, reverse=True)

    def put(
        self, paper: str, document: Document, attempts: list[Attempt], original: Path | None
    ) -> Reading:
        """Store a document, and add its title and abstract to the library. Raises StorageFailed."""
        settings = self._settings
        write_text(self._file(document.digest), document.model_dump_json())
        markdown = settings.papers / f"{_file_name(paper, document.title)}.md"
        write_text(markdown, to_markdown(document))
        reading = Reading(
            paper=paper,
            title=document.title,
            source=document.source,
            digest=document.digest,
            attempts=attempts,
            read_at=now(),
            markdown=markdown.relative_to(settings.workspace).as_posix(),
            original=None if original is None else self._shown(original),
        )
        self._library.keep(_PREFIX + paper, reading.model_dump())
        self._remember(paper, document, reading.original)
        return reading

    def _remember(self, paper: str, document: Document, original: str | None) -> None:
        """Add the paper to the library, so that a search finds it.

        One file of a source (`arxiv:…#supplement.tex`) is not the paper, and is left out.
        """
        if "#" in paper and not paper.startswith("url:"):
            return
        known = make_paper(
            "library",
            title=document.title,
            identifiers=[paper if paper.startswith(("arxiv:", "doi:")) else None],
            cleaned=one_line,
            other_ids=[] if paper.startswith(("arxiv:", "doi:", "title:")) else [paper],
            authors=document.authors,
            abstract=document.abstract,
            pdf=original,
        )
        if known is not None:
            self._library.remember([known])

    def _reading(self, paper: str) -> Reading | None:
        for name in self._names(paper):
            if kept := self._library.kept(_PREFIX + name):
                return Reading.model_validate(kept[0])
        return None

    def _names(self, paper: str) -> list[str]:
        try:
            known = self._library.find(paper)
        except UnknownName:
            return [paper]
        return list(dict.fromkeys([paper, known.id, *known.own_ids(), *known.aliases]))

    def _file(self, digest: str) -> Path:
        return self._settings.state / "documents" / f"{digest}.json"

    def _read_file(self, digest: str) -> Document:
        path = self._file(digest)
        try:
            return Document.model_validate_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Reading a stored document") from error
        except ValueError as error:
            raise StorageFailed(
                f"{path.name} is damaged. Read the paper again with refresh=true."
            ) from error

    def _shown(self, path: Path) -> str:
        workspace = self._settings.workspace
        return (path.relative_to(workspace) if path.is_relative_to(workspace) else path).as_posix()


def _file_name(paper: str, title: str) -> str:
    """Return a readable file name: "arxiv_2309.08600", or words of the title and a short digest."""
    if paper.startswith(("arxiv:", "doi:")):
        return re.sub(r"[^A-Za-z0-9.-]+", "_", paper)[:100]
    words = re.sub(r"[^a-z0-9]+", "-", title_key(title))[:60].strip("-")
    return f"{words or 'paper'}-{digest_of(paper)[:6]}"
