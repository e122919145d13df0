"""Rank papers for a query without a model: BM25F over title, abstract and authors.

BM25F is BM25 with weighted fields (Robertson, Zaragoza and Taylor, 2004): counts of a term are
weighted by field and normalized by field length, added up, and then saturated once. On top of it:
- Lucene's idf, which is never negative;
- synonyms of the field, at a lower weight (terms.py);
- pairs of adjacent query words, as additional terms;
- a query word that occurs in no paper is replaced by the most similar word that does (typos).
The confidence is the score divided by the best possible score for this query, on a fixed scale. It
orders papers; it is not a probability that a paper is relevant.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from rapidfuzz import fuzz, process

from fumehood_tools.papers.paper import Judgement, Paper
from fumehood_tools.papers.terms import (
    EXPANSION_WEIGHT,
    content_words,
    expansions,
    stem,
    stems,
)

FIELDS = {"title": (3.0, 0.3), "abstract": (1.0, 0.6), "authors": (1.0, 0.0)}
"""Field -> (weight, b), where b is BM25F's length normalization from 0 (none) to 1 (full)."""
K1 = 1.2
PAIR_WEIGHT = 0.5
GUESS_WEIGHT = 0.7
_NEAR = 84.0
_FULL = 0.72
"""Share of the best possible score at which the confidence reaches its maximum, TOP."""
TOP = 0.9


class Term(NamedTuple):
    """A term of a query, its weight, and the query word that it came from ("" for none)."""

    text: str
    weight: float
    word: str


class Match(NamedTuple):
    """How well one paper matches: BM25F score, confidence, and query words found and missing."""

    score: float
    confidence: float
    found: list[str]
    missing: list[str]


class Ranker:
    """An index over a fixed list of papers."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self.papers = list(papers)
        self._weights: list[dict[str, float]] = []
        counted = [{name: _counted(paper, name) for name in FIELDS} for paper in self.papers]
        lengths = {
            name: sum(sum(doc[name].values()) for doc in counted) / max(1, len(counted)) or 1.0
            for name in FIELDS
        }
        for doc in counted:
            weights: defaultdict[str, float] = defaultdict(float)
            for name, (boost, slope) in FIELDS.items():
                size = sum(doc[name].values())
                norm = 1 - slope + slope * size / lengths[name]
                for term, count in doc[name].items():
                    weights[term] += boost * count / norm
            self._weights.append(dict(weights))
        self._with = Counter(term for weights in self._weights for term in weights)

    def match(self, query: str) -> list[Match]:
        """Return one Match per paper, in the order of the papers."""
        terms = self._terms(query)
        idf = {term.text: self._idf(term.text) for term in terms}
        best = sum(term.weight * idf[term.text] for term in terms if term.weight >= GUESS_WEIGHT)
        asked = list(dict.fromkeys(term.word for term in terms if term.word))
        matches = []
        for weights in self._weights:
            score, found = 0.0, set()
            for term in terms:
                if count := weights.get(term.text):
                    score += term.weight * idf[term.text] * count / (K1 + count)
                    found.add(term.word)
            share = score / best if best else 0.0
            confidence = round(TOP * min(1.0, share / _FULL), 3)
            missing = [word for word in asked if word not in found]
            matches.append(Match(score, confidence, [w for w in asked if w in found], missing))
        return matches

    def order(self, query: str) -> list[int]:
        """Return the indices of all papers, best first. Ties keep their order."""
        scores = [match.score for match in self.match(query)]
        return sorted(range(len(scores)), key=lambda place: -scores[place])

    def _idf(self, term: str) -> float:
        have = self._with[term]
        return math.log(1 + (len(self.papers) - have + 0.5) / (have + 0.5))

    def _terms(self, query: str) -> list[Term]:
        asked = [(word, stem(word)) for word in content_words(query)]
        terms = {it: Term(it, 1.0, word) for word, it in asked}
        for word, it in asked:
            if it not in self._with and (near := self._nearest(it)):
                terms.setdefault(near, Term(near, GUESS_WEIGHT, word))
        plain = [it for _, it in asked]
        for one, two in zip(plain, plain[1:], strict=False):
            terms[_pair(one, two)] = Term(_pair(one, two), PAIR_WEIGHT, "")
        for other in sorted(expansions(plain)):
            terms.setdefault(other, Term(other, EXPANSION_WEIGHT, ""))
        return list(terms.values())

    def _nearest(self, word: str) -> str | None:
        """Return the indexed word most similar to a word that no paper contains, or None."""
        if len(word) < 5:
            return None
        near = process.extractOne(
            word, [it for it in self._with if " " not in it], scorer=fuzz.ratio, score_cutoff=_NEAR
        )
        return str(near[0]) if near else None


def lexical_judgements(query: str, purpose: str, papers: Sequence[Paper]) -> list[Judgement]:
    """Return one judgment per paper from matching words alone, marked as "lexical".

    The confidence is 0.8 of the match with the query plus 0.2 of the match with the purpose.
    """
    ranker = Ranker(papers)
    for_query = ranker.match(query)
    for_purpose = ranker.match(purpose) if purpose.strip() else for_query
    return [
        Judgement(
            confidence=round(0.8 * one.confidence + 0.2 * other.confidence, 3),
            reasoning=_reason(one),
            judged_by="lexical",
        )
        for one, other in zip(for_query, for_purpose, strict=True)
    ]


def _reason(match: Match) -> str:
    found = f"found in the paper: {', '.join(match.found)}" if match.found else "no word matches"
    return found + (f"; not found: {', '.join(match.missing)}" if match.missing else "")


def _counted(paper: Paper, name: str) -> dict[str, float]:
    """Return the count of each term in a field. Expansions count EXPANSION_WEIGHT each."""
    if name == "authors":
        return dict(Counter(it for author in paper.authors for it in stems(author)))
    plain = stems(paper.title if name == "title" else paper.abstract)
    counts = Counter(
        [*plain, *(_pair(one, two) for one, two in zip(plain, plain[1:], strict=False))]
    )
    return dict.fromkeys(expansions(plain), EXPANSION_WEIGHT) | dict(counts)


def _pair(one: str, two: str) -> str:
    return f"{one} {two}"
