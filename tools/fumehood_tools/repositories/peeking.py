"""Look at a repository on the web without copying it: its newest commit, file names and README.

Costs two requests and a fetch of the tree without the contents (`--filter=blob:none`); a server
that cannot filter sends the files of one commit. The README is fetched only if the repository has
nothing else.
"""

import os
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import RepositoryFailed
from fumehood_tools.repositories.address import Address
from fumehood_tools.repositories.clones import Ask, Tip, newest
from fumehood_tools.repositories.git import Git, watch_size
from fumehood_tools.repositories.trees import MOST_LIST_BYTES

MOST_README = 20_000
MOST_PEEK_BYTES = 200_000_000
MOST_NAMES = 50_000
# Files that are about the code, or about the repository, but are not code or data.
_ABOUT = re.compile(
    r"(?:.*\.(?:md|rst|txt|png|jpe?g|gif|svg|webp|pdf|bib|cff|html?|css)|(?:.*/)?(?:\.git\w+|"
    r"licen[cs]e|copying|notice|authors|contributors|codeowners|citation|readme)[\w.-]*|"
    r"\.github/.*)",
    re.I,
)
_README = re.compile(r"readme(?:\.(?:md|rst|txt))?", re.I)


class Peek(NamedTuple):
    """A repository as it is now. address: where it is, after redirects. committed: ISO 8601.

    files: all paths; none where the repository is too large to be listed, which `note` says then.
    readme: its start, only if there are no other files than those about the repository.
    """

    address: Address
    commit: str
    committed: str
    files: tuple[str, ...]
    readme: str = ""
    note: str = ""

    @property
    def has_content(self) -> bool:
        """Whether it has files that are not only about the repository itself."""
        return bool(self.note) or any(not _ABOUT.fullmatch(file) for file in self.files)


def peek(address: Address, ask: Ask) -> Peek:
    """Return what a repository has now. Raises RepositoryFailed; "empty" if it has no commit."""
    tip = newest(address, ask)
    with tempfile.TemporaryDirectory(prefix="fumehood-peek-") as place:
        try:
            git = _fetched(tip, Path(place), ask, "--filter=blob:none")
        except RepositoryFailed as error:
            if error.status != "too_large":
                raise
            return Peek(tip.address, tip.commit, "", (), note="It is too large to be listed here.")
        found = _listed(git, Path(place), tip, ask)
    if found.has_content:
        return found
    # Everything in it is small, and git 2.39 cannot fetch single contents later without a remote.
    with tempfile.TemporaryDirectory(prefix="fumehood-peek-") as place:
        git = _fetched(tip, Path(place), ask)
        return found._replace(readme=_readme(git, Path(place), found, ask))


def _fetched(tip: Tip, folder: Path, ask: Ask, *options: str) -> Git:
    git = Git((tip.url.partition(":")[0],))
    git.write(["init", "--quiet", "--bare", "--template="], folder, ask.deadline)
    fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", *options]
    fetch += ["--no-recurse-submodules", "--no-write-fetch-head"]
    guard = watch_size(folder, MOST_PEEK_BYTES, ask.deadline)
    git.write([*fetch, "--end-of-options", tip.url, tip.commit], folder, ask.deadline, guard)
    return git


def _listed(git: Git, folder: Path, tip: Tip, ask: Ask) -> Peek:
    form = ["log", "-1", "--no-show-signature", "--format=%cI", "--end-of-options", tip.commit]
    committed = git.read(form, folder, ask.deadline).decode("ascii", "replace").strip()
    asked = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", "--end-of-options", tip.commit]
    listed = git.read(asked, folder, ask.deadline, MOST_LIST_BYTES)
    files = tuple(os.fsdecode(it) for it in listed.split(b"\0")[:MOST_NAMES] if it)
    return Peek(tip.address, tip.commit, committed, files)


def _readme(git: Git, folder: Path, found: Peek, ask: Ask) -> str:
    names = [file for file in found.files if _README.fullmatch(file)]
    if not names:
        return ""
    asked = ["cat-file", "blob", f"{found.commit}:{names[0]}"]
    content = git.read(asked, folder, ask.deadline, 1 << 24)
    return content[:MOST_README].decode("utf-8", "replace")
