"""Repositories on the web, cloned at one commit into the cache.

A commit is fetched without history (depth 1), and only its files are kept. Without a network, or
when the host does not answer, an earlier copy is used and its age is told.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import BadRequest, RepositoryFailed
from fumehood_tools.files import digest_of
from fumehood_tools.repositories.address import Address, check_ref
from fumehood_tools.repositories.checkout import Checkout, Origin
from fumehood_tools.repositories.git import Git, watch_size
from fumehood_tools.repositories.store import Entry, Shelf
from fumehood_tools.repositories.trees import Draft, Limits, write_tree
from fumehood_tools.settings import Settings

KIND = "git"
MOST_REFS_BYTES = 1 << 26
MOST_PARTS = 8
MOST_AUTHOR = 200


class Ask(NamedTuple):
    """How a source is opened: the settings, limits, and where progress is told."""

    settings: Settings
    deadline: Deadline
    limits: Limits
    tell: Callable[[str], None]


class Tip(NamedTuple):
    """A commit to fetch, and the folder of it that is wanted ("" for all)."""

    url: str
    address: Address
    commit: str
    folder: str


def clone(address: Address, ref: str, ask: Ask) -> Checkout:
    """Return a checkout of a repository. ref: "" for what the address points to."""
    pointed = check_ref(ref) if ref else address.pointed
    if pointed:
        check_ref(pointed.partition("/")[0])
    shelf = Shelf(ask.settings.cache, KIND, address.key)
    label = ref or (f"{'file' if address.is_file else 'page'} {pointed}" if pointed else "")
    if ask.settings.offline:
        return _cached(shelf, label, address, ask, "Offline mode is on")
    try:
        tip = _tip(address, pointed, ask, whole=bool(ref))
    except RepositoryFailed as error:
        if error.status == "unreachable" and shelf.recall(label) is not None:
            return _cached(shelf, label, address, ask, str(error))
        raise
    name = tip.commit if not tip.folder else f"{tip.commit}-{digest_of(tip.folder)}"
    home = Shelf(ask.settings.cache, KIND, tip.address.key)
    entry = home.entry(
        name,
        lambda tree, work: _fetched(tip, Draft(tree, work), ask),
        lambda: ask.tell("Another process clones the same repository. Waiting for it."),
        ask.deadline.left(),
    )
    moved = address.page if tip.address.key != address.key else ""
    seen = {"page": tip.address.page, "moved_from": moved, "key": tip.address.key}
    shelf.remember(label, name, seen)
    return _checkout(entry, tip.address.page, Origin(moved_from=moved))


def newest(address: Address, ask: Ask) -> Tip:
    """Return the newest commit of the default branch. Raises RepositoryFailed."""
    return _tip(address, "", ask, whole=True)


def cached_clones(cache: Path) -> list[Checkout]:
    """Return the newest cached clone of every repository, without any request."""
    shelves = [Shelf.at(folder) for folder in sorted((cache / "sources" / KIND).glob("*"))]
    newest = [
        (shelf, max(marks, key=lambda it: float(it["at"])))
        for shelf in shelves
        if (marks := [it for label in shelf.labels() if (it := shelf.recall(label)) is not None])
    ]
    return [
        _checkout(entry, str(mark["page"]), _aged(mark))
        for shelf, mark in newest
        if not mark["moved_from"]
        and (entry := shelf.find(str(mark["name"]), counts=False)) is not None
    ]


def _home(ask: Ask, mark: dict[str, Any]) -> Shelf:
    """Return the shelf of the repository's present address."""
    return Shelf(ask.settings.cache, KIND, str(mark["key"]))


def _cached(shelf: Shelf, label: str, address: Address, ask: Ask, why: str) -> Checkout:
    mark = shelf.recall(label)
    entry = _home(ask, mark).find(str(mark["name"])) if mark else None
    if mark is None or entry is None:
        raise RepositoryFailed(
            "unreachable",
            f"{why}, and the cache has no copy of {address.page}"
            f"{f' at {label}' if label else ''}. Go online, or pass a folder or an archive.",
        )
    aged = _aged(mark)
    note = f"{why.rstrip('.')}. This copy is {_age(aged.age_seconds or 0)} old."
    return _checkout(entry, str(mark["page"]), aged._replace(notes=(note,)))


def _aged(mark: dict[str, Any]) -> Origin:
    age = max(0.0, time.time() - float(mark["at"]))
    return Origin(age_seconds=age, moved_from=str(mark.get("moved_from", "")))


def _age(seconds: float) -> str:
    days, hours = seconds / 86400, seconds / 3600
    if days >= 2:
        return f"{days:.0f} days"
    return f"{hours:.0f} hours" if hours >= 2 else f"{seconds / 60:.0f} minutes"


