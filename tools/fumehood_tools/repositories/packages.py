"""Python packages as sources: `pkg:NAME` and `pkg:NAME==VERSION`.

An installed package is read where it is, by the list of files that its installer wrote; an editable
one is the folder it points to. Another version, or a package that is not installed, is fetched from
the package index, as an sdist if there is one, checked by its hash, and unpacked. None of its code
runs.
"""

import csv
import importlib.metadata as metadata
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import url2pathname

import httpx
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from fumehood_tools.errors import BadRequest, RepositoryFailed
from fumehood_tools.files import sha256_of
from fumehood_tools.repositories.checkout import Checkout, LeftOut, Origin
from fumehood_tools.repositories.clones import Ask
from fumehood_tools.repositories.local import open_local
from fumehood_tools.repositories.store import Entry, Shelf
from fumehood_tools.repositories.unpacking import single_folder, unpack, without_folder
from fumehood_tools.web.downloads import Downloads
from fumehood_tools.web.model import SourceFailed, answer_within
from fumehood_tools.web.pacing import Pacer
from fumehood_tools.web.service import open_client

MOST_DOWNLOAD = 300_000_000
MOST_PAGE = 50_000_000
_NAME = re.compile(r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)(?:==(?P<version>[\w.!+-]+))?")
_NOT_SOURCE = (".pyc", ".pyo", "/RECORD", "/INSTALLER", "/REQUESTED", "/WHEEL", "/direct_url.json")


class _Release(NamedTuple):
    """A file of the index."""

    version: Version
    is_sdist: bool
    file: str
    url: str
    sha256: str
    yanked: bool


def open_package(text: str, ask: Ask, *, published: bool = False) -> Checkout:
    """Return the source of a package. text: NAME or NAME==VERSION.

    published: from the index although it is installed, in the installed version if none is named.
    """
    found = _NAME.fullmatch(text.strip())
    if found is None:
        raise BadRequest(f"{text[:80]!r} is not a package. Pass pkg:NAME or pkg:NAME==VERSION.")
    name, version = canonicalize_name(found["name"]), found["version"]
    wanted = _version(version) if version else None
    installed = _distribution(name)
    if installed is not None and (wanted is None or _has_version(installed, wanted)):
        if not published:
            return _installed(name, installed, ask)
        wanted = _version(installed.version)
    return _fetched(name, wanted, ask)


def package_versions(name: str, ask: Ask) -> list[str]:
    """Return the versions that the package index has, oldest first. Raises RepositoryFailed."""
    releases = _releases(canonicalize_name(name), ask)
    return [str(version) for version in sorted({it.version for it in releases})]


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise BadRequest(
            f"{text[:40]!r} is not a version. Pass pkg:NAME==VERSION, such as pkg:nnsight==0.5.1."
        ) from error


def _has_version(package: metadata.Distribution, wanted: Version) -> bool:
    try:
        return Version(str(package.metadata["Version"])) == wanted
    except InvalidVersion:
        return False


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return None


def _installed(name: str, package: metadata.Distribution, ask: Ask) -> Checkout:
    about = package.metadata
    shown = f"pkg:{about['Name'] or name}=={about['Version'] or 'unknown'}"
    direct = _direct_url(package)
    if _part(direct, "dir_info").get("editable"):
        folder = Path(url2pathname(unquote(urlsplit(str(direct.get("url", ""))).path)))
        found = open_local(folder, shown, "", ask)
        return found._replace(origin=found.origin._replace(kind="package"))
    root = Path(str(package.locate_file(""))).resolve()
    files, left_out = [], []
    for file in _recorded(package, shown):
        path = file.as_posix()
        if path.endswith(_NOT_SOURCE) or ".." in file.parts or path.startswith("/"):
            continue
        place = root / path
        if place.is_symlink() or not place.is_file():
            left_out.append(LeftOut(path, "a link, or not there"))
        elif not place.parent.resolve().is_relative_to(root):
            left_out.append(LeftOut(path, "a file in a folder that is a link"))
        else:
            files.append(path)
    if not files:
        raise RepositoryFailed(
            "missing",
            f"{shown} is installed, but its installer left no list of files. Pass its folder.",
        )
    commit = str(_part(direct, "vcs_info").get("commit_id", ""))
    origin = Origin("package")
    return Checkout(root, shown, commit, tuple(sorted(files)), tuple(sorted(left_out)), origin)


def _recorded(package: metadata.Distribution, shown: str) -> list[metadata.PackagePath]:
    """Return the files that the installer listed. Raises RepositoryFailed if that is damaged."""
    try:
        return list(package.files or ())
    except (ValueError, TypeError, csv.Error) as error:
        raise RepositoryFailed(
            "broken",
            f"{shown} is installed, but its list of files (RECORD) is damaged. Install it again, "
            "or pass its folder.",
        ) from error


def _part(found: dict[str, Any], name: str) -> dict[str, Any]:
    part = found.get(name)
    return part if isinstance(part, dict) else {}


