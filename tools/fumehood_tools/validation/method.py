"""Compare the method of a paper with the source: rare words, named numbers, symbols, data sets.

Only source and configuration count; a README repeats the abstract. Every comparison subtracts what
a repository of this size has by chance.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from fumehood_tools.validation.constants import (
    LEAST_HYPERPARAMETERS,
    METHOD,
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
from fumehood_tools.validation.terms import (
    Terms,
    Vocabulary,
    method_terms,
    term_evidence,
    terms_strength,
    vocabulary_of,
)
from fumehood_tools.validation.words import rarity

MOST_NUMBERS, MOST_LINES, MOST_LINES_OF_CHANCE, MOST_PER_TERM = 10, 12, 4, 2
"""Lines of evidence: of numbers, of terms, of terms if there are no more than by chance."""


class MethodFound(NamedTuple):
    """What the source has of the method. strength: noisy-or of the parts, 0 to 1."""

    strength: float
    parts: dict[str, float]
    evidence: tuple[Evidence, ...]
    by_file: dict[str, float]
    """How much each file has of it: the sum of the weights of its terms and numbers."""
    places: dict[str, tuple[Evidence, ...]]
    """The best evidence in each file."""


def compare_method(paper: PaperFacts, sources: Sources, numbers: list[Assigned]) -> MethodFound:
    """Return what the source and configuration of a repository have of the paper's method.

    numbers: those that the source gives to names.
    """
    files = sources.having("source", "configuration")
    terms = method_terms(paper.method)
    vocabulary = vocabulary_of(files, terms)
    found = matches(named_numbers(paper.method), numbers)
    strengths = {
        "terms": terms_strength(terms, vocabulary),
        "hyperparameters": _numbers_strength(found),
        "symbols": _symbols_strength(paper, files, vocabulary.size),
        "data_sets": _data_sets_strength(paper, files),
    }
    parts = {kind: METHOD[kind].value * value for kind, value in strengths.items() if value > 0}
    by_file, places = _by_file(files, terms, vocabulary, found)
    lines = list(_summary(paper, parts, found, _told(terms, vocabulary, beyond="terms" in parts)))
    most = MOST_LINES if "terms" in parts else MOST_LINES_OF_CHANCE
    lines += islice(_term_lines(files, terms, vocabulary, by_file), most)
    return MethodFound(noisy_or(list(parts.values())), parts, tuple(lines), by_file, places)


def _told(terms: Terms, vocabulary: Vocabulary, *, beyond: bool) -> str:
    there = len(vocabulary.holders)
    chance = "" if beyond else ", no more than in other code of this size"
    told = f"{there} of the {len(terms.weights)} rarest terms of the method are in the source"
    return told + chance if there else ""


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
    files: list[SourceFile], terms: Terms, vocabulary: Vocabulary, found: list[Match]
) -> tuple[dict[str, float], dict[str, tuple[Evidence, ...]]]:
    """Return the weight of each file, and its best places. A term counts less the more have it."""
    weights: dict[str, float] = defaultdict(float)
    best: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for term, paths in vocabulary.holders.items():
        for path in paths:
            share = terms.weights[term] / len(paths) ** 0.5
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
        uses = (vocabulary.files[path][term] for _, term in sorted(ranked, reverse=True)[:4])
        places[path] += (term_evidence(by_path[path], use, terms) for use in uses)
    return dict(weights), {path: tuple(it[:8]) for path, it in places.items()}


def _number_evidence(match: Match) -> Evidence:
    assert match.found is not None
    file, offset = match.found.file, match.found.offset
    return Evidence(
        part="method",
        kind="hyperparameters",
        says=f"The paper's {match.named.shown!r} (by chance {match.chance:.2f})",
        strength=round(1 - match.chance, 3),
        file=file.path,
        line=file.line(offset),
        quote=file.around(offset),
    )


def _term_lines(
    files: list[SourceFile], terms: Terms, vocabulary: Vocabulary, by_file: dict[str, float]
) -> Iterator[Evidence]:
    """Yield where the terms are, the rarest first, of each the two files with most of the method.

    A line that was shown for a term is not shown again for a part of it.
    """
    by_path = {it.path: it for it in files}
    shown: set[str] = set()
    holders = vocabulary.holders
    for term in sorted(holders, key=lambda it: (rarity(it), -terms.weights[it], it)):
        best = sorted(holders[term], key=lambda path: (-by_file[path], path))
        for path in best[:MOST_PER_TERM]:
            one = term_evidence(by_path[path], vocabulary.files[path][term], terms)
            if one.place not in shown:
                shown.add(one.place)
                yield one


def _summary(
    paper: PaperFacts, parts: dict[str, float], found: list[Match], told: str
) -> Iterator[Evidence]:
    """Yield one line for each kind of evidence. told: what is said of the terms."""
    hits = [it for it in found if it.found is not None]
    expected = sum(it.chance for it in found)
    kinds = {
        "terms": told,
        "hyperparameters": f"{len(hits)} of {len(found)} named numbers have their values in the "
        f"code; {expected:.1f} expected by chance",
        "symbols": f"Names of the equations: {', '.join(paper.symbols[:8])}",
        "data_sets": f"Data sets: {', '.join(paper.data_sets[:8])}",
    }
    for kind, says in kinds.items():
        if kind in parts or (kind == "terms" and told):
            strength = round(parts.get(kind, 0.0), 3)
            yield Evidence(part="method", kind=kind, says=says, strength=strength)
    numbers = [_number_evidence(it) for it in hits]
    yield from sorted(numbers, key=lambda it: -it.strength)[:MOST_NUMBERS]
