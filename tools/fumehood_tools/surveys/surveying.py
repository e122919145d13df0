"""Survey a package, or compare two versions of one, in a child process, and keep the result.

A survey is kept in the cache under the package, its version and a digest of its files, so that it
is made once: about a second for 30,000 lines of Python. The child only parses; no code of a package
runs, and none is imported. It is stopped at 60 s and 1 GB.
"""

import hashlib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from fumehood_tools.children import ChildTask, ask_once
from fumehood_tools.errors import (
    BadRequest,
    FumehoodError,
    PartMissing,
    RepositoryFailed,
    StorageFailed,
    Unreadable,
)
from fumehood_tools.files import write_bytes
from fumehood_tools.plain_files import read_plain
from fumehood_tools.repositories import Checkout, Limits, open_checkout
from fumehood_tools.settings import Settings
from fumehood_tools.surveys.models import Changes, Survey
from fumehood_tools.surveys.naming import Meant, close_names, meant_by

FORMAT = 12
"""Raised when what is stored changes its meaning, so that older surveys are made again."""
SECONDS, MEMORY = 60.0, 1_000_000_000
FETCH = Limits(seconds=60.0)
MOST_STORED = 200_000_000
KEPT = 300
_PATHS = ("/", "./", "../", "~")
Tell = Callable[[str], None]


class Request(NamedTuple):
    """Which version of which package. version: "" for the installed one, else the newest.

    published: take it from the package index although it is installed, because an sdist also has
    tests, docs and examples. first: a module to read before others in a very large package.
    """

    package: str
    version: str = ""
    published: bool = False
    first: str = ""


class Taken(NamedTuple):
    """An opened version of a package. said: in words, which one it is and where it comes from."""

    distribution: str
    version: str
    checkout: Checkout
    said: tuple[str, ...]


