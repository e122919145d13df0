"""Rank the files of a repository by how much of a paper's method they have, with file and line.

A file counts by the rare terms of the method in it, less if many files have them, and by the
paper's numbers at their names. Documentation and tests are never ranked.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.reading.document import Document
from fumehood_tools.repositories import Checkout
from fumehood_tools.validation.hyperparameters import assigned_numbers
from fumehood_tools.validation.method import compare_method
from fumehood_tools.validation.models import Evidence
from fumehood_tools.validation.paper_facts import paper_facts
from fumehood_tools.validation.sources import read_sources

_MOST_PLACES = 4


class RankedFile(NamedTuple):
    """A file, and why it is at this place: "line 14: The paper's 'quantile gate'; …"."""

    path: str
    reason: str


def method_ranking(document: Document, checkout: Checkout) -> tuple[RankedFile, ...]:
    """Return the files that implement a paper's method, best first. Others are not in the list."""
    facts = paper_facts("", document)
    sources = read_sources(checkout)
    numbers = assigned_numbers(sources.having("source", "configuration"))
    found = compare_method(facts, sources, numbers)
    ranked = sorted(found.by_file, key=lambda path: (-found.by_file[path], path))
    return tuple(RankedFile(path, _reason(found.places.get(path, ()))) for path in ranked)


def _reason(places: Sequence[Evidence]) -> str:
    return "; ".join(f"line {it.line}: {it.says}" for it in places[:_MOST_PLACES])
