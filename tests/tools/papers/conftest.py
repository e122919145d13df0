"""Fixtures for paper search: fakes of the six services on loopback, and searches that use them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.paper_services import PaperServices

from fumehood_tools.papers.library import Library
from fumehood_tools.papers.search import PaperSearch
from fumehood_tools.papers.services import Services
from fumehood_tools.settings import load_keys, load_settings
from fumehood_tools.web.service import Keys

SEARCH_KEYS = {
    name: f"canary-{name.lower()}-0123456789"
    for name in (
        "PERPLEXITY_API_KEY",
        "EXA_API_KEY",
        "SEMANTIC_SCHOLAR_API_KEY",
        "OPENALEX_API_KEY",
    )
}

MakeSearch = Callable[..., PaperSearch]


@pytest.fixture
def services() -> Iterator[PaperServices]:
    with PaperServices().running() as services:
        yield services


@pytest.fixture
def make_search(tmp_path: Path) -> Iterator[MakeSearch]:
    """Return a function that creates a PaperSearch over fake services in a named workspace."""
    made: list[PaperSearch] = []

    def make(
        services: PaperServices,
        *,
        keys: dict[str, str] | None = None,
        name: str = "workspace",
        seconds: float = 10.0,
        offline: bool = False,
        library: str = "",
        clock: Callable[[], float] = time.time,
    ) -> PaperSearch:
        given = SEARCH_KEYS if keys is None else keys
        environ = {
            "FUMEHOOD_CACHE": str(tmp_path / name / "cache"),
            "FUMEHOOD_ENDPOINTS": services.endpoints,
            "FUMEHOOD_LIBRARY": library,
            **given,
        }
        settings = load_settings(tmp_path / name, environ, offline=offline)
        reach = Services(settings, Keys(load_keys(environ)))
        search = PaperSearch(
            settings,
            Library(settings.state, clock),
            reach,
            source_seconds=seconds,
            judge_seconds=seconds,
        )
        made.append(search)
        return search

    yield make
    for search in made:
        search.close()
