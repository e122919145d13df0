"""The template's kernels, compiled once per machine on the trusted side.

numba caches machine code as pickles, so whoever can write these files controls what their readers
execute. They are compiled here, into the cache folder, which no child can write to. Each nursery
gets its own copy and loads it before its first child exists; nothing reads the copy afterwards.
"""

import contextlib
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import mkdtemp

from fumehood_tools.children import our_environment
from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, sha256_of_tree
from fumehood_tools.glass.profiles import SAE
from fumehood_tools.glass.view import import_path
from fumehood_tools.kinds import core_folder
from fumehood_tools.locking import exclusive
from fumehood_tools.machine import describe_processor

CODE = "import sys; sys.path[:0] = {path!r}; import core.kernels.compiled"
CACHE_VARIABLE = "NUMBA_CACHE_DIR"
COMPILE_SECONDS = 600.0


def compiled_kernels(cache: Path) -> Path | None:
    """Return the folder with the kernels' machine code; compile them if it is missing (10 to 30 s).

    Only one process compiles at a time; the others wait for its result. Returns None if numba is
    not installed or compilation fails or takes too long. Each nursery then compiles the kernels
    itself.
    """
    try:
        numba = version("numba")
    except PackageNotFoundError:
        return None
    kernels = core_folder() / "kernels"
    facts = [sha256_of_tree(kernels), str(kernels), numba, sys.version, describe_processor()]
    folder = cache / "kernels" / digest_of(facts)
    if folder.is_dir():
        return folder
    with contextlib.suppress(OSError, StorageFailed, subprocess.SubprocessError):
        lock = folder.parent / f".{folder.name}.lock"
        with exclusive(lock, seconds=COMPILE_SECONDS):
            if not folder.is_dir():
                _compile_into(folder)
    return folder if folder.is_dir() else None


def _compile_into(folder: Path) -> None:
    """Compile into a temporary folder, then rename it. The caller holds the lock of the folder."""
    prefix = f".{folder.name}."
    for left in folder.parent.glob(f"{prefix}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
    made = Path(mkdtemp(dir=folder.parent, prefix=prefix))
    code = CODE.format(path=import_path(SAE))
    try:
        subprocess.run(
            [sys.executable, "-I", "-B", "-S", "-c", code],
            env=our_environment({CACHE_VARIABLE: str(made)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # The compiler outlives a server that is killed, and would hold a pipe of its open.
            stderr=subprocess.DEVNULL,
            timeout=COMPILE_SECONDS,
            check=True,
        )
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
