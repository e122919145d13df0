"""A child can read what it can import and nothing else; all of it is cached before it starts."""

import ctypes
import json
import mmap
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from fakes.walls import WALLED, Run, every_wall

from fumehood_tools.glass import ChildLimits, GlassLevel, Nursery
from fumehood_tools.glass.linking import libraries_of, needed
from fumehood_tools.glass.profiles import SAE, GlassProfile
from fumehood_tools.glass.resident import files_under
from fumehood_tools.glass.view import INSIDE, common_view

# Modules that are linked against system libraries, large ones, and ones that torch imports late.
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


@cache
def missing_outside() -> list[str]:
    """Return the modules that cannot be imported outside the glass either."""
    done = subprocess.run(
        [sys.executable, "-c", TRY_ALL], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.child
@every_wall
def test_what_can_be_imported_outside_can_be_imported_by_a_child(
    run: Run, level: GlassLevel
) -> None:
    assert run(TRY_ALL, level, memory_gb=4).output_tail.split() == missing_outside()


def test_no_module_beside_the_childs_own_package_hides_one_of_the_standard_library() -> None:
    # The folder is on a child's sys.path because of the package, but the modules are not readable.
    beside = {path.stem for path in INSIDE.parent.glob("*.py")}
    assert "nursery" in beside and not beside & sys.stdlib_module_names


def test_headers_tests_and_libraries_that_nothing_needs_are_out_of_view() -> None:
    names = {Path(path).name for path in common_view(SAE)}
    assert not names & {"include", "test", "tests", "idlelib", "tkinter", "gcc", "jvm"}
    # A larger view would take longer than a fraction of a second to read before each start.
    assert sum(os.path.getsize(path) for path in files_under(common_view(SAE))) < 3 << 30


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_libraries_are_followed_to_what_they_need_in_turn(tmp_path: Path) -> None:
    folders = [Path(path).parent for path in common_view(SAE) if Path(path).name == "libc.so.6"]
    files = [Path(sys.executable).resolve(), Path(np.core._multiarray_umath.__file__)]
    found = {path.name for path in libraries_of(files, folders)}
    assert "libc.so.6" in found
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"\x7fELF\x02" + bytes(200))
    assert needed(broken) == needed(tmp_path / "gone.so") == needed(Path(__file__)) == []


def pages_in_memory(path: str) -> int:
    """Return how many pages of a file are in the page cache."""
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


@pytest.mark.child
@pytest.mark.skipif(not WALLED, reason="needs Landlock or bubblewrap")
def test_files_in_view_that_nobody_read_yet_are_in_memory_when_the_first_child_starts(
    tmp_path: Path, kernels: Path | None
) -> None:
    rarely_read = ("sympy/abc.py", "sympy/physics/units/prefixes.py")
    dropped = [path for path in files_under(common_view(SAE)) if path.endswith(rarely_read)]
    for path in dropped:
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if not dropped or any(map(pages_in_memory, dropped)):
        pytest.skip("needs a file system that drops pages")
    program = tmp_path / "program.py"
    program.write_text("print('here')", encoding="utf-8")
    with (
        Nursery(tmp_path, level=WALLED[-1], kernels=kernels) as nursery,
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


LOOK_AROUND = """
import importlib, json, sys
def opens(path):
    try: return open(path).read()
    except OSError: return None
def imports(name):
    try: return bool(importlib.import_module(name))
    except (ImportError, OSError): return False
names, paths = {names!r}, {paths!r}
print(json.dumps([[n for n in names if imports(n)], [opens(p) for p in paths]]))
"""


def look_around(
    nursery: Nursery, names: list[str], paths: list[Path]
) -> tuple[list[str], list[object]]:
    """Return the modules that a child can import, and what it reads from each path."""
    program = nursery.scratch_root / "program.py"
    code = LOOK_AROUND.format(names=names, paths=[str(path) for path in paths])
    program.write_text(code, encoding="utf-8")
    with nursery.start(
        str(program),
        {},
        scratch=nursery.scratch_root / "scratch",
        readable=[program],
        limits=ChildLimits(wall_seconds=60, memory_gb=2),
    ) as child:
        outcome = child.wait()
    assert outcome.exit_code == 0, outcome.output_tail
    imported, read = json.loads(outcome.output_tail)
    return imported, read


@pytest.mark.child
@every_wall
def test_a_child_sees_what_the_profile_of_its_nursery_names_and_nothing_else(
    tmp_path: Path, level: GlassLevel, kernels: Path | None
) -> None:
    guides, beside = tmp_path / "guides", tmp_path / "beside"
    for folder in (guides, beside):
        folder.mkdir()
        (folder / f"of_{folder.name}.py").write_text("moss = 'green'", encoding="utf-8")
    profile = GlassProfile(
        packages=("einops",), import_path=(guides, beside), preload=("einops",), readable=(guides,)
    )
    names = [
        "einops",
        "of_guides",
        "of_beside",
        "torch",
        "numpy",
        "sympy",
        "core",
        "pydantic",
    ]
    core = SAE.readable[0] / "__init__.py"
    paths = [guides / "of_guides.py", beside / "of_beside.py", core]
    with Nursery(tmp_path / "other", level=level, profile=profile) as nursery:
        assert look_around(nursery, names, paths) == (
            ["einops", "of_guides"],
            ["moss = 'green'", None, None],
        )
    with Nursery(tmp_path / "default", level=level, kernels=kernels) as nursery:
        assert look_around(nursery, names, paths) == (
            ["einops", "torch", "numpy", "sympy", "core"],
            [None, None, core.read_text(encoding="utf-8")],
        )


def test_a_smaller_profile_has_nothing_in_view_that_it_does_not_name(tmp_path: Path) -> None:
    given = common_view(GlassProfile(packages=("einops",), readable=(tmp_path,)))
    assert set(given) - set(common_view(SAE)) == {str(tmp_path)}
    assert not [path for path in given if "torch" in path or "numpy" in path]
