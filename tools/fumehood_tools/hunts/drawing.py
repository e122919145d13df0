"""Which concepts a hunt is about, and how often they were hunted on the same SAE. Light."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.files import digest_of
from fumehood_tools.hunts.concepts import FAMILIES, family_with
from fumehood_tools.hunts.journal import Hunt
from fumehood_tools.hunts.records import REPEATS, Family, HuntOpened
from fumehood_tools.subjects.catalogue import SYNTHETIC

FEATURES = 128
"""Planted features of the synthetic subject."""
USUAL: Family = "word_class"
"""The family of a language model if none is chosen: the SAEs of small models have such latents."""
CONTROLS = 5
"""Random directions; each is used with its opposite."""
CANDIDATES = 24
"""Concepts from which the trusted process takes the first three that the SAE can show."""
_SEEDS = 2**31


class Counted(NamedTuple):
    """Earlier hunts for some concepts. tries: per concept, 1 if it is new on this SAE."""

    tries: tuple[int, ...]
    asked_before: int


def family_of(
    subject: str, family: Family | None = None, words: Sequence[str] | None = None
) -> Family:
    """Return the family of a hunt: the one asked for, else that of the words, else the usual one.

    Raises BadRequest for a family that the subject does not have.
    """
    if (subject == SYNTHETIC) != (family == "planted") and family is not None:
        known = ["planted"] if subject == SYNTHETIC else list(FAMILIES)
        raise BadRequest(
            f"{subject} has no concepts of the family {family}. Choose {' or '.join(known)}."
        )
    if subject == SYNTHETIC:
        return "planted"
    return family or family_with(_cleaned(words or ())) or USUAL


def _cleaned(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in words)


def tag_of(weights_sha256: str, family: Family) -> str:
    """Return the tag of all hunts for this family in this SAE."""
    return digest_of([weights_sha256, family])[:8]


def candidates(
    family: Family, words: Sequence[str] | None, earlier: Sequence[Hunt], draw: random.Random
) -> tuple[str, ...]:
    """Return the concepts asked for, else some in random order, with those never hunted first.

    Raises BadRequest.
    """
    every = [str(n) for n in range(FEATURES)] if family == "planted" else list(FAMILIES[family])
    if words is None:
        before = set(_words(earlier))
        mixed = draw.sample(every, len(every))
        return tuple(sorted(mixed, key=lambda word: word in before)[:CANDIDATES])
    chosen = _cleaned(words)
    if len(set(chosen)) != REPEATS or not set(chosen) <= set(every):
        if family == "planted":
            raise BadRequest(f"words must be {REPEATS} different numbers below {FEATURES}.")
        listed = "; ".join(f"{name}: {' '.join(some)}" for name, some in FAMILIES.items())
        raise BadRequest(f"words must be {REPEATS} different ones of one family. {listed}.")
    return chosen


def count_tries(words: Sequence[str], earlier: Sequence[Hunt]) -> Counted:
    """Return how often concepts were hunted. A hunt whose task is gone counts for every one."""
    gone = sum(not one.only(HuntOpened) for one in earlier)
    before = _words(earlier)
    tries = tuple(1 + gone + before.count(word) for word in words)
    return Counted(tries, sum(one.used() for one in earlier if _is_about(one, words)))


def control_seeds(draw: random.Random) -> list[int]:
    """Return the seeds of the random control directions of a hunt."""
    return [draw.randrange(_SEEDS) for _ in range(CONTROLS)]


def _words(hunts: Sequence[Hunt]) -> list[str]:
    return [one.word for hunt in hunts for task in hunt.only(HuntOpened) for one in task.concepts]


def _is_about(hunt: Hunt, words: Sequence[str]) -> bool:
    """Whether a hunt was about one of the concepts; unknown tasks are taken to be."""
    found = hunt.only(HuntOpened)
    return not found or any(one.word in words for one in found[0].concepts)
