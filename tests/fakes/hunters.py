"""Scripted agents of hunts: one that looks for the latent, and one that guesses."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from fumehood_tools.hunts.concepts import concept_named
from fumehood_tools.hunts.messages import ActiveLatent, LatentFacts

Ask = Callable[..., Sequence[ActiveLatent]]
WORDS = {
    "a": "apple animal answer anger autumn artist above arrow",
    "b": "bread bottle bridge bitter button banner broken basket",
    "s": "sister summer silver stone south signal simple school",
    "t": "table travel thunder ticket tiger tunnel teacher token",
    "w": "water winter window wonder walk weather woman world",
    "p": "paper people pencil planet purple pocket power prison",
    "c": "candle corner castle copper cotton circle coffee cattle",
    "m": "mother market mirror monkey metal midnight money music",
}


def find_planted(told: str, ask: Ask) -> int:
    """Return the latent that is most active on the tokens that are said to carry a feature."""
    listed = re.search(r"\[([\d, ]+)\]", told)
    assert listed is not None
    total = Counter[int]()
    for token in map(int, listed[1].split(",")):
        for found in ask(tokens=[token]):
            total[found.latent] += 1
    return total.most_common(1)[0][0]


def find_letter(word: str, ask: Ask) -> int:
    """Return the latent that is active on the most words with a letter and on few others."""
    total = Counter[int]()
    for letter, words in WORDS.items():
        sign = 7 if letter == word else -1
        for start in (0, 4) if letter == word else (0,):
            some = words.split()[start : start + 4]
            for found in ask(text=f" {' '.join(some)}"):
                total[found.latent] += round(sign * 100 * found.share)
    return total.most_common(1)[0][0]


MEMBERS = {
    "possessive": (" my your his her", " our their its my"),
    "question_word": (" who what when where", " which why how whose"),
    "conjunction": (" and or but so", " bread and butter or salt but and nor"),
    "comma": (", , ,", " red, green, blue, black, white,"),
    "sentence_end": (". ! ? .", " Go. Stop. Come. Eat. Sit."),
    "dash": (" - – -", " well-known twenty-one"),
    "-ing": (" going singing walking reading", " making taking holding being"),
}
"""Texts in which most tokens belong to a concept of a language model."""
OTHERS = (" table green seven river", " London Robert Paris", " 12 34", " the of to in")
"""Texts in which no token belongs to one of these concepts."""


def find_concept(word: str, ask: Ask, look: Callable[[int], LatentFacts]) -> int:
    """Return the latent that is active on most tokens of a concept and on few others.

    Of the five that the texts suggest, the one whose training contexts are of the concept.
    """
    total, has = Counter[int](), concept_named(word)
    for texts, sign in ((MEMBERS[word], 2), (OTHERS, -1)):
        for text in texts:
            for found in ask(text=text):
                total[found.latent] += round(sign * 100 * found.share)
    seen = dict[int, tuple[int, float]]()
    for latent, _ in total.most_common(5):
        facts = look(latent)
        marked = [one.text.partition("⟪")[2].partition("⟫")[0] for one in facts.contexts]
        hits = sum(has is not None and any(map(has.has, (text, f" {text}"))) for text in marked)
        seen[latent] = hits, facts.share
    return max(seen, key=lambda one: seen[one])
