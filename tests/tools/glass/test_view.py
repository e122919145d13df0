"""A child sees what it can import and no more, and all of it is in memory before it starts."""

import ctypes
import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fumehood_tools.glass import ChildLimits, ChildOutcome, GlassLevel, Nursery, available_levels
from fumehood_tools.glass.linking import libraries_of, needed
from fumehood_tools.glass.resident import files_under
from fumehood_tools.glass.view import common_view

Run = Callable[..., ChildOutcome]
WALLED = [level for level in available_levels() if level in ("bubblewrap", "landlock")]
every_wall = pytest.mark.parametrize(
    "level", WALLED or [pytest.param("rlimits", marks=pytest.mark.skip("no walls here"))]
)
# What is linked against libraries of the system, what is large, and what torch imports late.
IMPORTED = """
_bz2 _ctypes _curses _decimal _dbm _hashlib _lzma _sqlite3 _ssl _uuid asyncio ctypes.util
curses dataclasses decimal email lzma multiprocessing.pool readline sqlite3 ssl statistics
unittest.mock uuid xml.etree.ElementTree zlib zoneinfo
torch.optim torch.utils.data torch.distributions torch.func torch.linalg torch.testing
torch.nn.utils.parametrizations torch.fx torch.sparse torch.profiler torch._dynamo
numpy.fft numpy.linalg numpy.random numpy.testing einops dictionary_learning numba sympy
"""
TRY_ALL = f"""
import importlib, sys, warnings
warnings.simplefilter('ignore')
for name in {IMPORTED!r}.split():
    try: importlib.import_module(name)
    except ImportError: print(name)
"""


@every_wall
def test_what_can_be_imported_outside_can_be_imported_by_a_child(
    run: Run, level: GlassLevel
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRY_ALL], capture_output=True, text=True, check=True
    )
    assert run(TRY_ALL, level, memory_gb=4).output_tail.split() == done.stdout.split()


def test_headers_tests_and_libraries_that_nothing_needs_are_out_of_view() -> None:
    names = {Path(path).name for path in common_view()}
    assert not names & {"include", "test", "tests", "idlelib", "tkinter", "gcc", "jvm"}
    # What is read before a child starts is read in a fraction of a second.
    assert sum(os.path.getsize(path) for path in files_under(common_view())) < 3 << 30


@pytest.mark.skipif(sys.platform != "linux", reason="ELF is Linux's")
def test_libraries_are_followed_to_what_they_need_in_turn(tmp_path: Path) -> None:
    folders = [Path(path).parent for path in common_view() if Path(path).name == "libc.so.6"]
    files = [Path(sys.executable).resolve(), Path(np.core._multiarray_umath.__file__)]
    found = {path.name for path in libraries_of(files, folders)}
    assert "libc.so.6" in found
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"\x7fELF\x02" + bytes(200))
    assert needed(broken) == needed(tmp_path / "gone.so") == needed(Path(__file__)) == []


def pages_in_memory(path: str) -> int:
    """Return how many pages of a file the kernel holds."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        held = mmap.mmap(file.fileno(), size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    pages = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
    view = ctypes.c_char.from_buffer(held)
    try:
        assert libc.mincore(ctypes.c_void_p(ctypes.addressof(view)), size, pages) == 0
    finally:
        del view
        held.close()
    return sum(page & 1 for page in pages)


@pytest.mark.skipif(not WALLED, reason="no walls here")
def test_files_in_view_that_nobody_read_yet_are_in_memory_when_the_first_child_starts(
    tmp_path: Path,
) -> None:
    rarely_read = ("sympy/abc.py", "sympy/physics/units/prefixes.py")
    dropped = [path for path in files_under(common_view()) if path.endswith(rarely_read)]
    for path in dropped:
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if not dropped or any(map(pages_in_memory, dropped)):
        pytest.skip("this file system keeps its pages")
    program = tmp_path / "program.py"
    program.write_text("print('here')", encoding="utf-8")
    with (
        Nursery(tmp_path, level=WALLED[-1]) as nursery,
        nursery.start(
            str(program),
            {},
            scratch=tmp_path / "scratch",
            readable=[program],
            limits=ChildLimits(wall_seconds=30),
        ) as child,
    ):
        assert child.wait().output_tail == "here\n"
        assert all(map(pages_in_memory, dropped))
