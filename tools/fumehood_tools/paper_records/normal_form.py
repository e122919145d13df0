"""Two normal forms of text in which quotations are compared.

`clean` is the text as a reader sees it: compatibility forms resolved (NFKC: ligatures, full-width
letters), invisible characters removed, superscript exponents written with ^.
`bare`, also called the squeezed form, drops everything that PDF extraction or copying may change:
spaces, hyphens, quotation marks, markup and case. It works character by character, so a position in
it can be mapped back to the clean text.
Two texts with the same squeezed form may still differ in a number or a "not"; `same_sense` detects
that.
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
    """Return the text as a reader sees it (see the module's docstring)."""
    raised = _SUPERSCRIPT.sub(lambda found: f"^{found[0]}", text)
    return unicodedata.normalize("NFKC", raised.translate(_INVISIBLE)).translate(_INVISIBLE)


def has_invisible(text: str) -> bool:
    """Return whether the text contains invisible characters other than soft hyphens."""
    return any(ord(letter) in _INVISIBLE and letter != "\xad" for letter in text)


def bare(cleaned: str) -> str:
    """Return the squeezed form of a clean text: no spaces, hyphens, quotes, markup or case."""
    return cleaned.translate(_UNCOUNTED).casefold()


def same_case(one: str, other: str) -> bool:
    """Return whether two clean texts with equal squeezed forms also agree in case."""
    return one.translate(_UNCOUNTED) == other.translate(_UNCOUNTED)


def words(cleaned: str) -> list[str]:
    """Return the lower-case words of a clean text. Words hyphenated at a line end are joined."""
    return [
        word.casefold().replace("'", "").replace("’", "")
        for word in _WORD.findall(_BROKEN_WORD.sub("", cleaned))
    ]


def negations(cleaned: str) -> int:
    """Return the number of negating words in a clean text."""
    return sum(word in _NEGATIONS for word in words(cleaned))


def is_negation(word: str) -> bool:
    """Return whether a word, in lower case and without apostrophe, is a negation."""
    return word in _NEGATIONS


def same_sense(quote: str, found: str) -> str:
    """Return '' if two clean texts with equal squeezed forms mean the same, else the difference."""
    quote, found = _BROKEN_WORD.sub("", quote), _BROKEN_WORD.sub("", found)
    if negations(quote) != negations(found):
        return "one text has a negation and the other does not"
    if digit_groups(quote) != digit_groups(found):
        return "the digits are grouped differently"
    ours, theirs = numbers_in(quote), numbers_in(found)
    if [n.value for n in ours if n.value < 0] != [n.value for n in theirs if n.value < 0]:
        return "one text has a minus sign and the other does not"
    if len(ours) == len(theirs) and any(
        a.value != b.value for a, b in zip(ours, theirs, strict=True)
    ):
        return "a number differs"
    return ""


def foreign_letters(cleaned: str) -> str:
    """Return the letters in Latin words that only look Latin, such as a Cyrillic а."""
    return "".join(
        letter
        for word in _WORD.findall(cleaned)
        if any("a" <= letter.lower() <= "z" for letter in word)
        for letter in word
        if letter in _GREEK_LIKE_LATIN
        or unicodedata.name(letter, "").startswith(("CYRILLIC", "ARMENIAN", "CHEROKEE"))
    )
