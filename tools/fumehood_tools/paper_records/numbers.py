"""Find the numbers in prose, each with every value that it may mean.

1,000, 1 000 and 1’000 are 1000; 1e-3, 10^-3, 10^{-3} and 1 × 10^-3 are 0.001; 4k is 4000; 70M and
70 million are 70000000; 80% is 80 or 0.8. Number words count (see `number_words`). Digits inside a
name (L0, A100, GPT-2) belong to the name. Works on clean text (see `normal_form`), in linear time.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from fumehood_tools.paper_records.number_words import WORDS, value_of

_SCALES = {
    "k": 3, "thousand": 3, "m": 6, "million": 6, "b": 9, "billion": 9, "t": 12, "trillion": 12,
}  # fmt: skip
DASHES = "-\u2010\u2011\u2013\u2212"
# Groups of three digits after a space or an apostrophe. Two groups of digits in a longer list of
# numbers are two numbers.
_SPACED = (
    r"(?<!\d[ ’'′])[1-9]\d{0,2}(?:(?P<gap>[ \u2009\u202f\xa0’'′])\d{3})(?:(?P=gap)\d{3})*(?!\s?\d)"
)
_NUMBER = re.compile(
    rf"""
    (?<![^\W_])(?<!\d\.)
    (?:
      (?P<digits>{_SPACED}(?:\.\d+)?|\d{{1,3}}(?:,\d{{3}})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
      (?:
        [eE](?P<e>[+{DASHES}]?\d{{1,2}})(?!\w)
        | \s?[×x·*]\s?10(?:\^\{{?(?P<p>[+{DASHES}]?\d{{1,2}})\}}?|(?P<q>[{DASHES}]\d{{1,2}})(?!\d))
        | \^\{{?(?P<power>[+{DASHES}]?\d{{1,2}})\}}?
        | (?<=10)(?P<flat>[{DASHES}]\d{{1,2}})(?![\d.])
      )?
      (?:\s?(?P<scale>[kKMBT]|thousand|million|billion|trillion)(?![^\W_]))?
      (?P<percent>\s?(?:%|percent\b))?
    | (?P<word>{WORDS})(?![^\W_])(?:\s(?P<hundredths>percent|per\scent)\b)?
    )""",
    re.X | re.I,
)
# "Table 3 128 latents" has two numbers.
_POINTER = re.compile(
    r"\b(?:tables?|fig(?:ure|s)?|sec(?:tion)?|eq(?:uation)?|appendix|chapter|part|page|layers?|steps?|"
    r"epochs?|seeds?|line|row|column|level|stage|version)\.?\s\d{1,3}(?=\s\d{3}(?!\d))",
    re.I,
)
_NAME = re.compile(rf"(?<![^\W_])[^\W\d_][^\W_]*(?:[{DASHES}][^\W_]+)*")
_GROUP = re.compile(rf"{_SPACED}(?:[.,]\d+)*|\d+(?:[.,]\d+)*")
_SEPARATORS = re.compile(r"[,\s’'′]")
_GAPS = re.compile(r"[\s’'′]")
_MOST_DIGITS = 40


class Number(NamedTuple):
    """One number of a text."""

    value: Decimal
    others: tuple[Decimal, ...]
    text: str
    named: bool
    """Joined to a word by a hyphen (GPT-2, Pythia-70M): part of a name, not a measured value."""

    @property
    def meanings(self) -> tuple[Decimal, ...]:
        """Every value that it may mean."""
        return (self.value, *self.others)


def numbers_in(cleaned: str) -> list[Number]:
    """Return the numbers of a clean text, in order."""
    text = _POINTER.sub(r"\g<0> ", cleaned)
    return [number for match in _NUMBER.finditer(text) if (number := _number(text, match))]


def meanings(numbers: Iterable[Number]) -> set[Decimal]:
    """Return every value that any of the numbers may mean."""
    return {value for number in numbers for value in number.meanings}


def claimed(cleaned: str) -> Iterator[Number]:
    """Yield the numbers that a statement asserts: not those in names, and not the word "one"."""
    for number in numbers_in(cleaned):
        if not number.named and number.text.lower() != "one":
            yield number


def names_with_digits(cleaned: str) -> list[str]:
    """Return the words that contain digits but are not numbers: L0, A100, GPT-2."""
    return [
        match[0]
        for match in _NAME.finditer(cleaned)
        if any(letter.isdigit() for letter in match[0])
    ]


def digit_groups(cleaned: str) -> list[str]:
    """Return the groups of digits in a text with their commas and points.

    Spaces and apostrophes between thousands are left out, as they get lost in PDFs.
    """
    return [_GAPS.sub("", match[0]) for match in _GROUP.finditer(_POINTER.sub(r"\g<0> ", cleaned))]


def _number(text: str, match: re.Match[str]) -> Number | None:
    if word := match["word"]:
        worth = value_of(word)
        return Number(worth, (worth / 100,) if match["hundredths"] else (), match[0], named=False)
    digits = _SEPARATORS.sub("", match["digits"])
    if len(digits) > _MOST_DIGITS:
        return None
    base = Decimal(digits)
    sign, named = _before(text, match.start())
    value, others = base, list[Decimal]()
    if exponent := match["e"] or match["p"] or match["q"]:
        value = base.scaleb(_integer(exponent))
    elif match["power"]:
        value = _raised(base, _integer(match["power"]))
    elif match["flat"]:
        # "10-3" is either 10^-3, printed without its superscript, or the range from 10 to 3.
        others.append(Decimal(1).scaleb(_integer(match["flat"])))
    if scale := match["scale"]:
        others.append(value)
        value = value.scaleb(_scale(scale))
    if match["percent"]:
        others.append(value / 100)
    return Number(sign * value, tuple(sign * other for other in others), match[0], named)


def _before(text: str, start: int) -> tuple[int, bool]:
    """Return the sign before a number, and whether a hyphen joins it to a word.

    A dash after a digit, a bracket or a percent sign is a range (3-5), not a minus sign.
    """
    if start == 0 or text[start - 1] not in DASHES:
        return 1, False
    ahead = text[max(0, start - 3) : start - 1]
    if not ahead:
        return -1, False
    if ahead[-1].isalpha():
        return 1, True
    is_range = (
        ahead[-1].isdigit() or ahead[-1] in ")]%" or (ahead[-1] == " " and ahead[0].isdigit())
    )
    return (1 if is_range else -1), False


def _scale(word: str) -> int:
    # A lower-case m, b or t is more often a unit (meters, bits, tons) than million or billion.
    return 0 if word in ("m", "b", "t") else _SCALES[word.lower()]


def _integer(text: str) -> int:
    return int(re.sub(f"[{DASHES}]", "-", text))


def _raised(base: Decimal, power: int) -> Decimal:
    return base**power if abs(power) <= 64 and (base or power > 0) else base
