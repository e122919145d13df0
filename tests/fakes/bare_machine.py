"""A machine that has only the packages which were installed for it, as a program.

usage: python -P bare_machine.py MODULE=PACKAGE … -MODULE=PACKAGE … -- MODULE …

Packages with a minus came without what they ask for. Imports the modules after `--`, and finds
nothing that is in no distribution of the first list, nor in those that these ask for.
"""

import importlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from types import ModuleType
from typing import Any

from packaging.requirements import Requirement


def installed(words: Sequence[str]) -> set[str]:
    """Return the names of all distributions that installing these words brings."""
    found: set[tuple[str, str]] = set()
    for word in words:
        name = re.split(r"[=<>!\[]", word.partition("=")[2])[0]
        if word.startswith("-"):
            found.add((_plain(name), ""))
        else:
            _add(name, "", found)
    return {name for name, _ in found}


def _add(name: str, extra: str, found: set[tuple[str, str]]) -> None:
    if (_plain(name), extra) in found:
        return
    found.add((_plain(name), extra))
    for other in _asks_for(name, extra):
        for one in ("", *other.extras):
            _add(other.name, one, found)


def _asks_for(name: str, extra: str) -> Iterator[Requirement]:
    try:
        texts = requires(name) or []
    except PackageNotFoundError:
        return
    for requirement in map(Requirement, texts):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class OnlyThese:
    """Finds modules of some distributions, and those that are in none."""

    def __init__(self, distributions: set[str]) -> None:
        self._there, self._of = distributions, packages_distributions()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = self._of.get(name.partition(".")[0], [])
        if top and not self._there & set(map(_plain, top)):
            return None
        return PathFinder.find_spec(name, path, target)

    def find_distributions(self, *args: Any, **more: Any) -> Any:
        return PathFinder.find_distributions(*args, **more)


def main() -> None:
    """Do what the arguments say."""
    at = sys.argv.index("--")
    only: Any = OnlyThese(installed(sys.argv[1:at]) | {"fumehood"})
    sys.meta_path[:] = [*(one for one in sys.meta_path if one is not PathFinder), only]
    os.environ["JAXTYPING_DISABLE"] = "1"
    from fumehood_tools.subjects.stubs import COMPILER, load_after_all, stub_unused

    stub_unused()
    for module in sys.argv[at + 1 :]:
        if module.startswith("transformer_lens"):
            load_after_all("transformer_lens", "pandas", COMPILER)
        importlib.import_module(module)


if __name__ == "__main__":
    main()
