"""Read who wrote the newest commits of a repository. Nothing of it is run.

A clone in the cache has no history, so only the author of its commit is known. A folder without
.git of its own has none either, even if a folder above it has one.
"""

import re
from typing import NamedTuple

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import PartMissing, RepositoryFailed
from fumehood_tools.repositories import Checkout
from fumehood_tools.repositories.git import Git

MOST_COMMITS = 200
SECONDS = 20.0
_AUTHOR = re.compile(r"^author (.*?) <[^>]*> \d+ [+-]\d{4}$", re.M)
_COMMIT = re.compile(r"^([0-9a-f]{40,64})$", re.M)


class History(NamedTuple):
    """The newest commits that are known. authors: of each commit, newest first."""

    commits: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


def read_history(checkout: Checkout) -> History:
    """Return the newest commits of a checkout; only its own if git is missing or fails."""
    commit, author = checkout.commit, checkout.origin.author
    alone = History((commit,) if commit else (), (author,) if author else ())
    own = checkout.folder / ".git"
    if own.is_symlink() or not own.is_dir():
        return alone
    # rev-list is plumbing: it reads no setting that could start a program.
    asked = ["rev-list", "--header", f"--max-count={MOST_COMMITS}", "HEAD", "--"]
    late = RepositoryFailed("timeout", f"git did not list the commits within {SECONDS:.0f} s.")
    try:
        said = Git().read(asked, checkout.folder, Deadline(SECONDS, lambda: late))
    except (PartMissing, RepositoryFailed):
        return alone
    text = said.decode("utf-8", "replace").replace("\0", "\n")
    authors = tuple(_AUTHOR.findall(text))
    return History(tuple(_COMMIT.findall(text)), authors) if authors else alone
