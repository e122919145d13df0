"""Find the file that TeX would read for a name, in the files of one source."""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_ENDINGS = (".tex", "", ".ltx", ".latex")


class Found(NamedTuple):
    """A file of the source, and whether it lies where TeX would look for it."""

    name: str
    in_place: bool


def find_file(files: Mapping[str, str], name: str, folders: Iterable[str] = ("",)) -> Found | None:
    """Return the file that TeX would read for a name, or None if there is no such file.

    folders: where TeX looks, in this order. As a last resort, names are compared without case, and
    a file of that name in another folder is taken if there is only one.
    """
    name = name.strip().strip('"').strip()
    if not name:
        return None
    paths = [posixpath.normpath(posixpath.join(folder, name)) for folder in folders]
    guesses = [f"{path}{ending}" for path in paths for ending in _ENDINGS]
    for guess in guesses:
        if guess in files:
            return Found(guess, True)
    by_case = {known.lower(): known for known in files}
    for guess in guesses:
        if guess.lower() in by_case:
            return Found(by_case[guess.lower()], True)
    tails = [f"{posixpath.basename(name)}{ending}".lower() for ending in _ENDINGS]
    near = [known for known in files if posixpath.basename(known).lower() in tails]
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
    return _COMMENT.sub(r"\1", text)


_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
