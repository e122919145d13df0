"""Which files of a repository to show in full first, if nothing is known about what is sought."""

from collections.abc import Iterable

from fumehood_tools.packing.request import Ranked
from fumehood_tools.packing.staging import Staged

_ENTRY_WORDS = "main train run cli app __main__ demo example sae model models"
_ASIDE_WORDS = (
    "test tests testing docs doc examples example benchmarks scripts vendor third_party _vendor "
    "node_modules data assets .github migrations"
)
_DATA_WORDS = "json jsonl csv tsv lock svg txt xml yaml yml toml cfg ini bib"
_SOURCE_WORDS = "py pyi js ts jsx tsx rs go c h cc cpp cu hpp java jl r lua sh ipynb m scala swift"
_ENTRY, _ASIDE, _DATA, _SOURCE = (
    frozenset(words.split()) for words in (_ENTRY_WORDS, _ASIDE_WORDS, _DATA_WORDS, _SOURCE_WORDS)
)


def ranked_files(files: Iterable[Staged], first: Iterable[Ranked] = ()) -> list[Ranked]:
    """Return all files, most important first: `first`, READMEs, entry points, sources by size.

    Tests, documentation, data and vendored code come last.
    """
    there = {it.path: it for it in files}
    chosen = {one.path: one for one in first if one.path in there}
    rest = [it for path, it in there.items() if path not in chosen]
    rest.sort(key=lambda it: (_class(it.path)[0], it.path.count("/"), it.facts.size, it.path))
    return [*chosen.values(), *(Ranked(path=it.path, reason=_class(it.path)[1]) for it in rest)]


def found_in(paths: Iterable[str], first: Iterable[Ranked]) -> tuple[list[Ranked], list[str]]:
    """Return the files to show first as they are named in the stage, and the names not in it.

    paths: of the stage. A notebook is a script in the stage, and has its name.
    """
    there = frozenset(paths)
    found, missing = [], []
    for one in first:
        names = [name for name in (one.path, f"{one.path}.py") if name in there]
        if names:
            found.append(one.model_copy(update={"path": names[0]}))
        else:
            missing.append(one.path)
    return found, missing


def _class(path: str) -> tuple[int, str]:
    *folders, name = path.lower().split("/")
    stem, _, suffix = name.partition(".")
    suffix = suffix.rpartition(".")[2]
    aside = not _ASIDE.isdisjoint(folders) or stem.startswith("test_") or name == "conftest.py"
    if stem == "readme":
        return (0, "README") if not folders else (4, "README of a folder")
    if aside:
        return 6, "test, example, documentation or vendored"
    if name in ("pyproject.toml", "setup.py", "citation.cff"):
        return 1, "describes the package"
    if suffix in _SOURCE:
        return (
            (2, "entry point by its name") if stem in _ENTRY else (3, "source, small files first")
        )
    return (7, "data or configuration") if suffix in _DATA else (5, "other")
