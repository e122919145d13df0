"""What a child may read: the interpreter, the packages it needs, the template, the machine's facts.

Not in view, though installed beside them: corpora, the subject's weights, sae_bench, the trusted
side, everybody's home, the workspace. Folders that hold both are given entry by entry.
"""

import functools
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from fumehood_tools.files import data_path

INSIDE = Path(__file__).with_name("inside")
# Import names: torch and what it loads, dictionary_learning and what that loads, numpy, einops,
# what compiles kernels.
PACKAGES = (
    "torch",
    "torchgen",
    "functorch",
    "numpy",
    "numpy.libs",
    "einops",
    "jaxtyping",
    "wadler_lindig",
    "safetensors",
    "dictionary_learning",
    "dill",
    "tqdm",
    "typing_extensions",
    "sympy",
    "mpmath",
    "networkx",
    "jinja2",
    "markupsafe",
    "filelock",
    "fsspec",
    "packaging",
    "nvidia",
    "triton",
    "numba",
    "llvmlite",
)
SYSTEM = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
FACTS = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/cpuinfo",
    "/sys/devices/system/cpu",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
)
GPU = (
    "/proc/meminfo",
    "/proc/driver/nvidia",
    "/proc/devices",
    "/sys/module/nvidia",
    "/sys/bus/pci",
)
PREINSTALLED = ("site-packages", "dist-packages")


def import_path() -> list[str]:
    """Return what a nursery adds to sys.path: the package `inside`, the template, packages."""
    return [str(INSIDE.parent), str(template()), *map(str, site_folders())]


def template() -> Path:
    """Return the folder in which `core` lies."""
    return data_path("sandbox_template") / "sae"


@functools.cache
def site_folders() -> tuple[Path, ...]:
    """Return the folders in which packages are installed."""
    return tuple(dict.fromkeys(Path(sysconfig.get_path(key)) for key in ("purelib", "platlib")))


@functools.cache
def common_view(cuda: bool = False) -> tuple[str, ...]:
    """Return the paths that every child may read."""
    paths = [*_system(), *_python(), *_packages(), *(Path(fact) for fact in FACTS)]
    paths += [INSIDE, template() / "core"]
    if cuda:
        paths += [Path(path) for path in GPU]
    return tuple(dict.fromkeys(str(path) for path in paths if path.exists()))


def devices(cuda: bool) -> tuple[str, ...]:
    """Return the devices that a child may write to."""
    gpus = [str(path) for path in Path("/dev").glob("nvidia*")] if cuda else []
    return ("/dev/null", *gpus)


def _system() -> Iterator[Path]:
    """Yield the system's libraries, without the packages of the system's own Pythons."""
    for folder in SYSTEM:
        if os.path.isdir(folder) and not os.path.islink(folder):
            yield from (path for path in Path(folder).iterdir() if _is_library(path))


def _is_library(path: Path) -> bool:
    return not path.name.startswith("python")


def _python() -> Iterator[Path]:
    """Yield the interpreter and its standard library, without what is installed in it."""
    executable = Path(sys.executable)
    yield executable
    yield executable.resolve()
    yield Path(sys.prefix) / "pyvenv.cfg"
    standard = Path(sysconfig.get_path("stdlib"))
    for folder in dict.fromkeys((standard, Path(sysconfig.get_path("platstdlib")))):
        if folder.is_dir():
            yield from (path for path in folder.iterdir() if path.name not in PREINSTALLED)
    for pattern in ("lib*.so*", "lib*.dylib"):
        yield from Path(sys.base_prefix, "lib").glob(pattern)


def _packages() -> Iterator[Path]:
    for folder in site_folders():
        for name in PACKAGES:
            yield from (folder / name, folder / f"{name}.py")
            yield from folder.glob(f"{name.replace('_', '[-_]')}-*.dist-info")
