"""Merge candidates that are the same source, and put the most likely ones first.

The order says where to look first. It is no judgement of whether a candidate is the paper's code.
"""

from collections.abc import Iterable

from fumehood_tools.codebases.model import Candidate, Sighting
from fumehood_tools.repositories.address import repository_of

MOST_SIGHTINGS = 6


def merged(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return one candidate per source, the most likely first."""
    by_key: dict[str, Candidate] = {}
    for one in candidates:
        key = key_of(one.source)
        by_key[key] = united(by_key[key], one) if key in by_key else one
    return in_order(by_key.values())


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return candidates with the most likely first; equal ones by name."""
    return sorted(candidates, key=lambda it: (-round(it.order, 6), it.source.lower()))


def key_of(source: str) -> str:
    """Return the identity of a source: equal for all its addresses."""
    address = repository_of(source)
    return source.rstrip("/").lower() if address is None else address.key


def united(one: Candidate, other: Candidate) -> Candidate:
    """Return one candidate with what is known of both. The first one's source is kept."""
    found = _sightings([*one.found, *other.found])
    checked = one if one.status != "not_checked" else other
    return checked.model_copy(
        update={
            "source": one.source,
            "found": found,
            "folder": one.folder or other.folder,
            "moved_from": list(dict.fromkeys([*one.moved_from, *other.moved_from])),
            "cached": one.cached or other.cached,
            "guesses": list(dict.fromkeys([*one.guesses, *other.guesses])),
        }
    )


def _sightings(found: Iterable[Sighting]) -> list[Sighting]:
    """Return sightings without repetitions of the same sentence, the weightiest first."""
    best: dict[tuple[str, str], Sighting] = {}
    for it in found:
        key = (it.source, it.quote or it.url)
        known = best.get(key)
        if known is None or (it.weight, it.how == "link") > (known.weight, known.how == "link"):
            best[key] = it
    return sorted(best.values(), key=lambda it: -it.weight)[:MOST_SIGHTINGS]
