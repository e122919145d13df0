"""The concepts of language models: which tokens belong to them, and which family a hunt has."""

import random

import pytest
from fakes.hunters import MEMBERS, OTHERS

from fumehood_tools.errors import BadRequest
from fumehood_tools.hunts.concepts import FAMILIES, concept_named, family_with
from fumehood_tools.hunts.drawing import candidates, family_of

TOKENS = {
    "s": ([" sun", " Sea"], ["sun", " tea", "s"]),
    "possessive": ([" my", " Their"], ["my", " me", " theirs"]),
    "digit": (["7", " 12"], ["a7", " one"]),
    "newline": (["\n", ".\n\n"], [" ", "n"]),
    "capital": ([" Paris"], ["Paris", " PARIS", " paris"]),
    "continuation": (["ing"], [" ing", "Ing"]),
    "-ing": ([" going", "oming"], [" ing", " king size", " gone"]),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_belongs_to_a_concept_by_its_text(name: str) -> None:
    concept = concept_named(name)
    assert concept is not None and concept.told
    inside, outside = TOKENS[name]
    assert all(map(concept.has, inside)) and not any(map(concept.has, outside))


def test_names_of_concepts_differ_between_families_and_lead_to_theirs() -> None:
    names = [name for family in FAMILIES.values() for name in family]
    assert len(names) == len(set(names)) and all(len(family) >= 6 for family in FAMILIES.values())
    for family, concepts in FAMILIES.items():
        assert family_with(list(concepts)[:3]) == family
        assert len(candidates(family, None, [], random.Random(0))) >= 6
    assert set(MEMBERS) <= set(names) and OTHERS


def test_a_hunt_is_about_the_family_asked_for_or_that_of_its_words() -> None:
    assert family_of("smollm2-135m") == "word_class"
    assert family_of("smollm2-135m", None, ["s", " P", "m"]) == "first_letter"
    assert family_of("smollm2-135m", "ending") == "ending"
    assert family_of("synthetic") == family_of("synthetic", "planted") == "planted"
    with pytest.raises(BadRequest, match="synthetic has no concepts of the family ending"):
        family_of("synthetic", "ending")
    with pytest.raises(BadRequest, match="has no concepts of the family planted"):
        family_of("smollm2-135m", "planted")
    with pytest.raises(BadRequest, match="different ones of one family"):
        candidates("word_class", ["digit", "s", "modal"], [], random.Random(0))
