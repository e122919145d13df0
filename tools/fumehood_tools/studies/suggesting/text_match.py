"""Rank short texts by how well they match a query: the ranker of papers, for any texts. Light.

Words are compared by their stems, with the field's synonyms (papers/terms.py). Costs about 0.1 ms
per text of 50 words.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.papers.paper import Paper
from fumehood_tools.papers.ranking import Ranker

_MOST_TEXT = 6_000


class TextMatch(NamedTuple):
    """A text that matches.

    confidence: 0 to 0.9, see papers/ranking.py. found: the words of the query that it has.
    """

    place: int
    confidence: float
    found: list[str]


def matches(query: str, texts: Sequence[str], least: float = 0.0) -> list[TextMatch]:
    """Return the texts that share words with a query, best first; ties keep their order.

    least: the lowest confidence that is returned.
    """
    ranker = Ranker([Paper(title="", abstract=text[:_MOST_TEXT]) for text in texts])
    found = [
        TextMatch(place, match.confidence, match.found)
        for place, match in enumerate(ranker.match(query))
        if match.found and match.confidence >= least
    ]
    return sorted(found, key=lambda match: -match.confidence)