def _checkout(entry: Entry, page: str, origin: Origin) -> Checkout:
    facts = entry.facts
    folder = facts["folder"]
    return Checkout(
        entry.tree,
        f"{page}/tree/{facts['commit']}/{folder}" if folder else page,
        facts["commit"],
        entry.files,
        entry.left_out,
        origin._replace(
            kind="git",
            tree=facts["tree"],
            committed=facts["committed"],
            author=facts.get("author", ""),
        ),
        entry.lease,
    )


def _tip(address: Address, pointed: str, ask: Ask, *, whole: bool) -> Tip:
    """Return the commit that a branch, tag, commit or page leads to now.

    whole: `pointed` is a branch, tag or commit; else a folder may follow it.
    """
    from fumehood_tools.repositories.probing import probe  # imports httpx: 0.15 s

    ask.tell(f"Asking {address.host} for {address.path}")
    found = probe(address, ask.settings.endpoints, ask.deadline)
    git = Git((found.url.partition(":")[0],))
    parts = pointed.split("/") if pointed else []
    names = ["/".join(parts[: n + 1]) for n in range(len(parts))][:MOST_PARTS]
    names = [pointed] if whole and pointed else names
    refs = _refs(git, found.url, names, ask.deadline)
    for name in reversed(names):
        commit = refs.get(f"refs/tags/{name}^{{}}") or refs.get(f"refs/heads/{name}")
        if commit := commit or refs.get(f"refs/tags/{name}"):
            return Tip(found.url, found.address, commit, _folder(address, pointed, name))
    if names and _is_commit(names[0]):
        return Tip(found.url, found.address, names[0], _folder(address, pointed, names[0]))
    if names:
        raise RepositoryFailed(
            "no_ref",
            f"{address.page} has no branch or tag {names[0]!r}. A commit needs all of its 40 "
            "digits. Pass the address without a branch for the newest version.",
        )
    if "HEAD" not in refs:
        raise RepositoryFailed(
            "empty",
            f"{address.page} is empty: it has no commit on its default branch. Pass ref= if "
            "another branch has its code.",
        )
    return Tip(found.url, found.address, refs["HEAD"], "")


def _folder(address: Address, pointed: str, name: str) -> str:
    if address.is_file:
        return ""
    return pointed.removeprefix(name).strip("/")


def _is_commit(name: str) -> bool:
    return len(name) in (40, 64) and all(c in "0123456789abcdef" for c in name.lower())


def _refs(git: Git, url: str, names: list[str], deadline: Deadline) -> dict[str, str]:
    wanted = ["HEAD", *(f"refs/{kind}/{name}" for name in names for kind in ("heads", "tags"))]
    wanted += [f"refs/tags/{name}^{{}}" for name in names]
    asked = ["ls-remote", "--end-of-options", url, *wanted]
    said = git.read(asked, None, deadline, MOST_REFS_BYTES).decode("utf-8", "replace")
    found = (line.partition("\t") for line in said.splitlines())
    return {name: commit for commit, tab, name in found if tab and name in wanted}


def _fetched(tip: Tip, draft: Draft, ask: Ask) -> dict[str, Any]:
    """Fetch a commit and write its files; return the facts of the entry."""
    git, repository = Git((tip.url.partition(":")[0],)), draft.work
    ask.tell(f"Fetching {tip.address.page}")
    git.write(["init", "--quiet", "--bare", "--template="], repository, ask.deadline)
    fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"]
    fetch += ["--no-write-fetch-head", "--end-of-options", tip.url, tip.commit]
    guard = watch_size(repository, ask.limits.bytes, ask.deadline)
    git.write(fetch, repository, ask.deadline, guard)
    return exported(git, repository, tip.commit, tip.folder, draft, ask)


def exported(
    git: Git, repository: Path, commit: str, folder: str, draft: Draft, ask: Ask
) -> dict[str, Any]:
    """Write the files of a commit that a git folder has; return the facts of the entry."""
    where = f"{commit}:{folder}"
    try:
        tree = git.read(
            ["rev-parse", "--verify", "--end-of-options", where], repository, ask.deadline
        )
    except RepositoryFailed as error:
        if not folder:
            raise RepositoryFailed(
                "broken",
                f"The repository has no files of commit {commit[:12]}: it is damaged or a partial "
                "clone. Clone it again without --filter.",
            ) from error
        raise BadRequest(
            f"There is no folder {folder!r} in commit {commit[:12]}. Pass the address of the "
            "repository, and look at its files first."
        ) from error
    form = ["log", "-1", "--no-show-signature", "--format=%cI %an", "--end-of-options", commit]
    said = git.read(form, repository, ask.deadline).decode("utf-8", "replace")
    committed, _, author = said.strip().partition(" ")
    oid = tree.decode("ascii").strip()
    ask.tell("Writing the files")
    written = write_tree(git, repository, oid, draft, ask.deadline, ask.limits)
    return {
        "commit": commit,
        "tree": oid,
        "committed": committed,
        "author": author[:MOST_AUTHOR],
        "folder": folder,
        "files": written.files,
        "left_out": written.left_out,
    }
