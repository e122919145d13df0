"""Sources on this machine: folders with or without git, bare repositories, and archives.

A folder is read where it is. Where git tracks its files, exactly these are listed, and what git
does not track is named as left out. A bare repository, or another commit than the one on disk, is
copied into the cache.
"""

import os
import stat
from pathlib import Path

from fumehood_tools.errors import BadRequest, PartMissing, RepositoryFailed
from fumehood_tools.files import sha256_of
from fumehood_tools.repositories.address import check_ref
from fumehood_tools.repositories.checkout import (
    Checkout,
    LeftOut,
    Origin,
    local_checkout,
)
from fumehood_tools.repositories.clones import MOST_AUTHOR, Ask, exported
from fumehood_tools.repositories.git import Git
from fumehood_tools.repositories.store import Shelf
from fumehood_tools.repositories.trees import MOST_POINTER, Draft, pointer_reason
from fumehood_tools.repositories.unpacking import (
    is_archive,
    single_folder,
    unpack,
    without_folder,
)

MOST_LIST_BYTES = 1 << 26
MOST_UNTRACKED = 200
# The ids that git gives a folder without files, by SHA-1 and SHA-256; "" if there is no commit.
_EMPTY_TREES = (
    "",
    "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
)


def open_local(path: Path, shown: str, ref: str, ask: Ask) -> Checkout:
    """Return a checkout of a folder, a bare repository or an archive. shown: its address."""
    if path.is_file():
        if ref or not is_archive(path.name):
            raise BadRequest(
                f"{shown} is a file, but not an archive"
                f"{' with branches' if ref else ''}. Pass a folder, a .zip or a .tar.gz."
            )
        return _archive(path, shown, ask)
    if not path.is_dir():
        raise BadRequest(f"There is no folder or archive {shown!r}. Check the path.")
    git_folder = _git_folder(path)
    if git_folder is None:
        if ref:
            raise BadRequest(f"{shown} has no git repository, so it has no {ref!r}. Omit ref.")
        return _marked(local_checkout(path, shown))
    if ref or git_folder == path:
        return _committed(git_folder, shown, ref or "HEAD", ask)
    return _tracked(path, git_folder.parent, shown, ask)


