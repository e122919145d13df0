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
from fumehood_tools.files import digest_of, sha256_of_tree
from fumehood_tools.glass.profiles import SAE, template
from fumehood_tools.glass.view import import_path
from fumehood_tools.machine import describe_processor

CODE = "import sys; sys.path[:0] = {path!r}; import core.kernels.compiled"
CACHE_VARIABLE = "NUMBA_CACHE_DIR"
COMPILE_SECONDS = 600.0


def compiled_kernels(cache: Path) -> Path | None:
    """Return the folder with the kernels' machine code; compile them if it is missing (10 s).

    Returns None if numba is not installed or compilation fails or takes too long. Each nursery then
    compiles the kernels itself.
    """
    try:
        numba = version("numba")
    except PackageNotFoundError:
        return None
    kernels = template() / "core" / "kernels"
    facts = [sha256_of_tree(kernels), str(kernels), numba, sys.version, describe_processor()]
    folder = cache / "kernels" / digest_of(facts)
    if folder.is_dir():
        return folder
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(mkdtemp(dir=folder.parent))
        code = CODE.format(path=import_path(SAE))
        command = [sys.executable, "-I", "-B", "-S", "-c", code]
        subprocess.run(
            command,
            env=our_environment({CACHE_VARIABLE: str(made)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=COMPILE_SECONDS,
            check=True,
        )
        with contextlib.suppress(OSError):
            made.rename(folder)
        shutil.rmtree(made, ignore_errors=True)
    return folder if folder.is_dir() else None
