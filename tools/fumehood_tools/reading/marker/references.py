"""Split the text that marker gives for a bibliography into entries.

A piece of text may hold several entries or a part of one, and line positions are not known.
Printed numbers, `[3]` or `3.`, separate entries as long as they count upward. Without numbers,
each piece is one entry, unless it continues the piece before it.
"""

import re
from collections.abc import Iterable

from fumehood_tools.papers.identity import arxiv_id, doi
from fumehood_tools.reading.document import Reference

_ARXIV = re.compile(r"arxiv", re.I)
_URL = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;)\]]")
_YEAR = re.compile(r"(?<![\d.:/])(19[5-9]\d|20[0-4]\d)(?![\d.]*\d)")
_ENDED = re.compile(r"[.\])/\d]\W*$")


def references_of(pieces: Iterable[str]) -> list[Reference]:
    """Return the entries of a bibliography, in order."""
    texts = [text for text in pieces if text.strip()]
    for opening in (r"\[{}\]", r"(?<!\S){}\.(?=\s+[^\Wa-z])"):
        if texts and re.match(opening.format(r"\d{1,3}"), texts[0]):
            return _numbered(" ".join(texts), opening)
    return [_reference(_name(text), text) for text in _unnumbered(texts)]


def _numbered(text: str, opening: str) -> list[Reference]:
    """Cut at the next expected number. Any other bracketed number is part of an entry."""
    first = re.match(opening.format(r"(\d{1,3})"), text)
    assert first is not None
    cuts, number = [first], int(first[1])
    while found := re.compile(opening.format(number + 1)).search(text, cuts[-1].end()):
        cuts.append(found)
        number += 1
    ends = [cut.start() for cut in cuts[1:]] + [len(text)]
    return [
        _reference(f"[{int(first[1]) + place}]", text[cut.end() : end].strip())
        for place, (cut, end) in enumerate(zip(cuts, ends, strict=True))
    ]


def _unnumbered(texts: Iterable[str]) -> list[str]:
    entries: list[str] = []
    for text in texts:
        goes_on = text[:1].islower() or (entries and not _ENDED.search(entries[-1]))
        if entries and goes_on:
            entries[-1] += f" {text}"
        else:
            entries.append(text)
    return entries


def _name(text: str) -> str:
    """Return a label for an entry without a printed one: its first word and its last year."""
    year, word = _YEAR.findall(text), re.match(r"[^\W\d]+", text)
    return " ".join([*([word[0]] if word else []), *year[-1:]]) or text[:20]


def _reference(label: str, text: str) -> Reference:
    years, urls = _YEAR.findall(text), _URL.findall(text)
    arxiv = _ARXIV.search(text)
    return Reference(
        label=label,
        text=text,
        year=int(years[-1]) if years else None,
        arxiv=arxiv_id(text[arxiv.start() :]) if arxiv else None,
        doi=doi(text),
        url=urls[0] if urls else None,
    )
