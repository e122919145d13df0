"""Cached sources stay below their limit: the longest unused goes first, never one in use."""

import gc
import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from fumehood_tools.doctor.code import parts
from fumehood_tools.repositories import open_checkout
from fumehood_tools.settings import Settings, load_settings

pytestmark = pytest.mark.child
SIZE = 100_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose cache has room for two of the archives, and not for three."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    for name in "abcd":
        with tarfile.open(workspace / f"{name}.tar", "w") as archive:
            info = tarfile.TarInfo(f"{name}.txt")
            info.size = SIZE
            archive.addfile(info, BytesIO(name.encode() * SIZE))
    environ = {"FUMEHOOD_CACHE": str(tmp_path / "cache"), "FUMEHOOD_SOURCES_GB": "0.00025"}
    return load_settings(workspace, environ)


def opened(name: str, settings: Settings) -> Path:
    """Open an archive, let it go again, and return where its file was stored."""
    checkout = open_checkout(f"{name}.tar", settings=settings)
    return checkout.path(f"{name}.txt")


def test_the_source_used_longest_ago_makes_room_for_a_new_one(settings: Settings) -> None:
    first, second = opened("a", settings), opened("b", settings)
    assert opened("a", settings) == first
    third = opened("c", settings)
    assert first.is_file() and third.is_file() and not second.exists()
    assert opened("b", settings).read_bytes() == b"b" * SIZE


def test_a_source_in_use_is_never_removed(settings: Settings) -> None:
    used = open_checkout("a.tar", settings=settings)
    opened("b", settings)
    opened("c", settings)
    opened("d", settings)
    file = used.path("a.txt")
    assert file.read_bytes() == b"a" * SIZE
    del used
    gc.collect()
    opened("b", settings)
    opened("c", settings)
    assert not file.exists()


def test_a_source_that_another_process_reads_is_never_removed(settings: Settings) -> None:
    program = (
        "import sys; from fumehood_tools.repositories import open_checkout\n"
        "from fumehood_tools.settings import load_settings\n"
        "checkout = open_checkout('a.tar', settings=load_settings())\n"
        "print(checkout.path('a.txt'), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **settings.as_environment()},
    ) as reader:
        assert reader.stdin is not None and reader.stdout is not None
        file = Path(reader.stdout.readline().rstrip("\n"))
        for name in "bcd":
            opened(name, settings)
        assert file.is_file()
        reader.stdin.close()
        assert reader.wait(timeout=60) == 0
    opened("b", settings)
    opened("c", settings)
    assert not file.exists()


def test_sources_that_an_earlier_version_stored_count_too(settings: Settings) -> None:
    first = opened("a", settings)
    for mark in settings.cache.rglob(".used"):
        mark.unlink()
    opened("b", settings)
    opened("c", settings)
    assert not first.exists()


def test_the_doctor_says_how_much_the_cached_sources_take(settings: Settings) -> None:
    opened("a", settings)
    opened("b", settings)
    (sources,) = [part for part in parts(settings) if part.part == "sources"]
    assert sources.state == "ok"
    assert "2 cached copies, 0.00 of at most 0.00025 GB (FUMEHOOD_SOURCES_GB)" in sources.detail
