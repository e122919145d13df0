"""Recognize copies among the candidates of one paper: forks and mirrors that do not say so.

Of every repository a print is kept: digests of its files, its newest commits, and what marks it as
the original. If two have most of their files in common, the one with the weaker marks is a copy. If
nothing tells which, both are copies of unknown origin, and the tool says so.
"""

import hashlib

from pydantic import BaseModel

from fumehood_tools.errors import StorageFailed
from fumehood_tools.plain_files import read_plain
from fumehood_tools.repositories import Checkout
from fumehood_tools.validation.history import History
from fumehood_tools.validation.paper_facts import PaperFacts
from fumehood_tools.validation.people import authors_in, is_handle

MOST_DIGESTS = 200
_LARGEST = 2_000_000


class Print(BaseModel, frozen=True):
    """What is kept of a repository to recognize copies of it.

    digests: of its files, the smallest ones in order, so that two prints have the same sample.
    by_authors: for each of the newest commits, whether an author of the paper made it.
    """

    digests: list[str]
    commits: list[str]
    by_authors: list[bool]
    owned_by_author: bool


def print_of(checkout: Checkout, history: History, paper: PaperFacts) -> Print:
    """Return the print of a checkout."""
    digests = set()
    for path in checkout.files[:5000]:
        try:
            content = read_plain(checkout.path(path), _LARGEST)
        except StorageFailed:
            continue
        if len(content) > 40:
            digests.add(hashlib.sha256(content).hexdigest()[:12])
    by = [bool(any(authors_in(paper.authors, it))) for it in history.authors]
    return Print(
        digests=sorted(digests)[:MOST_DIGESTS],
        commits=list(history.commits),
        by_authors=by,
        owned_by_author=bool(checkout.owner and is_handle(checkout.owner, paper.authors)),
    )


def likeness(one: Print, other: Print) -> float:
    """Return the share of equal files of two repositories, of the smaller one's."""
    if min(len(one.digests), len(other.digests)) < 3:
        return 0.0
    a, b = set(one.digests), set(other.digests)
    if max(len(a), len(b)) == MOST_DIGESTS:
        # Both samples are the smallest digests, so they compare only up to the smaller last one.
        last = min(one.digests[-1], other.digests[-1])
        a, b = ({it for it in some if it <= last} for some in (a, b))
    return len(a & b) / max(1, min(len(a), len(b)))


def is_copy_of(one: Print, other: Print) -> bool | None:
    """Return whether the first of two like repositories is the copy, None if nothing tells."""
    if one.owned_by_author != other.owned_by_author:
        return other.owned_by_author
    if (goes_on := _goes_on_from(one, other)) is not None:
        return goes_on
    if (goes_on := _goes_on_from(other, one)) is not None:
        return not goes_on
    return None


def _goes_on_from(one: Print, other: Print) -> bool | None:
    """Return whether strangers made the commits that the first has after the second's newest.

    Commits by authors of the paper mean that the first is the original and the second is stale.
    None if the second's newest commit is not in the first, or neither has the authors' commits.
    """
    if not other.commits or other.commits[0] not in one.commits[1:] or not any(one.by_authors):
        return None
    return not any(one.by_authors[: one.commits.index(other.commits[0])])
