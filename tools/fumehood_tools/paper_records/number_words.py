"""Numbers that are written as words: twenty-one, a dozen, three hundred, half, two thirds.

`WORDS` is a pattern for such a phrase, in one alternative per form, and `value_of` its value. Words
that only order or estimate (second, the third, dozens) are no numbers.
"""

import re
from decimal import Decimal

_ONES = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: number for number, word in enumerate(_ONES.split(), start=1)}
_VALUES |= {word: 10 * number for number, word in enumerate(_TENS.split(), start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fifth": 5, "tenth": 10}
_GAP = r"[\s\-\u2010\u2011\u2013\u2212]"
_SMALL = (
    rf"(?:(?:{'|'.join(_TENS.split())})(?:{_GAP}(?:{'|'.join(_ONES.split()[:9])})(?![^\W_]))?"
    rf"|{'|'.join(sorted(_ONES.split(), key=len, reverse=True))})"
)
_HUNDREDS = rf"(?:(?:(?:{_SMALL}|an?){_GAP})?hundred(?:\s(?:and\s)?{_SMALL}(?![^\W_]))?|{_SMALL})"
_LARGE = "|".join(_SCALES)
# "A third of it" is a number, "a third experiment" is not.
_NO_ORDER = (
    r"(?=\s(?:of|as|more|less|fewer|lower|higher|smaller|larger|shorter|longer|faster|slower|the|to|in|"
    r"on|at|for|and|or|when|that|than|is|are|were)\b|\s?[^\w\s]|\s?$)"
)
WORDS = (
    rf"{_SMALL}\sand\sa\shalf"
    rf"|half\san?\s(?:dozen|hundred|{_LARGE})"
    rf"|{_SMALL}{_GAP}(?:thirds?|quarters?|fifths?|tenths?)"
    rf"|an?{_GAP}(?:third|quarter|fifth|tenth){_NO_ORDER}"
    rf"|half(?!{_GAP}\w)|half(?=\s\w)"
    rf"|(?:(?:{_SMALL}|an?)\s)?dozen"
    rf"|(?:{_HUNDREDS}|an?)\s(?:{_LARGE})"
    rf"(?:\s(?:and\s)?{_HUNDREDS}(?:\s(?:{_LARGE}))?(?![^\W_]))*"
    rf"|{_HUNDREDS}"
)


def value_of(phrase: str) -> Decimal:
    """Return the value of a phrase that matches WORDS."""
    words = [word for word in re.split(_GAP, phrase.lower()) if word and word != "and"]
    if words[0] == "half":
        return Decimal(_counted(words[1:] or ["one"])) / 2
    last = words[-1].removesuffix("s")
    if last == "half":
        return Decimal(_counted(words[:-2])) + Decimal("0.5")
    if last in _PARTS and len(words) > 1:
        return Decimal(_counted(words[:-1])) / _PARTS[last]
    return Decimal(_counted(words))


def _counted(words: list[str]) -> int:
    """Return the value of a whole number in words."""
    total = current = 0
    for word in words:
        if word in ("a", "an"):
            current = current or 1
        elif word == "hundred":
            current = (current or 1) * 100
        elif word == "dozen":
            current = (current or 1) * 12
        elif word in _SCALES:
            total += (current or 1) * _SCALES[word]
            current = 0
        else:
            current += _VALUES[word]
    return total + current
