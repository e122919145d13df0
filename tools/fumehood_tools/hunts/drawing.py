"""Which concepts a hunt is about, and how often they were hunted on the same SAE. Light."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.files import digest_of
from fumehood_tools.hunts.journal import Hunt
from fumehood_tools.hunts.records import REPEATS, Family, HuntOpened
from fumehood_tools.subjects.catalogue import SYNTHETIC

FEATURES = 128
"""Planted features of the synthetic subject."""
LETTERS = "abcdefghilmnoprstw"
"""Letters with which a word of English begins at least once in a hundred words."""
CONTROLS = 8
_SEEDS = 2**31


class Drawn(NamedTuple):
    """The concepts of a new hunt. tries: per concept, 1 if it is new on this SAE."""

    words: tuple[str, ...]
    tries: tuple[int, ...]
    asked_before: int


def family_of(subject: str) -> Family:
    """Return the family of concepts that a subject has."""
    return "planted" if subject == SYNTHETIC else "first_letter"


def tag_of(weights_sha256: str, family: Family) -> str:
    """Return the tag of all hunts for this family in this SAE."""
    return digest_of([weights_sha256, family])[:8]


def draw_concepts(
    family: Family, words: Sequence[str] | None, earlier: Sequence[Hunt], draw: random.Random
) -> Drawn:
    """Return the concepts of a hunt: those asked for, else ones that were not hunted yet.

    A hunt whose task is gone counts as a try of every concept. Raises BadRequest.
    """
    every = [str(n) for n in range(FEATURES)] if family == "planted" else list(LETTERS)
    known = [found[0] for one in earlier if (found := one.only(HuntOpened))]
    gone = len(earlier) - len(known)
    before = [concept.word for one in known for concept in one.concepts]
    if words is None:
        fresh = [one for one in every if one not in before]
        chosen = draw.sample(fresh if len(fresh) >= REPEATS else every, REPEATS)
    else:
        chosen = [word.strip().lower() for word in words]
        if len(set(chosen)) != REPEATS or not set(chosen) <= set(every):
            kind = "numbers below 128" if family == "planted" else f"letters of {LETTERS}"
            raise BadRequest(f"words must be {REPEATS} different {kind}, or omit them.")
    same = [one for one in earlier if _is_about(one, chosen)]
    tries = tuple(1 + gone + before.count(word) for word in chosen)
    return Drawn(tuple(chosen), tries, sum(one.used() for one in same))


def control_seeds(draw: random.Random) -> list[int]:
    """Return the seeds of the random control directions of a hunt."""
    return [draw.randrange(_SEEDS) for _ in range(CONTROLS)]


def _is_about(hunt: Hunt, words: Sequence[str]) -> bool:
    """Whether a hunt was about one of the concepts; unknown tasks are taken to be."""
    found = hunt.only(HuntOpened)
    return not found or any(one.word in words for one in found[0].concepts)
