"""Candidates in a paper itself: its links, the addresses in its text and references.

Each comes with the sentence it stands in, because a paper also links the libraries and data that it
merely uses. An address that a line break may have cut is kept together with its longer readings.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from fumehood_tools.codebases.model import MOST_QUOTE, Candidate, Sighting, Source
from fumehood_tools.quoting import one_line
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.outline import outline_of
from fumehood_tools.reading.running_links import links_in_text, trimmed
from fumehood_tools.reading.sentences import sentences
from fumehood_tools.repositories.address import repository_of, without_credentials

MOST_LINKS = 3000
MOST_REFERENCES = 2000
LEAST_WORDS = 3
_ARCHIVE_HOSTS = re.compile(
    r"^https?://(?:www\.)?(?:zenodo\.org|osf\.io|figshare\.com|anonymous\.4open\.science|"
    r"doi\.org/10\.5281/zenodo)[/.]",
    re.I,
)
_PACKAGE = re.compile(r"^https?://(?:www\.)?pypi\.org/(?:project|p)/([\w.-]+)", re.I)
_OWN = re.compile(
    r"\b(?:code|implementation|repository|codebase|source|software|library|toolkit|package|models?|"
    r"weights)\b[^.]{0,100}\b(?:available|released?|found|open-?sourced?|public|hosted|at|here)\b|"
    r"\bwe (?:\w+ )?(?:release|open-?source|publish|provide|share)\b|"
    r"\b(?:code|implementation|repository|github|project page)\s*:",
    re.I,
)
_USED = re.compile(
    r"\b(?:we (?:use|used|build (?:up)?on|rely on|adopt|follow|train with|fork)|using|based on|"
    r"implemented (?:in|with)|provided by|from the|borrow|thank|dataset|downloaded)\b",
    re.I,
)


class _Place(NamedTuple):
    """A sentence of the paper, and where it is. low: for comparing, without capitals."""

    sentence: str
    section: str
    page: int | None
    kind: str
    low: str


def candidates_in(document: Document) -> list[Candidate]:
    """Return the candidates that a paper names, in reading order."""
    places = list(_places(document))
    found: list[Candidate | None] = []
    for link in document.links[:MOST_LINKS]:
        if candidate_of(link.url, Sighting(source="paper", how="")) is not None:
            place = _around(link.url, link.text, link.page, places)
            how = "text" if link.origin == "text" else "link"
            found.append(candidate_of(link.url, _sighting(link.url, how, place, link.page)))
    for place in places:
        for url, guesses in _addresses(place.sentence):
            one = candidate_of(url, _sighting(url, place.kind, place, place.page))
            found.append(one and one.model_copy(update={"guesses": guesses}))
    for reference in document.references[:MOST_REFERENCES]:
        place = _Place(reference.text, "References", None, "reference", "")
        named: dict[str, list[str]] = {reference.url: []} if reference.url else {}
        for url, guesses in {**named, **dict(_addresses(reference.text))}.items():
            one = candidate_of(url, _sighting(url, "reference", place, None))
            found.append(one and one.model_copy(update={"guesses": guesses}))
    return [one for one in found if one is not None]


def pages_in(document: Document) -> list[str]:
    """Return the addresses in a paper that may be the authors' own pages about it."""
    urls = [link.url for link in document.links[:MOST_LINKS]]
    own = re.compile(
        r"^https?://(?:[\w-]+\.(?:github|gitlab)\.io|sites\.google\.com|[\w.:-]+/(?:\w+/)?~\w|"
        r"[\w.-]+\.(?:notion\.site|netlify\.app|vercel\.app|pages\.dev))",
        re.I,
    )
    return list(dict.fromkeys(trimmed(url) for url in urls if own.match(url)))


def candidate_of(url: str, sighting: Sighting) -> Candidate | None:
    """Return the candidate that an address leads to, or None if it leads to no code."""
    text = url.strip()
    if package := _PACKAGE.match(text):
        return Candidate(source=f"pkg:{package[1]}", kind="package", found=[sighting])
    if _ARCHIVE_HOSTS.match(text):
        return Candidate(
            source=without_credentials(text.partition("#")[0]),
            kind="archive_page",
            found=[sighting],
        )
    address = repository_of(text)
    if address is None:
        return None
    folder = "" if address.is_file else address.pointed.partition("/")[2]
    return Candidate(source=address.page, folder=folder, found=[sighting])


def cleaned(text: str) -> str:
    """Return a quotation on one line, without passwords in addresses."""
    return one_line(without_credentials(text))


def sighting_of(source: Source, how: str, url: str, quote: str, weight: float) -> Sighting:
    """Return where a candidate was found outside the paper."""
    says_own = bool(quote and _OWN.search(quote))
    return Sighting(
        source=source,
        how=how,
        quote=cleaned(quote)[:MOST_QUOTE],
        url=cleaned(url)[:500],
        says_own=says_own,
        weight=weight,
    )


def _sighting(url: str, how: str, place: _Place | None, page: int | None) -> Sighting:
    quote = place.sentence if place else ""
    own = bool(quote) and bool(_OWN.search(quote)) and how != "reference"
    used = bool(_USED.search(quote))
    weight = 0.25 if how == "reference" else 0.4
    if own:
        weight = 0.6 if used else 0.85
    elif used:
        weight = 0.2
    return Sighting(
        source="paper",
        how=how,
        quote=cleaned(quote)[:MOST_QUOTE],
        section=one_line(place.section)[:200] if place else "",
        page=page if page is not None else (place.page if place else None),
        url=cleaned(url)[:500],
        says_own=own,
        weight=weight,
    )


def _places(document: Document) -> Iterator[_Place]:
    for text in sentences(document.abstract):
        yield _Place(text, "Abstract", 1 if document.pages else None, "text", text.lower())
    for section in outline_of(document).sections:
        if section.is_bibliography:
            continue
        for block in document.blocks[section.start : section.end]:
            how = "footnote" if block.kind == "footnote" else "text"
            for text in sentences(block.text):
                yield _Place(text, " > ".join(section.path), block.page, how, text.lower())


def _around(url: str, text: str, page: int | None, places: list[_Place]) -> _Place | None:
    """Return the sentence in which a link stands: by its address, else by its linked words."""
    bare = re.sub(r"^https?://(?:www\.)?", "", url.rstrip("/")).lower()
    words = text.strip().lower()
    near = [it for it in places if page is None or it.page in (None, page)]
    for place in near:
        if bare in place.low or bare in place.low.replace(" ", ""):
            return place
    if len(words) >= LEAST_WORDS:
        return next((it for it in near if words in it.low), None)
    return None


def _addresses(sentence: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each address in a sentence, with its other readings if a line break may have cut it."""
    text = re.sub(r"(https?://|www\.)\s+(?=\w)", r"\1", sentence)
    text = re.sub(r"\b((?:github|gitlab|bitbucket)\.\w+)\s*/\s*", r"\1/", text)
    for link in links_in_text([text]):
        url = link.url
        _, found, rest = text.partition(url.partition("://")[2])
        more = re.match(r"\s([\w.-]+(?:/[\w.-]+)*)", rest) if found else None
        longer = trimmed(url + more[1]) if more else url
        if longer == url or repository_of(longer) is None:
            yield url, []
        elif repository_of(url) is None:
            yield longer, []
        elif url.endswith(("-", "_", "/")):
            yield longer, [url]
        else:
            yield url, [longer]
