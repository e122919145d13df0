"""Configuration for all tests: none depends on the clock, so hypothesis has no deadline."""

import contextlib
import gc
from pathlib import Path

import pytest
from hypothesis import settings

from fumehood_tools.registry import kinds

pytest_plugins = ["suite_rules"]

settings.register_profile("fumehood", deadline=None)
settings.load_profile("fumehood")


def pytest_configure() -> None:
    """Collect no garbage while the tests are imported and collected: nearly all of it stays."""
    gc.disable()


def pytest_sessionstart() -> None:
    """Ask once which levels the glass has here, before any test.

    The first question starts bubblewrap, and the answer is kept. So the process would be counted
    for whichever test asks first, and a test that passes among others would fail alone.
    """
    from fumehood_tools.glass import available_levels

    available_levels()


def pytest_collection_finish() -> None:
    """Leave the collected tests and the imported modules out of every later garbage collection.

    They stay until the end, so looking at them again and again finds nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session")
def shared_cache(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Path:
    """The cache of all jobs of a run of the tests, on whichever worker.

    It holds synthetic activations and compiled kernels, which take 10 to 20 seconds to make. A test
    about an empty or a damaged cache makes one of its own. The kernels stay in pytest's own cache
    for the next run: their folder is named by their sources, the compiler and the processor.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared-cache"
    folder.mkdir(exist_ok=True)
    if request.config.pluginmanager.has_plugin("cacheprovider"):
        with contextlib.suppress(FileExistsError):
            (folder / "kernels").symlink_to(request.config.cache.mkdir("kernels"))
    return folder


@pytest.fixture(scope="session")
def kernels(shared_cache: Path) -> Path | None:
    """The template's compiled kernels. A nursery that is not given them compiles its own."""
    from fumehood_tools.glass import compiled_kernels

    return compiled_kernels(shared_cache)


@pytest.fixture
def own_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the test, forget the kinds of records that it registered."""
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))
