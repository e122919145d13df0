"""Find the file that TeX would read for a name, in the files of one source."""

import functools
import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

_ENDINGS = (".tex", "", ".ltx", ".latex")
_LONGEST = 300


class Found(NamedTuple):
    """A file of the source, and whether it lies where TeX would look for it."""

    name: str
    in_place: bool


class SourceFiles(dict[str, str]):
    """The texts of a source by name, with what is needed to find names that are not exact."""

    @functools.cached_property
    def by_case(self) -> dict[str, str]:
        """Return the names by their form in lower case."""
        return {name.lower(): name for name in self}

    @functools.cached_property
    def by_tail(self) -> dict[str, list[str]]:
        """Return the names by what follows the last slash, in lower case."""
        tails: dict[str, list[str]] = {}
        for name in self:
            tails.setdefault(posixpath.basename(name).lower(), []).append(name)
        return tails


def find_file(files: SourceFiles, name: str, folders: Iterable[str] = ("",)) -> Found | None:
    """Return the file that TeX would read for a name, or None if there is no such file.

    folders: where TeX looks, in this order. As a last resort, names are compared without case, and
    a file of that name in another folder is taken if there is only one.
    """
    name = name.strip().strip('"').strip()
    if not name or len(name) > _LONGEST:
        return None
    tail = posixpath.basename(posixpath.normpath(name)).lower()
    same_tail = [files.by_tail.get(f"{tail}{ending}", ()) for ending in _ENDINGS]
    if not any(same_tail):
        return None
    paths = [posixpath.normpath(posixpath.join(folder, name)) for folder in folders]
    guesses = [f"{path}{ending}" for path in paths for ending in _ENDINGS]
    for guess in guesses:
        if guess in files:
            return Found(guess, True)
    for guess in guesses:
        if guess.lower() in files.by_case:
            return Found(files.by_case[guess.lower()], True)
    tail = posixpath.basename(name).lower()
    near = [found for ending in _ENDINGS for found in files.by_tail.get(f"{tail}{ending}", ())]
    return Found(near[0], False) if len(near) == 1 else None


def inner_document(tokens: list[str]) -> list[str]:
    """Return the tokens inside the document environment, or all tokens if there is none.

    A `\\begin{document}` inside a group, such as the body of a macro, is no beginning.
    """
    if "\\begin{document}" not in tokens:
        return tokens
    start, end, depth = None, len(tokens), 0
    for index, token in enumerate(tokens):
        if token in "{}":
            depth += 1 if token == "{" else -1
        elif depth <= 0 and token == "\\begin{document}" and start is None:
            start = index + 1
        elif depth <= 0 and token == "\\end{document}" and start is not None:
            end = index
            break
    return tokens if start is None else tokens[start:end]


def without_comments(text: str) -> str:
    """Return LaTeX without its comments."""
    return _COMMENT.sub("", text)


# The sign comes first, and what stands before it is looked at then, because it is found faster so.
_COMMENT = re.compile(r"%(?<!\\%)[^\n]*")
