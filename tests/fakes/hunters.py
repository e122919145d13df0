"""Scripted agents of hunts: one that looks for the latent, and one that guesses."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from fumehood_tools.hunts.messages import ActiveLatent

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
