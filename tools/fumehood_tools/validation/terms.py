"""Find the terms of a paper's method in source: rare words and pairs of words, by their stems.

A term is shown as the paper and the code write it, never as a stem.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from fumehood_tools.validation.constants import MOST_TERMS
from fumehood_tools.validation.models import Evidence
from fumehood_tools.validation.sources import SourceFile
from fumehood_tools.validation.words import (
    LETTERS,
    Piece,
    chance,
    pieces_of,
    rarity,
    spelled,
    stems_in,
)

WORDS_PER_FILE = 955.0
"""Stems of an average file of the background, see benchmarks/codebases/background.py."""
MOST_APART = 80
"""Letters of a pair of words. Words that are further apart are not about each other."""
_FAR = 200


class Terms(NamedTuple):
    """The terms that characterize a method. weights: frequent here, rare in code.

    written: each term as the paper writes it most often.
    """

    weights: dict[str, float]
    written: dict[str, str]


class Vocabulary(NamedTuple):
    """Where each file has its first use of each term, and the size of all in average files."""

    files: dict[str, dict[str, Piece]]
    size: float

    @property
    def holders(self) -> dict[str, list[str]]:
        """The files that have each term."""
        found: dict[str, list[str]] = {}
        for path, own in self.files.items():
            for term in own:
                found.setdefault(term, []).append(path)
        return found


def method_terms(text: str) -> Terms:
    """Return the terms of the text of a method."""
    plain = _prose(text)
    stems = stems_in(plain)
    pairs = Counter(f"{a} {b}" for a, b in pairwise(stems) if a != b)
    counts = Counter(stems)
    weights = {
        term: (1 + math.log(count)) * -math.log(rarity(term))
        for term, count in [*counts.items(), *((it, n) for it, n in pairs.items() if n >= 2)]
        if count >= 2 or len(counts) < 120
    }
    best = sorted(weights, key=lambda it: (-weights[it], it))[:MOST_TERMS]
    spellings: dict[str, Counter[str]] = {term: Counter() for term in best}
    for term, start, end in _uses(plain, spellings).found:
        spellings[term][spelled(plain, start, end)] += 1
    written = {term: it.most_common(1)[0][0] for term, it in spellings.items()}
    return Terms({term: weights[term] for term in best}, written)


def vocabulary_of(files: list[SourceFile], terms: Terms) -> Vocabulary:
    """Return which files have which terms. Words of addresses on the web say nothing."""
    found: dict[str, dict[str, Piece]] = {}
    total = 0
    for file in files:
        uses = _uses(file.text, terms.weights)
        total += uses.stems
        own: dict[str, Piece] = {}
        for use in uses.found:
            close = use.end - use.start <= MOST_APART
            if use.stem not in own and close and not _in_address(file.text, use):
                own[use.stem] = use
        if own:
            found[file.path] = own
    return Vocabulary(found, max(1.0, total / WORDS_PER_FILE))


def terms_strength(terms: Terms, vocabulary: Vocabulary) -> float:
    """Return the weight of the terms found beyond chance, as a share of what could be found."""
    there, weights = vocabulary.holders, terms.weights
    expected = sum(weight * chance(term, vocabulary.size) for term, weight in weights.items())
    observed = sum(weight for term, weight in weights.items() if term in there)
    possible = sum(weights.values()) - expected
    return max(0.0, (observed - expected) / possible) if possible > 0 else 0.0


def term_evidence(file: SourceFile, use: Piece, terms: Terms) -> Evidence:
    """Return the line with a term, in the words of the paper and of the code."""
    paper, code = terms.written[use.stem], spelled(file.text, use.start, use.end)
    here = "" if paper.lower() == code.lower() else f", here {code!r}"
    return Evidence(
        part="method",
        kind="terms",
        says=f"The paper's {paper!r}{here}",
        file=file.path,
        line=file.line(use.start),
        quote=file.around(use.start),
    )


def _prose(text: str) -> str:
    text = re.sub(r"https?://\S+", " ", text)
    return re.sub(r"\\[a-zA-Z]+|\$", " ", text)


class _Uses(NamedTuple):
    """The uses of terms in a text, with the term as their stem. stems: how many the text has."""

    found: list[Piece]
    stems: int


def _uses(text: str, terms: Mapping[str, object]) -> _Uses:
    """Return each use of a term, which is a word or a pair of words."""
    halves = {word for term in terms if " " in term for word in term.split()}
    found: list[Piece] = []
    stems, last, last_start = 0, "", 0
    for word in LETTERS.finditer(text):
        pieces = pieces_of(word[0])
        stems += len(pieces)
        for part, start, end in pieces:
            if part in terms:
                found.append(Piece(part, word.start() + start, word.start() + end))
            if part in halves:
                if (pair := f"{last} {part}") in terms:
                    found.append(Piece(pair, last_start, word.start() + end))
                last_start = word.start() + start
            last = part
    return _Uses(found, stems)


def _in_address(text: str, use: Piece) -> bool:
    before = text[max(0, use.start - _FAR) : use.start]
    return "://" in re.split(r"\s", before)[-1]
