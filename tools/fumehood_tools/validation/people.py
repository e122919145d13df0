"""Compare names of people: the authors of a paper with those who wrote a repository."""

import re
from typing import NamedTuple

from fumehood_tools.papers.identity import surname, title_key


class AuthorsFound(NamedTuple):
    """Authors in a text: in full, and by surname and initial."""

    full: tuple[str, ...]
    partial: tuple[str, ...]


def authors_in(authors: tuple[str, ...], text: str) -> AuthorsFound:
    """Return which authors a text names, in full or by initial and surname."""
    words = title_key(text[:200_000]).split()
    joined = f" {' '.join(words)} "
    full, partial = [], []
    for author in authors:
        parts = title_key(author).split()
        last = surname(author)
        if len(parts) < 2 or len(last) < 2:
            continue
        given = [it for it in parts if it != last]
        first = given[0] if given else parts[0]
        if len(first) > 1 and _both(joined, first, last):
            full.append(author)
        elif _both(joined, first[0], last):
            partial.append(author)
    return AuthorsFound(tuple(full), tuple(partial))


def _both(joined: str, first: str, last: str) -> bool:
    """Whether the two names stand within three words of each other, in either order."""
    between = r"(?:\w+ ){0,2}"
    one, two = re.escape(first), re.escape(last)
    return bool(re.search(f" {one} {between}{two} | {two} {between}{one} ", joined))


def is_handle(handle: str, authors: tuple[str, ...]) -> str:
    """Return the author whose name an owner's handle is, "" if none.

    A handle must contain the surname and at least the initial of the given name: "obrandvold",
    "mirela-quist", "hcunningham2". A surname alone may be anyone's.
    """
    letters = re.sub(r"[^a-z]", "", title_key(handle))
    for author in authors:
        last = re.sub(r"[^a-z]", "", surname(author))
        parts = title_key(author).split()
        if len(last) < 4 or len(parts) < 2 or last not in letters:
            continue
        rest = letters.replace(last, "", 1)
        if rest and parts[0][0] == rest[0] and (parts[0].startswith(rest) or rest in parts[0]):
            return author
        if rest.startswith(parts[0]):
            return author
    return ""