def _git_folder(path: Path) -> Path | None:
    """Return the folder with git's files for a folder or one below it; `path` if it is bare."""
    if (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir():
        return path
    for place in (path, *path.parents):
        if (place / ".git").exists():
            return place / ".git"
    return None


def _tracked(path: Path, top: Path, shown: str, ask: Ask) -> Checkout:
    """Return the files that git tracks below a folder, as they are on disk. top: with .git."""
    own = path == top
    try:
        git = Git(work_tree=top)
        listed = git.read(["ls-files", "-s", "-z"], path, ask.deadline, MOST_LIST_BYTES)
    except (PartMissing, RepositoryFailed) as error:
        return _walked(path, shown, f"git could not list its files, so all are listed. {error}")
    rows = [row for row in listed.split(b"\0") if row]
    if not rows:
        if own and _head(git, path, ask)[1] not in _EMPTY_TREES:
            return _none_there(path, shown, 0)
        why = "git tracks none of its files, so all are listed." if own else ""
        return _walked(path, shown, why)
    if len(rows) > ask.limits.files:
        raise BadRequest(
            f"{shown} has {len(rows):,} files, but at most {ask.limits.files:,} are read. Name one "
            "of its folders."
        )
    files, left_out = [], []
    folders: dict[str, bool] = {}
    for row in rows:
        name = os.fsdecode(row.partition(b"\t")[2])
        reason = _reason(path, name, row[:6], folders)
        if reason:
            left_out.append(LeftOut(name, reason))
        else:
            files.append(name)
    if not files:
        return _none_there(path, shown, len(rows))
    left_out += _untracked(git, path, ask)
    commit, tree, committed, author = _head(git, path, ask)
    origin = Origin("folder", tree, committed, author)
    unique = tuple(sorted(set(files)))
    return Checkout(path, shown, commit, unique, tuple(sorted(set(left_out))), origin)


def _walked(path: Path, shown: str, why: str) -> Checkout:
    found = _marked(local_checkout(path, shown))
    return found._replace(origin=Origin("folder", notes=(why,) if why else ()))


def _none_there(path: Path, shown: str, tracked: int) -> Checkout:
    """Return the files of a folder that has none of those that git tracks in it."""
    what = f"git tracks {tracked:,} entries of {shown}, but no file of them is on disk"
    found = _walked(path, shown, f"{what}, so those that are there are listed.")
    if not found.files:
        raise RepositoryFailed(
            "empty", f"{what}. Check them out (git checkout HEAD -- . in it), and repeat."
        )
    return found


def _marked(found: Checkout) -> Checkout:
    """Leave out the pointers of Git LFS."""
    pointers = {file: why for file in found.files if (why := _pointer(found.path(file)))}
    return found._replace(
        files=tuple(file for file in found.files if file not in pointers),
        left_out=tuple(sorted([*found.left_out, *map(LeftOut._make, pointers.items())])),
    )


def _reason(folder: Path, name: str, mode: bytes, folders: dict[str, bool]) -> str:
    """Return why a tracked entry is left out, or ""."""
    if mode == b"160000":
        return "a submodule"
    parent = name.rpartition("/")[0]
    if not _is_inside(folder, parent, folders):
        return "a file in a folder that is a link"
    place = folder / name
    try:
        found = os.lstat(place).st_mode
        if stat.S_ISLNK(found):
            return f"a link to {os.readlink(place)}"
    except OSError:
        return "a file that is tracked by git but not there"
    if not stat.S_ISREG(found):
        return "a special file (FIFO, socket, device or folder)"
    return _pointer(place)


def _is_inside(folder: Path, parent: str, known: dict[str, bool]) -> bool:
    """Return whether no folder on the way to `parent` is a link. known: parent -> answer."""
    unknown = []
    while parent and parent not in known:
        unknown.append(parent)
        parent = parent.rpartition("/")[0]
    inside = known[parent] if parent else True
    for place in reversed(unknown):
        inside = inside and not (folder / place).is_symlink()
        known[place] = inside
    return inside


def _pointer(place: Path) -> str:
    try:
        if not 100 <= os.lstat(place).st_size < MOST_POINTER:
            return ""
        with place.open("rb") as file:
            return pointer_reason(file.read(MOST_POINTER))
    except OSError:
        return ""


def _untracked(git: Git, path: Path, ask: Ask) -> list[LeftOut]:
    asked = ["ls-files", "-z", "--others", "--directory", "--exclude-standard"]
    try:
        listed = git.read(asked, path, ask.deadline, MOST_LIST_BYTES)
    except RepositoryFailed:
        return []
    names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    return [
        LeftOut(name, "not tracked by git (git add it to include it)")
        for name in names[:MOST_UNTRACKED]
    ]


def _head(git: Git, path: Path, ask: Ask) -> tuple[str, str, str, str]:
    """Return commit, tree, date and author of the newest commit, "" if there is none."""
    form = ["log", "-1", "--no-show-signature", "--format=%H %T %cI %an"]
    try:
        said = git.read(form, path, ask.deadline).decode("utf-8", "replace").strip()
    except RepositoryFailed:
        return "", "", "", ""
    commit, tree, committed, author = (*said.split(" ", 3), "", "", "", "")[:4]
    return commit, tree, committed, author[:MOST_AUTHOR]


def _committed(git_folder: Path, shown: str, ref: str, ask: Ask) -> Checkout:
    """Return a commit of a repository on this machine, copied into the cache."""
    check_ref(ref)
    git = Git()
    asked = ["rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}"]
    try:
        commit = git.read(asked, git_folder, ask.deadline).decode("ascii", "replace").strip()
    except RepositoryFailed as error:
        if ref == "HEAD":
            raise RepositoryFailed(
                "empty", f"{shown} is empty: it has no commit. Pass a repository with files."
            ) from error
        raise RepositoryFailed(
            "no_ref", f"{shown} has no branch, tag or commit {ref!r}. Check its name."
        ) from error
    shelf = Shelf(ask.settings.cache, "local", str(git_folder.resolve()))
    entry = shelf.entry(
        commit,
        lambda tree, work: exported(git, git_folder, commit, "", Draft(tree, work), ask),
        seconds=ask.deadline.left(),
    )
    facts = entry.facts
    origin = Origin("git", facts["tree"], facts["committed"], facts.get("author", ""))
    return Checkout(entry.tree, shown, commit, entry.files, entry.left_out, origin, entry.lease)


def _archive(path: Path, shown: str, ask: Ask) -> Checkout:
    digest = sha256_of(path)
    shelf = Shelf(ask.settings.cache, "archive", digest)

    def make(tree: Path, work: Path) -> dict[str, object]:
        written = unpack(path, tree, ask.deadline, ask.limits)
        top = single_folder(written)
        inner = without_folder(written, top) if top else written
        return {"top": top, "name": path.name, "files": inner.files, "left_out": inner.left_out}

    entry = shelf.entry("unpacked", make, seconds=ask.deadline.left())
    folder = entry.tree / entry.facts["top"]
    origin = Origin("archive")
    return Checkout(folder, shown, "", entry.files, entry.left_out, origin, entry.lease)
