"""Compare the method of a paper with the source: rare words, named numbers, symbols, data sets.

Only source and configuration count; a README repeats the abstract. Every comparison subtracts what
a repository of this size has by chance.
"""

import math
import re
from collections import Counter, defaultdict
from itertools import pairwise
from typing import NamedTuple

from fumehood_tools.validation.constants import (
    LEAST_HYPERPARAMETERS,
    METHOD,
    MOST_TERMS,
    noisy_or,
)
from fumehood_tools.validation.hyperparameters import (
    Assigned,
    Match,
    matches,
    named_numbers,
)
from fumehood_tools.validation.models import Evidence
from fumehood_tools.validation.paper_facts import PaperFacts
from fumehood_tools.validation.sources import SourceFile, Sources
from fumehood_tools.validation.words import chance, parts_of, rarity, stems_in

WORDS_PER_FILE = 955.0
"""Stems of an average file of the background, see benchmarks/codebases/background.py."""
_IDENTIFIER = re.compile(r"[A-Za-z]+")


class MethodFound(NamedTuple):
    """What the source has of the method. strength: noisy-or of the parts, 0 to 1."""

    strength: float
    parts: dict[str, float]
    evidence: tuple[Evidence, ...]
    by_file: dict[str, float]
    """How much each file has of it: the sum of the weights of its terms and numbers."""
    places: dict[str, tuple[Evidence, ...]]
    """The best evidence in each file."""


class _Vocabulary(NamedTuple):
    """The terms of each file, and the size of all in files of average length."""

    files: dict[str, frozenset[str]]
    size: float


def method_terms(text: str) -> dict[str, float]:
    """Return the terms that characterize a method, with weights: frequent here, rare in code."""
    stems = stems_in(_prose(text))
    pairs = Counter(f"{a} {b}" for a, b in pairwise(stems) if a != b)
    counts = Counter(stems)
    weights = {
        term: (1 + math.log(count)) * -math.log(rarity(term))
        for term, count in [*counts.items(), *((it, n) for it, n in pairs.items() if n >= 2)]
        if count >= 2 or len(counts) < 120
    }
    best = sorted(weights, key=lambda it: (-weights[it], it))[:MOST_TERMS]
    return {term: weights[term] for term in best}


def compare_method(paper: PaperFacts, sources: Sources, numbers: list[Assigned]) -> MethodFound:
    """Return what the source and configuration of a repository have of the paper's method.

    numbers: those that the source gives to names.
    """
    files = sources.having("source", "configuration")
    terms = method_terms(paper.method)
    vocabulary = _vocabulary(files, terms)
    found = matches(named_numbers(paper.method), numbers)
    strengths = {
        "terms": _terms_strength(terms, vocabulary),
        "hyperparameters": _numbers_strength(found),
        "symbols": _symbols_strength(paper, files, vocabulary.size),
        "data_sets": _data_sets_strength(paper, files),
    }
    parts = {kind: METHOD[kind].value * value for kind, value in strengths.items() if value > 0}
    by_file, places = _by_file(files, terms, vocabulary, found)
    return MethodFound(
        noisy_or(list(parts.values())),
        parts,
        tuple(_summary(paper, parts, terms, vocabulary, found, places)),
        by_file,
        places,
    )


def _prose(text: str) -> str:
    text = re.sub(r"https?://\S+", " ", text)
    return re.sub(r"\\[a-zA-Z]+|\$", " ", text)


def _vocabulary(files: list[SourceFile], terms: dict[str, float]) -> _Vocabulary:
    pairs = {term for term in terms if " " in term}
    halves = {word for pair in pairs for word in pair.split()}
    found: dict[str, frozenset[str]] = {}
    total = 0
    for file in files:
        own: set[str] = set()
        last = ""
        for word in _IDENTIFIER.findall(file.text):
            for part in parts_of(word):
                total += 1
                if part in terms:
                    own.add(part)
                if part in halves and f"{last} {part}" in pairs:
                    own.add(f"{last} {part}")
                last = part
        if own:
            found[file.path] = frozenset(own)
    return _Vocabulary(found, max(1.0, total / WORDS_PER_FILE))


def _terms_strength(terms: dict[str, float], vocabulary: _Vocabulary) -> float:
    """Return the weight of the terms found beyond chance, as a share of what could be found."""
    there = frozenset[str]().union(*vocabulary.files.values())
    expected = sum(weight * chance(term, vocabulary.size) for term, weight in terms.items())
    observed = sum(weight for term, weight in terms.items() if term in there)
    possible = sum(terms.values()) - expected
    return max(0.0, (observed - expected) / possible) if possible > 0 else 0.0