class Surveys:
    """Surveys of packages, kept in the cache of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.cache / "surveys"

    def survey(self, request: Request, tell: Tell = lambda text: None) -> tuple[Taken, Survey]:
        """Return a survey. tell: called with progress; what it raises stops the work.

        Raises BadRequest, UnknownName, RepositoryFailed, Unreadable, PartMissing, StorageFailed.
        """
        taken = self.take(request, tell)
        digest = _digest([taken], request.first)
        stored = self._stored(taken, digest)
        if stored is not None:
            try:
                return taken, Survey.model_validate_json(stored)
            except ValidationError:
                tell("A stored survey is damaged and is made again")
        answer = _asked([taken], request.first, tell)
        self._store(taken, digest, answer)
        return taken, Survey.model_validate_json(answer)

    def changes(
        self, request: Request, against: str, tell: Tell = lambda text: None
    ) -> tuple[Taken, Taken, Changes]:
        """Return (old, new, what changed) between a version and the one in `against`.

        Whichever of the two is older is the old one. Raises what `survey` raises.
        """
        if not against:
            raise BadRequest("For changes, pass the other version as against, such as '1.2.0'.")
        one = self.take(request, tell)
        two = self.take(request._replace(version=against), tell)
        if one.version == two.version:
            raise BadRequest(
                f"Both are {one.distribution} {one.version}. Pass two different versions."
            )
        old, new = sorted((one, two), key=lambda it: _ordered(it.version))
        digest = _digest([old, new], request.first)
        stored = self._stored(new, digest)
        if stored is not None:
            try:
                return old, new, Changes.model_validate_json(stored)
            except ValidationError:
                tell("A stored comparison is damaged and is made again")
        answer = _asked([old, new], request.first, tell)
        self._store(new, digest, answer)
        return old, new, Changes.model_validate_json(answer)

    def take(self, request: Request, tell: Tell = lambda text: None) -> Taken:
        """Open a version of a package. Raises BadRequest, UnknownName, RepositoryFailed."""
        package, version = _asked_for(request)
        if package.startswith(_PATHS) or package in (".", ".."):
            if version:
                raise BadRequest("A folder has one version. Omit version, or name a package.")
            checkout = open_checkout(package, settings=self._settings, limits=FETCH, tell=tell)
            name = checkout.folder.name
            return Taken(name, "", checkout, (f"The folder {checkout.address}.",))
        meant = meant_by(package)
        source = f"pkg:{meant.distribution}" + (f"=={version}" if version else "")
        try:
            checkout = open_checkout(
                source,
                settings=self._settings,
                limits=FETCH,
                tell=tell,
                published=request.published,
            )
        except RepositoryFailed as error:
            raise _not_there(error, meant) from error
        found = checkout.address.rpartition("==")[2]
        where = checkout.origin.notes or ("As it is installed here.",)
        return Taken(meant.distribution, found, checkout, (meant.said, *where))

    def _stored(self, taken: Taken, digest: str) -> bytes | None:
        try:
            return read_plain(self._path(taken, digest), MOST_STORED)
        except StorageFailed:
            return None

    def _store(self, taken: Taken, digest: str, answer: bytes) -> None:
        write_bytes(self._path(taken, digest), answer)
        stored = sorted(self._folder.glob("*.json"), key=_modified)
        for path in stored[:-KEPT]:
            path.unlink(missing_ok=True)

    def _path(self, taken: Taken, digest: str) -> Path:
        safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in taken.distribution)
        return self._folder / f"{safe[:80]}-{taken.version[:40].replace('/', '_')}-{digest}.json"


def changed_names(
    package: str, old: str, new: str = "", *, settings: Settings, tell: Tell = lambda text: None
) -> dict[str, str]:
    """Return public name -> what changed in it from one version to another, in words.

    new: "" for the installed version. Names that were only added are left out; `Surveys.changes`
    has them, and the fields from which these sentences are made. Raises what `Surveys.survey`
    raises.
    """
    _, _, changes = Surveys(settings).changes(Request(package, new), old, tell)
    said: dict[str, list[str]] = {}
    for change in changes.changes:
        if change.kind != "added":
            hint = f" (perhaps now {change.became})" if change.kind == "removed" else ""
            words = change.what + (hint if change.became else "")
            said.setdefault(change.name, []).append(f"{change.kind}: {words}")
    return {name: "; ".join(words) for name, words in said.items()}


def _asked_for(request: Request) -> tuple[str, str]:
    """Return (package, version) of a request, which may name both in one: NAME==VERSION."""
    package = re.sub(r"\[[\w,. -]*\]", "", request.package.strip().removeprefix("pkg:"), count=1)
    name, both, version = package.partition("==")
    if both and request.version and version.strip() != request.version:
        raise BadRequest(f"{package!r} and version {request.version!r} differ. Pass one of them.")
    wanted = (request.version or version).strip()
    is_range = re.search(r"[<>~!]=?\s*\d", name) is not None
    if is_range or (wanted and not _ordered(wanted)[0]):
        raise BadRequest(
            f"{(wanted or package)[:80]!r} does not name one version. Pass the package's name, and "
            "as version one such as '1.2.0', or none for the installed or newest one."
        )
    return name.strip(), wanted


def _not_there(error: RepositoryFailed, meant: Meant) -> FumehoodError:
    if not meant.is_installed and meant.distribution.partition(".")[0] in sys.stdlib_module_names:
        return BadRequest(
            f"{meant.distribution} is part of Python itself, not a package: {error} To read its "
            "source, pass the folder of the module."
        )
    close = [it for it in close_names(meant.distribution) if it != meant.distribution]
    if meant.is_installed or not close:
        return error
    hint = f"Did you mean {' or '.join(map(repr, close))}, which is installed?"
    return RepositoryFailed(error.status, f"{error} {hint}")


def _ordered(version: str) -> tuple[bool, object]:
    from packaging.version import InvalidVersion, Version

    try:
        return (True, Version(version))
    except InvalidVersion:
        return (False, version)


def _digest(taken: Sequence[Taken], first: str) -> str:
    """Return a digest of the files' names, sizes and times, which change with every install."""
    digest = hashlib.sha256(f"{FORMAT}\0{first}".encode())
    for it in taken:
        digest.update(f"\0{it.distribution}\0{it.version}\n".encode())
        for file in it.checkout.files:
            try:
                facts = it.checkout.path(file).lstat()
            except OSError:
                continue
            line = f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:24]


def _asked(taken: Sequence[Taken], first: str, tell: Tell) -> bytes:
    names = " and ".join(f"{it.distribution} {it.version}".strip() for it in taken)
    task = ChildTask(
        doing=f"Reading {names}",
        remedy="Pass name=<module> to read that part of it first, or a folder with fewer files.",
        seconds=SECONDS * len(taken),
        memory=MEMORY,
        failure=Unreadable,
        missing={"griffe": PartMissing("griffe", "pip install 'griffelib>=2.4,<3'")},
    )
    sources = [
        {
            "distribution": it.distribution,
            "version": it.version,
            "folder": str(it.checkout.folder.resolve()),
            "files": [file for file in it.checkout.files if file.isprintable()],
        }
        for it in taken
    ]
    tell(f"Reading {names}")
    return ask_once(
        "fumehood_tools.surveys.worker",
        {"first": first, "sources": sources},
        task,
        on_progress=lambda done, total: tell(f"Reading {names}: {done} of {total} modules"),
    )


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
