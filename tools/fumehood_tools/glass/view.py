"""The view: files a child can read, i.e. Python, its profile's packages, facts about the machine.

Not in view, though installed on the same machine: corpora, the subject's weights, sae_bench, the
trusted side of fumehood, home folders, the workspace. Also left out are files that no child needs:
headers, tests, and libraries that nothing in view is linked against. The view is kept small
because all of it is read before the first child starts (resident.py). Where a folder contains both
kinds of files, its entries are listed one by one.
"""

import functools
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from fumehood_tools.glass.linking import libraries_of
from fumehood_tools.glass.profiles import GlassProfile
from fumehood_tools.glass.resident import files_under

INSIDE = Path(__file__).with_name("fumehood_child")
SYSTEM = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
FACTS = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/cpuinfo",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
)
# How many cores there are, and how they share caches. Not in view is what the kernel counts for
# each core: how often and how long it was idle, its frequency, its heat. Any child could change
# that, and a later one would see it.
CORES = "/sys/devices/system/cpu"
COUNTS_OF_CORES = ("kernel_max", "offline", "online", "possible", "present")
PARTS_OF_A_CORE = ("cache", "topology")
GPU = (
    "/proc/meminfo",
    "/proc/driver/nvidia",
    "/proc/devices",
    "/sys/module/nvidia",
    "/sys/bus/pci",
)
PREINSTALLED = ("site-packages", "dist-packages")
# Parts of the standard library that need a display, a package index or Python's source tree.
NEVER_IMPORTED = re.compile(
    r"(test|idlelib|_?tkinter|turtle|turtledemo|lib2to3|ensurepip|pydoc_data|config-.*)"
    r"(\..*)?"
)
# Entries left out at the top level of the packages in `loaded_early`.
NOT_NEEDED = ("include", "test", "tests", "bin", "share")
# torch checks that this program exists.
PROGRAMS = {"torch": ("torch/bin/torch_shm_manager",)}
# Opened by name at run time: locales, and builds of libraries for newer processors.
BY_NAME = ("locale/C.utf8", "glibc-hwcaps")


def import_path(profile: GlassProfile) -> list[str]:
    """Return a nursery's additions to sys.path: `fumehood_child`, the profile's, site-packages."""
    return [str(path) for path in (INSIDE.parent, *profile.import_path, *site_folders())]


@functools.cache
def site_folders() -> tuple[Path, ...]:
    """Return the site-packages folders."""
    return tuple(dict.fromkeys(Path(sysconfig.get_path(key)) for key in ("purelib", "platlib")))


@functools.cache
def common_view(profile: GlassProfile, cuda: bool = False) -> tuple[str, ...]:
    """Return the paths that every child with this profile can read."""
    paths = [*_python(), *_packages(profile), INSIDE, *profile.readable]
    # A GPU driver opens its libraries by name, which _linked cannot see: show all of them.
    paths += [*(_system() if cuda else _linked(paths)), *(Path(fact) for fact in FACTS)]
    paths += _cores()
    if cuda:
        paths += [Path(path) for path in GPU]
    return tuple(dict.fromkeys(str(path) for path in paths if path.exists()))


def _cores() -> Iterator[Path]:
    for name in COUNTS_OF_CORES:
        yield Path(CORES, name)
    for core in sorted(Path(CORES).glob("cpu[0-9]*")):
        yield from (core / part for part in PARTS_OF_A_CORE)


def devices(cuda: bool) -> tuple[str, ...]:
    """Return the device files that a child can write to."""
    gpus = [str(path) for path in Path("/dev").glob("nvidia*")] if cuda else []
    return ("/dev/null", *gpus)


def _system() -> Iterator[Path]:
    """Yield the system's libraries, except those of the system's own Python installations."""
    for folder in _system_folders():
        yield from (path for path in folder.iterdir() if _is_library(path))


def _system_folders() -> Iterator[Path]:
    for folder in SYSTEM:
        if os.path.isdir(folder) and not os.path.islink(folder):
            yield Path(folder)


def _is_library(path: Path) -> bool:
    return not path.name.startswith("python")


def _linked(paths: list[Path]) -> Iterator[Path]:
    """Yield the system libraries that the files under `paths` are linked against."""
    folders = list(_system_folders())
    folders += [found for folder in folders for found in sorted(folder.glob("*-linux-gnu*"))]
    given = {str(path) for path in paths}
    files = (file for file in files_under(given) if ".so" in file or file in given)
    binaries = (
        Path(file) for file in files if not NEVER_IMPORTED.fullmatch(os.path.basename(file))
    )
    yield from libraries_of(binaries, folders)
    yield from (folder / name for folder in folders for name in BY_NAME)


def _python() -> Iterator[Path]:
    """Yield the interpreter and its standard library, without installed packages."""
    executable = Path(sys.executable)
    yield executable
    yield executable.resolve()
    yield Path(sys.prefix) / "pyvenv.cfg"
    standard = Path(sysconfig.get_path("stdlib"))
    for folder in dict.fromkeys((standard, Path(sysconfig.get_path("platstdlib")))):
        if folder.is_dir():
            for path in folder.iterdir():
                if path.name not in PREINSTALLED and not NEVER_IMPORTED.fullmatch(path.name):
                    yield path
    for pattern in ("lib*.so*", "lib*.dylib"):
        yield from Path(sys.base_prefix, "lib").glob(pattern)


def _packages(profile: GlassProfile) -> Iterator[Path]:
    for folder in site_folders():
        for name in profile.packages:
            yield from (folder / program for program in PROGRAMS.get(name, ()))
            if name in profile.loaded_early and (folder / name).is_dir():
                found = (folder / name).iterdir()
                yield from (path for path in found if path.name not in NOT_NEEDED)
            else:
                yield from (folder / name, folder / f"{name}.py")
            yield from folder.glob(f"{name.replace('_', '[-_]')}-*.dist-info")
