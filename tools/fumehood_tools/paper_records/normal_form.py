"""Two forms of a text in which quotations are compared.

`clean` is what a reader sees: compatibility forms resolved (NFKC: ligatures, full-width letters),
invisible characters gone, superscript exponents written with ^. `bare` is what stays when
nothing counts that a PDF or a quoting hand changes: no blanks, hyphens, quotation marks or markup,
no case. Texts with the same squeezed form may still differ in a number or a "not": `same_sense`
tells. `bare` works letter by letter, so a place in it can be traced back.
"""

import re
import unicodedata
from itertools import chain

from fumehood_tools.paper_records.numbers import digit_groups, numbers_in

_INVISIBLE_RANGES = (
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F),
    (0x61C, 0x61C), (0x115F, 0x1160), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E),
    (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
    (0xFFF9, 0xFFFB), (0xE0000, 0xE01EF),
)  # fmt: skip
_INVISIBLE = dict.fromkeys(
    chain.from_iterable(range(first, last + 1) for first, last in _INVISIBLE_RANGES)
)
_SUPERSCRIPT = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_UNCOUNTED = dict.fromkeys(
    map(
        ord,
        " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029\u1680"
        "-\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d"
        "'\"`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u00ab\u00bb\u2039\u203a"
        "|^_{}$\\*~",
    )
)
_NEGATING_WORDS = (
    "not no never none nor neither without cannot cant wont dont doesnt didnt isnt arent wasnt "
    "werent hasnt havent hadnt couldnt shouldnt wouldnt nothing nobody nowhere hardly barely "
    "rarely seldom scarcely"
)
_NEGATIONS = frozenset(_NEGATING_WORDS.split())
_GREEK_LIKE_LATIN = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονυ")
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])[-\u2010]\s+(?=[^\W\d_])")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def clean(text: str) -> str:
    """Return text as a reader sees it, in the form in which it is compared and shown."""
    raised = _SUPERSCRIPT.sub(lambda found: f"^{found[0]}", text)
    return unicodedata.normalize("NFKC", raised.translate(_INVISIBLE)).translate(_INVISIBLE)


def has_invisible(text: str) -> bool:
    """Whether text holds characters that no reader sees, soft hyphens aside."""
    return any(ord(letter) in _INVISIBLE and letter != "\xad" for letter in text)


def bare(cleaned: str) -> str:
    """Return what is left of a clean text when spacing, hyphens, quotes and case do not count."""
    return cleaned.translate(_UNCOUNTED).casefold()


def same_case(one: str, other: str) -> bool:
    """Whether two clean texts of one squeezed form also agree in upper and lower case."""
    return one.translate(_UNCOUNTED) == other.translate(_UNCOUNTED)


def words(cleaned: str) -> list[str]:
    """Return the words of a clean text in lower case, those broken at a line end joined."""
    return [
        word.casefold().replace("'", "").replace("’", "")
        for word in _WORD.findall(_BROKEN_WORD.sub("", cleaned))
    ]


def negations(cleaned: str) -> int:
    """Return how often a clean text says no."""
    return sum(word in _NEGATIONS for word in words(cleaned))


def is_negation(word: str) -> bool:
    """Whether a word, in lower case and without apostrophe, says no."""
    return word in _NEGATIONS


def same_sense(quote: str, found: str) -> str:
    """Return what differs between two clean texts of one squeezed form: '' or a reason."""
    quote, found = _BROKEN_WORD.sub("", quote), _BROKEN_WORD.sub("", found)
    if negations(quote) != negations(found):
        return "a negation stands in one and not in the other"
    if digit_groups(quote) != digit_groups(found):
        return "the digits are grouped differently"
    ours, theirs = numbers_in(quote), numbers_in(found)
    if [n.value for n in ours if n.value < 0] != [n.value for n in theirs if n.value < 0]:
        return "a minus sign stands in one and not in the other"
    if len(ours) == len(theirs) and any(
        a.value != b.value for a, b in zip(ours, theirs, strict=True)
    ):
        return "a number differs"
    return ""


def foreign_letters(cleaned: str) -> str:
    """Return letters inside Latin words that look like Latin ones and are not: Cyrillic а."""
    return "".join(
        letter
        for word in _WORD.findall(cleaned)
        if any("a" <= letter.lower() <= "z" for letter in word)
        for letter in word
        if letter in _GREEK_LIKE_LATIN
        or unicodedata.name(letter, "").startswith(("CYRILLIC", "ARMENIAN", "CHEROKEE"))
    )