def _direct_url(package: metadata.Distribution) -> dict[str, Any]:
    try:
        found = json.loads(package.read_text("direct_url.json") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _fetched(name: str, wanted: Version | None, ask: Ask) -> Checkout:
    shelf = Shelf(ask.settings.cache, "package", name)
    label = str(wanted or "")
    mark = shelf.recall(label) if wanted is not None or ask.settings.offline else None
    if mark is not None and (entry := shelf.find(str(mark["name"]))) is not None:
        return _checkout(entry, name)
    if ask.settings.offline:
        raise RepositoryFailed(
            "unreachable",
            f"Offline mode is on, and {name}{f'=={wanted}' if wanted else ''} is neither installed "
            "nor in the cache. Go online, or pass a folder.",
        )
    ask.tell(f"Asking the package index for {name}")
    release = _chosen(name, wanted, _releases(name, ask))
    entry_name = f"{release.version}-{release.sha256[:16] or 'unhashed'}"

    def make(tree: Path, work: Path) -> dict[str, Any]:
        archive = work / release.file
        ask.tell(f"Downloading {release.file}")
        _download(release, archive, ask)
        written = unpack(archive, tree, ask.deadline, ask.limits)
        top = single_folder(written) if release.is_sdist else ""
        inner = without_folder(written, top) if top else written
        return {
            "top": top,
            "version": str(release.version),
            "file": release.file,
            "files": inner.files,
            "left_out": inner.left_out,
        }

    entry = shelf.entry(entry_name, make, seconds=ask.deadline.left())
    shelf.remember(label, entry_name, {})
    return _checkout(entry, name)


def _checkout(entry: Entry, name: str) -> Checkout:
    facts = entry.facts
    note = f"From the package index: {facts['file']}."
    return Checkout(
        entry.tree / facts["top"],
        f"pkg:{name}=={facts['version']}",
        "",
        entry.files,
        entry.left_out,
        Origin("package", notes=(note,)),
        entry.lease,
    )


def _chosen(name: str, wanted: Version | None, releases: list[_Release]) -> _Release:
    """Return the sdist, else a wheel, of the wanted version or the newest one."""
    fitting = [it for it in releases if it.version == wanted]
    if wanted is None:
        usable = [it for it in releases if not it.yanked]
        stable = [it for it in usable if not it.version.is_prerelease] or usable
        newest = max((it.version for it in stable), default=None)
        fitting = [it for it in stable if it.version == newest]
    if not fitting:
        known = ", ".join(str(it) for it in sorted({it.version for it in releases})[-8:])
        raise RepositoryFailed(
            "missing",
            f"The package index has no {name}{f'=={wanted}' if wanted else ''}"
            f"{f'. Its newest versions: {known}' if known else ''}. Check name and version.",
        )
    return max(fitting, key=lambda it: (it.is_sdist, "none-any" in it.file))


def _releases(name: str, ask: Ask) -> list[_Release]:
    base = f"{ask.settings.endpoints['package_index']}/simple/{name}/"
    accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
    try:
        with httpx.Client(follow_redirects=True, max_redirects=5) as client:
            limit = min(30.0, ask.deadline.left())
            answer = client.get(base, headers={"Accept": accept}, timeout=limit)
    except httpx.HTTPError as error:
        raise _unreachable(f"the connection failed ({type(error).__name__})") from error
    if answer.status_code == 404:
        raise RepositoryFailed(
            "missing", f"The package index has no package {name!r}. Check its name."
        )
    if answer.status_code != 200 or len(answer.content) > MOST_PAGE:
        raise _unreachable(f"it answered with HTTP {answer.status_code}")
    return [
        release
        for file, url, sha256, yanked in _listed(answer)
        if (release := _release(name, file, urljoin(base, url), sha256, yanked)) is not None
    ]


def _listed(answer: httpx.Response) -> list[tuple[str, str, str, bool]]:
    if "json" not in answer.headers.get("content-type", ""):
        page = _Page()
        page.feed(answer.text)
        return page.found
    try:
        return [
            (
                it["filename"],
                it["url"],
                it.get("hashes", {}).get("sha256", ""),
                bool(it.get("yanked")),
            )
            for it in answer.json()["files"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreachable("its answer has an unexpected format") from error


class _Page(HTMLParser):
    """Reads the links of an index page in HTML (PEP 503)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect a link."""
        given = dict(attrs)
        if tag == "a" and (link := given.get("href")):
            url, _, fragment = link.partition("#")
            hashed = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
            file = unquote(url.rstrip("/").rpartition("/")[2])
            self.found.append((file, url, hashed, "data-yanked" in given))


def _release(name: str, file: str, url: str, sha256: str, yanked: bool) -> _Release | None:
    try:
        if file.endswith(".whl"):
            found, version = parse_wheel_filename(file)[:2]
            return _Release(version, False, file, url, sha256, yanked) if found == name else None
        found, version = parse_sdist_filename(file)
        return _Release(version, True, file, url, sha256, yanked) if found == name else None
    except (InvalidSdistFilename, InvalidWheelFilename):
        return None


def _download(release: _Release, to: Path, ask: Ask) -> None:
    cache, endpoints = ask.settings.cache, ask.settings.endpoints
    with open_client() as client:
        downloads = Downloads(client, Pacer(cache / "turns"), tuple(endpoints.values()))
        deadline = answer_within(ask.deadline.left())
        try:
            downloads.fetch(release.url, to, deadline, MOST_DOWNLOAD)
        except SourceFailed as error:
            raise _unreachable(str(error)) from error
    if release.sha256 and sha256_of(to) != release.sha256:
        raise RepositoryFailed(
            "broken", f"{release.file} does not have the hash that the index states. Try again."
        )


def _unreachable(why: str) -> RepositoryFailed:
    return RepositoryFailed(
        "unreachable",
        f"The package index could not be used: {why}. Try again later, or pass a folder.",
    )
