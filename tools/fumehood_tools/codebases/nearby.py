"""Candidates on this machine, which need no network: cached clones, packages, folders, archives.

A source belongs to the list if the paper links it, if its README or metadata names the paper by
arXiv id or title, or if the paper names a package in a way in which only names are written
(NNsight).
"""

import importlib.metadata as metadata
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from fumehood_tools.codebases.asking import About, Named
from fumehood_tools.codebases.links import cleaned
from fumehood_tools.codebases.merging import key_of
from fumehood_tools.codebases.model import MOST_QUOTE, Candidate, Sighting, Source
from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import FumehoodError, StorageFailed
from fumehood_tools.papers.identity import title_key
from fumehood_tools.plain_files import read_plain
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.sentences import sentences
from fumehood_tools.repositories import Checkout, Limits, open_checkout
from fumehood_tools.repositories.address import repository_of
from fumehood_tools.repositories.clones import cached_clones
from fumehood_tools.repositories.unpacking import is_archive
from fumehood_tools.settings import Settings

MOST_TEXT = 300_000
LEAST_WORDS = 3
MOST_FOLDERS = 200
MOST_ARCHIVES = 5
SMALL = Limits(seconds=10.0, bytes=200_000_000, files=20_000)
_TELLING = re.compile(r"(?:readme|citation|pyproject\.toml|setup\.(?:py|cfg))[\w.]*", re.I)
_NAME = re.compile(r"[A-Za-z][\w-]*")


class Sought:
    """What is known of a paper, to compare with texts: its id, its title and what it links."""

    def __init__(self, about: About, linked: Iterable[Candidate]) -> None:
        self._arxiv = about.arxiv
        words = title_key(about.title).split()
        self._title = re.compile(r"[\W_]+".join(map(re.escape, words)), re.I)
        self._has_title = len(words) >= LEAST_WORDS
        self._keys = {key_of(source) for one in linked for source in (one.source, *one.guesses)}

    def links_to(self, url: str) -> bool:
        """Return whether the paper links the repository at an address."""
        address = repository_of(url)
        return address is not None and address.key in self._keys

    def named_in(self, text: str) -> tuple[str, str]:
        """Return how a text names the paper, and the line in which it does; ("", "") if not."""
        if self._arxiv and self._arxiv in text:
            return "arXiv id", _line_with(text, self._arxiv)
        if self._has_title and (found := self._title.search(text)) is not None:
            return "title", found.group()
        return "", ""


def in_clones(sought: Sought, settings: Settings) -> Named:
    """Return the clones in the cache that the paper links, or that name the paper."""
    found = []
    for clone in cached_clones(settings.cache):
        if sought.links_to(clone.address):
            seen = _seen("clones", "a copy is in the cache", clone.address, "", 0.05)
        elif how := _naming(sought, clone):
            seen = _seen("clones", f"{how[0]} in {how[2]}", clone.address, how[1], 0.5)
        else:
            continue
        found.append(
            Candidate(
                source=clone.address,
                found=[seen],
                cached=True,
                commit=clone.commit,
                committed=clone.origin.committed,
                files=len(clone.files),
            )
        )
    return Named(found)


def in_packages(sought: Sought, document: Document) -> Named:
    """Return the installed packages that the paper links or names, or that name the paper."""
    written = _written_names(document)
    found = []
    for package in metadata.distributions():
        facts = package.metadata
        name = str(facts["Name"] or "")
        if not name:
            continue
        urls = [str(facts["Home-page"] or "")]
        urls += [str(it).partition(",")[2].strip() for it in facts.get_all("Project-URL") or ()]
        linked = next((url for url in urls if sought.links_to(url)), "")
        how, quote = sought.named_in((package.read_text("METADATA") or "")[:MOST_TEXT])
        if linked:
            seen = _seen("packages", "its metadata names the repository", linked, "", 0.3)
        elif how:
            seen = _seen("packages", f"{how} in its description", "", quote, 0.4)
        elif sentence := written.get(_plain(name)):
            seen = _seen("packages", "the paper writes its name", "", sentence, 0.1)
        else:
            continue
        found.append(
            Candidate(
                source=f"pkg:{name}=={package.version}",
                kind="package",
                status="local",
                detail="It is installed here.",
                found=[seen],
            )
        )
    return Named(found)


def in_folders(sought: Sought, settings: Settings, deadline: Deadline) -> Named:
    """Return folders and archives at the top of the workspace that name the paper."""
    found = []
    for place in _places(settings.workspace):
        shown = place.relative_to(settings.workspace).as_posix()
        deadline.left()
        try:
            limits = SMALL._replace(seconds=min(SMALL.seconds, deadline.left()))
            checkout = open_checkout(str(place), settings=settings, limits=limits)
        except FumehoodError:
            continue
        remote = next((url for url in _remotes(place) if sought.links_to(url)), "")
        how = _naming(sought, checkout)
        if not remote and not how:
            continue
        told = f"{how[0]} in {how[2]}" if how else "its git remote is linked in the paper"
        seen = _seen("folders", told, remote, how[1] if how else "", 0.5)
        found.append(
            Candidate(
                source=shown if place.is_file() or shown == "." else f"./{shown}",
                kind="folder",
                status="local",
                detail="It is on this machine.",
                found=[seen],
                commit=checkout.commit,
                committed=checkout.origin.committed,
                files=len(checkout.files),
            )
        )
    return Named(found)


def _places(workspace: Path) -> Iterator[Path]:
    ours = {"papers", "sandboxes", "packs", "studies"}
    try:
        inside = sorted(workspace.iterdir())[:MOST_FOLDERS]
    except OSError:
        return
    archives = [
        it
        for it in inside
        if is_archive(it.name) and it.is_file() and it.stat().st_size <= SMALL.bytes
    ]
    yield from (
        it
        for it in inside
        if it.is_dir()
        and not it.is_symlink()
        and not it.name.startswith(".")
        and it.name not in ours
    )
    yield from archives[:MOST_ARCHIVES]


def _remotes(folder: Path) -> list[str]:
    try:
        text = read_plain(folder / ".git" / "config", 1 << 20).decode("utf-8", "replace")
    except StorageFailed:
        return []
    return re.findall(r"(?m)^\s*url\s*=\s*(\S+)", text)


def _naming(sought: Sought, checkout: Checkout) -> tuple[str, str, str] | None:
    """Return (how a checkout names the paper, the line, the file), or None."""
    for file in checkout.files:
        if "/" not in file and _TELLING.fullmatch(file):
            try:
                text = read_plain(checkout.path(file), MOST_TEXT).decode("utf-8", "replace")
            except StorageFailed:
                continue
            how, line = sought.named_in(text)
            if how:
                return how, line, file
    return None


def _written_names(document: Document) -> dict[str, str]:
    """Return the words that are written like names, with a sentence in which each stands."""
    found: dict[str, str] = {}
    for text in [document.abstract, *(block.text for block in document.blocks)]:
        for sentence in sentences(text):
            for word in _NAME.findall(sentence):
                if len(word) >= 4 and (
                    re.search(r"[a-z_-][A-Z0-9]|[A-Z]{2}[a-z]|\d|\w[_-]\w", word)
                ):
                    found.setdefault(_plain(word), sentence)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "", name).lower()


def _line_with(text: str, words: str) -> str:
    return next((line for line in text.splitlines() if words in line), "")


def _seen(source: Source, how: str, url: str, quote: str, weight: float) -> Sighting:
    quoted, address = cleaned(quote)[:MOST_QUOTE], cleaned(url)[:MOST_QUOTE]
    return Sighting(source=source, how=how[:200], url=address, quote=quoted, weight=weight)
