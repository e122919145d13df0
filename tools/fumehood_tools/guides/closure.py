"""Which installed packages a set of imports needs, and which files they have.

Read from the metadata of the distributions: nothing is imported. An editable install lists no
files there, so it is never in view of a block.
"""

import functools
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

# Imported by libraries that work with them, and therefore do not require them.
ALWAYS_WITH = {
    "transformers": ("torch", "numpy", "accelerate"),
    "safetensors": ("torch", "numpy"),
    "einops": ("torch", "numpy"),
    "fumehood": ("scipy",),
}


def site_of_ours() -> tuple[Path, ...]:
    """Return this interpreter's folders of packages."""
    return tuple(dict.fromkeys(Path(sysconfig.get_path(key)) for key in ("purelib", "platlib")))


@functools.cache
def _by_name(site: Path | None) -> dict[str, Distribution]:
    path = [str(it) for it in ([site] if site else site_of_ours())]
    found = distributions(path=path)
    return {canonicalize_name(it.name): it for it in found if it.name}


@functools.cache
def owners(site: Path | None) -> dict[str, tuple[str, ...]]:
    """Return top-level module -> names of the distributions that install it."""
    found: dict[str, list[str]] = {}
    for one in _by_name(site).values():
        for top in _tops(one):
            module = top.split(".")[0]
            found.setdefault(module, []).append(one.name)
    return {module: tuple(sorted(set(names))) for module, names in found.items()}


def _tops(one: Distribution) -> Iterator[str]:
    """Yield the top-level entries of a distribution, other than its metadata and programs."""
    seen = set()
    for file in one.files or ():
        top = file.parts[0]
        if top in seen or top in ("..", "/", "__pycache__") or top.endswith(".dist-info"):
            continue
        seen.add(top)
        yield top


def files_of(modules: frozenset[str]) -> tuple[Path, ...]:
    """Return the files and folders of our installed packages that these modules need."""
    known, owned = _by_name(None), owners(None)
    waiting = [canonicalize_name(name) for module in modules for name in owned.get(module, ())]
    needed: dict[str, Distribution] = {}
    while waiting:
        name = waiting.pop()
        if name in needed or name not in known:
            continue
        needed[name] = known[name]
        waiting += _required(known[name])
        waiting += map(canonicalize_name, ALWAYS_WITH.get(name, ()))
    paths: dict[Path, None] = {}
    for one in needed.values():
        for top in [*_tops(one), *_metadata(one)]:
            for site in site_of_ours():
                if (site / top).exists():
                    paths[site / top] = None
    return tuple(sorted(paths))


def _metadata(one: Distribution) -> Iterator[str]:
    for file in one.files or ():
        if file.parts[0].endswith(".dist-info"):
            yield file.parts[0]
            return


def _required(one: Distribution) -> Iterator[NormalizedName]:
    here = {**{key: str(value) for key, value in default_environment().items()}, "extra": ""}
    for text in one.requires or ():
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        if wanted.marker is None or wanted.marker.evaluate(here):
            yield canonicalize_name(wanted.name)
