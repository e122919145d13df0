"""Read papers in background jobs; store each one, and find it again by any of its ids."""

import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from threading import Lock

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.jobs import JobStore
from fumehood_tools.jobs.models import Job
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.services import Services
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.reading import Reading, ReadRequest
from fumehood_tools.reading.shelf import ReadingShelf
from fumehood_tools.reading.target import find_target
from fumehood_tools.reading.text_search import TextIndex
from fumehood_tools.reading.text_sources import Ladder
from fumehood_tools.settings import Settings


class PaperReader:
    """The papers that were read in one workspace, and the jobs that read more of them."""

    def __init__(
        self, settings: Settings, library: Library, services: Services, jobs: JobStore
    ) -> None:
        self._settings, self._library = settings, library
        self._services, self._jobs = services, jobs
        self.shelf = ReadingShelf(settings, library)
        self._index = lru_cache(maxsize=2)(self._build_index)
        self._lock = Lock()

    def find(self, request: ReadRequest) -> tuple[Reading, Document] | None:
        """Return a stored paper if it was read from the requested source, otherwise None.

        Raises BadRequest or UnknownName if `request.paper` does not name a readable paper.
        """
        found = self.shelf.find(request.paper) or self.shelf.find(self._target_id(request))
        if found is not None and request.source in ("auto", found[0].source):
            return found
        return None

    def reading(self, paper: str) -> Reading:
        """Return the record of a paper that was read, by any name under which it can be read.

        So a file or folder too, which has an id of its own. Raises UnknownName.
        """
        try:
            return self.shelf.reading(paper)
        except UnknownName as unknown:
            try:
                own = self._target_id(ReadRequest(paper=paper))
            except (BadRequest, UnknownName):
                raise unknown from None
            return self.shelf.reading(own)

    def get(self, paper: str) -> tuple[Reading, Document]:
        """Return a paper that was read, as `reading` finds it. Raises UnknownName."""
        return self.shelf.get(self.reading(paper).paper)

    def start(self, request: ReadRequest) -> Job:
        """Start the job that reads a paper, or return the job that is already reading it.

        Raises BadRequest, UnknownName, StorageFailed.
        """
        target = self._target_id(request)
        return self._jobs.submit(
            "read",
            [sys.executable, "-m", "fumehood_tools.reading.worker", request.model_dump_json()],
            title=f"read {target}",
            slot="read",
            request_key=None if request.refresh else f"read {target} {request.source}",
            env=self._settings.as_environment(),
        )

    def read_here(self, request: ReadRequest, password: str) -> None:
        """Read a password-protected PDF without a job, so that no job stores the password."""
        read_now(self._settings, self._library, self._services, request, password=password)

    def index(self, papers: Sequence[str] | None) -> TextIndex:
        """Return a search index of the given papers, or of all stored papers if none is given.

        The two most recent indexes are cached. Raises UnknownName for a paper that was not read.
        """
        found = map(self.reading, papers) if papers else self.shelf.all()
        with self._lock:
            return self._index(tuple((it.paper, it.digest) for it in found))

    def _build_index(self, papers: tuple[tuple[str, str], ...]) -> TextIndex:
        return TextIndex({paper: self.shelf.get(paper)[1] for paper, _ in papers})

    def _target_id(self, request: ReadRequest) -> str:
        return find_target(request.paper, self._settings.workspace, self._library).id


def read_now(
    settings: Settings,
    library: Library,
    services: Services,
    request: ReadRequest,
    *,
    password: str | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Reading:
    """Read a paper in this process and store it.

    Raises BadRequest, UnknownName, Unreadable, StorageFailed.
    """
    target = find_target(request.paper, settings.workspace, library)
    ladder = Ladder(settings, services, password=password, refresh=request.refresh, on_step=on_step)
    read = ladder.read(target, request.source)
    shelf = ReadingShelf(settings, library)
    return shelf.put(target.id, read.document, read.attempts, read.original)
