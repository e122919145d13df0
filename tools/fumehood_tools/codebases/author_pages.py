"""Candidates on the pages of the authors that a paper names, such as name.github.io/project.

Each page is fetched once, from a public address, and only its links are read.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from fumehood_tools.codebases.asking import Named
from fumehood_tools.codebases.links import candidate_of, sighting_of
from fumehood_tools.codebases.model import Candidate
from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import StorageFailed
from fumehood_tools.web.downloads import Downloads
from fumehood_tools.web.model import SourceFailed

MOST_PAGES = 4
MOST_BYTES = 3_000_000
MOST_LINKS = 40


def ask_pages(pages: Sequence[str], downloads: Downloads, deadline: Deadline) -> Named:
    """Return the candidates that the pages link to.

    Raises SourceFailed if none of the pages could be read.
    """
    found: list[Candidate] = []
    failures: list[SourceFailed] = []
    for page in pages[:MOST_PAGES]:
        found += _of_address(page)
        try:
            found += _linked(page, downloads, deadline)
        except SourceFailed as failed:
            failures.append(failed)
    if failures and len(failures) == len(pages[:MOST_PAGES]):
        raise failures[-1]
    return Named(found)


def _of_address(page: str) -> Iterator[Candidate]:
    """Yield the repository that a page of GitHub is usually made from."""
    parts = urlsplit(page)
    owner, _, host = (parts.hostname or "").partition(".")
    name = parts.path.strip("/").partition("/")[0]
    if host == "github.io" and name:
        url = f"https://github.com/{owner}/{name}"
        one = candidate_of(url, sighting_of("author_pages", "address of the page", page, "", 0.3))
        if one is not None:
            yield one


def _linked(page: str, downloads: Downloads, deadline: Deadline) -> list[Candidate]:
    with tempfile.TemporaryDirectory(prefix="fumehood-page-") as place:
        fetched = downloads.fetch(page, Path(place) / "page", deadline, MOST_BYTES)
        try:
            text = fetched.path.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Reading a page") from error
    reader = _Links()
    reader.feed(text)
    found = []
    for link, words in reader.found[:2000]:
        url = urljoin(fetched.url, link)
        weight = 0.65 if re.search(r"\b(?:code|github|repo\w*|source)\b", words, re.I) else 0.35
        seen = sighting_of("author_pages", f"link on {page}"[:200], url, words, weight)
        if (one := candidate_of(url, seen)) is not None:
            found.append(one)
    return found[:MOST_LINKS]


class _Links(HTMLParser):
    """Reads the links of a page with their words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._link = ""
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a link."""
        if tag == "a":
            self._link, self._words = dict(attrs).get("href") or "", []

    def handle_data(self, data: str) -> None:
        """Collect the words of a link."""
        if self._link:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        """End a link."""
        if tag == "a" and self._link:
            self.found.append((self._link, " ".join(" ".join(self._words).split())))
            self._link = ""