def _numbers_strength(found: list[Match]) -> float:
    expected = sum(it.chance for it in found)
    observed = sum(1 for it in found if it.found is not None)
    possible = max(len(found) - expected, LEAST_HYPERPARAMETERS)
    return max(0.0, (observed - expected) / possible)


def _symbols_strength(paper: PaperFacts, files: list[SourceFile], size: float) -> float:
    if len(paper.symbols) < 3:
        return 0.0
    text = re.sub(r"[_.]", "", "\n".join(it.text for it in files)).lower()
    hits = sum(1 for it in paper.symbols if it in text)
    expected = len(paper.symbols) * (1 - math.exp(-size / 400))
    return max(0.0, (hits - expected) / len(paper.symbols))


def _data_sets_strength(paper: PaperFacts, files: list[SourceFile]) -> float:
    if not paper.data_sets:
        return 0.0
    text = re.sub(r"[\s_-]", "", "\n".join(it.text for it in files)).lower()
    names = [re.sub(r"[\s_-]|^the ", "", it.lower()) for it in paper.data_sets]
    return sum(1 for it in names if len(it) > 3 and it in text) / len(names)


def _by_file(
    files: list[SourceFile], terms: dict[str, float], vocabulary: _Vocabulary, found: list[Match]
) -> tuple[dict[str, float], dict[str, tuple[Evidence, ...]]]:
    """Return the weight of each file, and its best places. A term counts less the more have it."""
    holders: dict[str, list[str]] = defaultdict(list)
    for path, own in vocabulary.files.items():
        for term in own:
            holders[term].append(path)
    weights: dict[str, float] = defaultdict(float)
    best: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for term, paths in holders.items():
        for path in paths:
            share = terms[term] / len(paths) ** 0.5
            weights[path] += share
            best[path].append((share, term))
    places: dict[str, list[Evidence]] = defaultdict(list)
    for match in found:
        if match.found is not None:
            surprise = -math.log(max(match.chance, 1e-4))
            weights[match.found.file.path] += 2 * surprise
            places[match.found.file.path].append(_number_evidence(match))
    by_path = {it.path: it for it in files}
    for path, ranked in best.items():
        for _, term in sorted(ranked, reverse=True)[:4]:
            if shown := _term_evidence(by_path[path], term):
                places[path].append(shown)
    return dict(weights), {path: tuple(it[:8]) for path, it in places.items()}


def _number_evidence(match: Match) -> Evidence:
    assert match.found is not None
    file, offset = match.found.file, match.found.offset
    return Evidence(
        part="method",
        kind="hyperparameters",
        says=f"The paper's {match.named.shown} (by chance {match.chance:.2f})",
        strength=round(1 - match.chance, 3),
        file=file.path,
        line=file.line(offset),
        quote=file.around(offset),
    )


def _term_evidence(file: SourceFile, term: str) -> Evidence | None:
    """Return the first line with a term. Stems are prefixes of their words, or nearly."""
    words = [it[: max(3, len(it) - 1)] for it in term.split()]
    pattern = r"[\W_]*".join(rf"{re.escape(it)}[a-z]*" for it in words)
    found = re.search(pattern, file.text, re.I)
    if found is None:
        return None
    return Evidence(
        part="method",
        kind="terms",
        says=f"The method's term {term!r}",
        file=file.path,
        line=file.line(found.start()),
        quote=file.around(found.start()),
    )


def _summary(
    paper: PaperFacts,
    parts: dict[str, float],
    terms: dict[str, float],
    vocabulary: _Vocabulary,
    found: list[Match],
    places: dict[str, tuple[Evidence, ...]],
) -> list[Evidence]:
    there = frozenset[str]().union(*vocabulary.files.values())
    hits = [it for it in found if it.found is not None]
    expected = sum(it.chance for it in found)
    told = {
        "terms": f"{len(there)} of the {len(terms)} rarest terms of the method are in the source",
        "hyperparameters": f"{len(hits)} of {len(found)} named numbers have their values in the "
        f"code; {expected:.1f} expected by chance",
        "symbols": f"Names of the equations: {', '.join(paper.symbols[:8])}",
        "data_sets": f"Data sets: {', '.join(paper.data_sets[:8])}",
    }
    lines = [
        Evidence(part="method", kind=kind, says=told[kind], strength=round(value, 3))
        for kind, value in parts.items()
    ]
    shown = [it for some in places.values() for it in some]
    numbers = sorted(
        (it for it in shown if it.kind == "hyperparameters"), key=lambda it: -it.strength
    )
    return [*lines, *numbers[:10], *(it for it in shown if it.kind == "terms")][: len(lines) + 16]
