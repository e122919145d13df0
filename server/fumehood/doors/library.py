"""Objects shared by the paper tools: library, services, search, reader and records.

Each is imported and created when a tool first needs it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from fumehood.tooling import Toolbox

if TYPE_CHECKING:
    from fumehood_tools.paper_records.shelf import FindingsShelf
    from fumehood_tools.papers.library import Library
    from fumehood_tools.papers.search import PaperSearch
    from fumehood_tools.papers.services import Services
    from fumehood_tools.reading.reader import PaperReader


def library_of(toolbox: Toolbox) -> "Library":
    """Return the library of papers of this workspace."""
    from fumehood_tools.papers.library import Library

    state = _place(toolbox)
    return toolbox.service(f"library in {state}", lambda: Library(state))


def services_of(toolbox: Toolbox) -> "Services":
    """Return the services for searching and fetching papers, with this process's keys."""
    from fumehood_tools.papers.services import Services
    from fumehood_tools.web.service import Keys

    return toolbox.service("services", lambda: Services(toolbox.settings, Keys(toolbox.keys)))


def search_of(toolbox: Toolbox) -> "PaperSearch":
    """Return the search for papers."""
    from fumehood_tools.papers.search import PaperSearch

    def make() -> PaperSearch:
        return PaperSearch(toolbox.settings, library_of(toolbox), services_of(toolbox))

    return toolbox.service(f"search in {_place(toolbox)}", make)


def reader_of(toolbox: Toolbox) -> "PaperReader":
    """Return the reader, which has the papers that were read and can read others."""
    from fumehood_tools.reading.reader import PaperReader

    def make() -> PaperReader:
        library, services = library_of(toolbox), services_of(toolbox)
        return PaperReader(toolbox.settings, library, services, toolbox.jobs)

    return toolbox.service(f"reader in {_place(toolbox)}", make)


def records_of(toolbox: Toolbox) -> "FindingsShelf":
    """Return the store of findings that were recorded from papers."""
    from fumehood_tools.paper_records.shelf import FindingsShelf

    def make() -> FindingsShelf:
        return FindingsShelf(toolbox.settings, library_of(toolbox), reader_of(toolbox).shelf)

    return toolbox.service(f"records in {_place(toolbox)}", make)


def _place(toolbox: Toolbox) -> Path:
    """Return the folder of the library, which is not the workspace's if that must not get one."""
    from fumehood_tools.papers.library import LIBRARY_FILE

    return toolbox.state_with(LIBRARY_FILE)
