"""The concepts of language models: sets of tokens, each with what an agent is told about it.

A token belongs to a concept by its text alone, so labels are exact, and the same set says what
steering should write. Names of different families differ. Light: imports no torch.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.hunts.records import Family

LETTERS = "abcdefghilmnoprstw"
"""Letters with which a word of English begins at least once in a hundred words."""


class TokenSet(NamedTuple):
    """A concept. told: in words, after "the token". has: whether the text of a token belongs."""

    told: str
    has: Callable[[str], bool]


def letter_set(letter: str) -> TokenSet:
    """Return the tokens that begin a word with a letter."""
    told = f"begins a word, and that word begins with the letter {letter} (either case)"
    return TokenSet(told, lambda text: text[:1] == " " and text[1:2].lower() == letter)


def _words(kind: str, listed: str) -> TokenSet:
    every = frozenset(listed.split())
    some = ", ".join(listed.split()[:4])
    return TokenSet(f"is {kind} ({some}, …), in either case", _one_of(every))


def _one_of(every: frozenset[str]) -> Callable[[str], bool]:
    return lambda text: text[:1] == " " and text[1:].lower() in every


def _fits(pattern: str) -> Callable[[str], bool]:
    found = re.compile(pattern)
    return lambda text: found.fullmatch(text) is not None


def _ending(end: str) -> TokenSet:
    told = f"ends a word, or is a word, with the letters -{end} (and at least two before them)"
    return TokenSet(told, _fits(rf" ?[A-Za-z]{{2,}}{end}"))


WORD_CLASSES: Mapping[str, TokenSet] = {
    "possessive": _words("a possessive word", "my your his her its our their"),
    "pronoun": _words("a personal pronoun", "i you he she it we they me him us them"),
    "preposition": _words(
        "a preposition",
        "of in to for on with at by from into over under about between through against during",
    ),
    "auxiliary": _words("a form of to be", "is was are were be been being am"),
    "having": _words("a form of to have", "has had have having"),
    "modal": _words("a modal verb", "can could will would shall should may might must"),
    "conjunction": _words("a conjunction", "and or but nor yet so"),
    "question_word": _words("a question word", "who what when where why how which whose whom"),
    "demonstrative": _words("a demonstrative", "this that these those"),
    "negation": _words("a negation", "not no never none nor nothing nobody"),
    "number_word": _words(
        "a number in letters",
        "one two three four five six seven eight nine ten hundred thousand million",
    ),
    "article": _words("an article", "the a an"),
}
TOKEN_KINDS: Mapping[str, TokenSet] = {
    "digit": TokenSet("is made of digits", _fits(r" ?[0-9]+")),
    "comma": TokenSet("is a comma", _fits(" ?,")),
    "sentence_end": TokenSet("ends a sentence (. ! ?)", _fits(r" ?[.!?]")),
    "dash": TokenSet("is a dash or hyphen", _fits(" ?[-–—]+")),
    "quote": TokenSet("is a quotation mark", _fits(" ?[\"'“”‘’`]+")),
    "bracket": TokenSet("is made of brackets", _fits(r" ?[()\[\]{}<>]+")),
    "operator": TokenSet("is made of signs of code or formulas", _fits(r" ?[=+*/\\%&|^~<>_#@$]+")),
    "newline": TokenSet("contains the end of a line", lambda text: "\n" in text),
    "all_caps": TokenSet("is written in capitals only, two or more", _fits(" ?[A-Z]{2,}")),
    "capital": TokenSet(
        "begins a word with a capital and goes on in small letters", _fits(" [A-Z][a-z]+")
    ),
    "continuation": TokenSet(
        "goes on with a word: small letters, no space before", _fits("[a-z]+")
    ),
    "not_ascii": TokenSet("has a character outside ASCII", lambda text: not text.isascii()),
}
ENDINGS: Mapping[str, TokenSet] = {
    f"-{end}": _ending(end) for end in ("ing", "tion", "ly", "ed", "al", "ment", "er", "ity", "s")
}
FAMILIES: Mapping[Family, Mapping[str, TokenSet]] = {
    "first_letter": {letter: letter_set(letter) for letter in LETTERS},
    "word_class": WORD_CLASSES,
    "token_kind": TOKEN_KINDS,
    "ending": ENDINGS,
}
"""The families of language models."""


def concept_named(word: str) -> TokenSet | None:
    """Return a concept by its name; None if there is none."""
    found = [family[word] for family in FAMILIES.values() if word in family]
    return found[0] if found else None


def family_with(words: Sequence[str]) -> Family | None:
    """Return the family that has all of the words; None if none has, or there are none."""
    found: Iterator[Family] = (
        name for name, family in FAMILIES.items() if words and all(word in family for word in words)
    )
    return next(found, None)
