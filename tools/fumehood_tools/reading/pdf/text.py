"""Join lines into running text, removing hyphenation and footnote marks.

A hyphen at the end of a line is kept if the paper writes the word with a hyphen elsewhere, if the
part before it commonly forms compounds, or if both parts are words of the paper that are not
usually written as one. It is removed if the joined word occurs elsewhere in the paper, or if
nothing is known. Web addresses broken at a line end are joined without a space.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.words import HYPHENS, Word, join_words

_TOKEN = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_STRONG_WORDS = (
    "self non near fine well high low cross two three four five six state real large small long "
    "short full open left right top one zero single double"
)
_WEAK_WORDS = (
    "multi end model data time task layer token human feature word sentence byte half mean ground "
    "of first second third higher lower quasi all ever so cost key hand machine code mid"
)
_ENDING_WORDS = (
    "ment ments ings light lights ness ward wards able ably ence ists ized izes ular ation ations "
    "tion tions ance fully less ship hood ened ening ning ities"
)
# The second halves of most compounds that are written with a hyphen.
_SECOND_WORDS = (
    "based specific aware driven dependent independent sensitive insensitive related agnostic "
    "trained tuned tuning oriented centric guided augmented conditioned invariant equivariant "
    "weighted efficient grained shot hop head tailed making sized friendly only defined generated "
    "annotated labeled labelled written known ended level scale style like wise free rich rank "
    "norm order class layer step fold valued dimensional bit byte token sample domain task modal "
    "lingual world art source parameter performing old quality supervised selected matched "
    "normalized"
)
# Halves of compounds that are written as one word: TeX may break them between the halves.
_CLOSED_FIRST_WORDS = (
    "inter intra under over trans super with counter para hyper infra after fore some every any "
    "no there here where more mean up down out back through along in on off sub per con pre re un "
    "dis im mis pro ex en em ab ad al"
)
_CLOSED_SECOND_WORDS = (
    "line lines lined work works worked ware book books mark marks marked point points way ways "
    "side sides word words time times stream streams shop hood ship man men land loads load down "
    "back backs bone bones out put puts set sets base bases stone stones length lengths width "
    "widths spread where ever over fore while what thing things body field fields print prints "
    "sheet sheets fall falls flow flows board boards ground grounds form forms formed former "
    "graph graphs box boxes kit kits chain chains list lists room rooms paper papers wise ally "
    "note notes hand hands case cases mission missions cent son sons mutation mutations view "
    "views come comes stand stands light lights scape scapes most other others self selves action "
    "actions act acts active change changes port ports pose poses posed position rate rates sent "
    "sents tract tracts tracted verse verses cord dance mining ration able ably ring"
)
_STRONG, _WEAK, _ENDINGS, _SECONDS, _CLOSED_FIRSTS, _CLOSED_SECONDS = (
    frozenset(words.split())
    for words in (
        _STRONG_WORDS, _WEAK_WORDS, _ENDING_WORDS, _SECOND_WORDS, _CLOSED_FIRST_WORDS,
        _CLOSED_SECOND_WORDS,
    )
)  # fmt: skip
_MARK = re.compile(r"(?:\d{1,2}(?:,\d{1,2})*|[*\u2217\u2020\u2021\u00a7\u00b6#\u2225]{1,3})[,]?")
_LONE_LETTER = re.compile(r"(?<![^\W_])[^\W\d_]$")
_URL_TAIL = re.compile(r"(?:https?:(?://|$)|www\.)\S*$|\b10\.\d{4,9}/\S*$")
_URL_PART = re.compile(
    r"(?!https?:)[a-z0-9][\w.%~-]*[/?=&#]\S*|[a-z0-9][\w-]*\.(html?|pdf|zip|git|json|txt|csv|md|php)\b"
)
_SLASHED = frozenset({"and/or", "or/and", "w/o", "i/o", "n/a", "his/her", "he/she", "s/he"})
_TILDE = re.compile(r"((?:https?://|www\.)\S*/) ?[\u02dc\u223c\u02f7~] ?(?=\w)")
# What a line's end says about the address on it; removed when the lines are joined.
_SAME_FONT, _FULL = "\ue000", "\ue001"
_URL_GOES_ON = re.compile(r"\S*[/\-_.=?&%~#\d]\S*")


class Spelling:
    """Counts how a paper writes its words, to tell real hyphens from those of line breaks."""

    def __init__(self, lines: Iterable[TextLine]) -> None:
        self._known: Counter[str] = Counter()
        torn = False
        for line in lines:
            text = line.text
            if torn:
                text = text.partition(" ")[2]
            torn = line.text[-1:] in HYPHENS
            if torn:
                text = text.rpartition(" ")[0]
            self._known.update(token.lower() for token in _TOKEN.findall(text))

    def keeps_hyphen(self, before: str, after: str) -> bool:
        """Return whether the hyphen between two parts of a word belongs to the word."""
        if not after[:1].islower() or not before[-1:].isalpha():
            return True
        parts = _TOKEN.findall(before), _TOKEN.findall(after)
        if not parts[0] or not parts[1]:
            return True
        left, right = parts[0][-1].lower(), parts[1][0].lower()
        joined, kept = self._count(left + right), self._count(f"{left}-{right}")
        if joined or kept:
            return kept > joined
        if "-" in left or "-" in right:
            return True
        if left in _STRONG and len(right) > 3 and right not in _ENDINGS:
            return True
        if left in _WEAK and right in self._known:
            return right == "wise" or right not in _CLOSED_SECONDS
        return self._are_two_words(left, right)

    def _count(self, word: str) -> int:
        """Return how often the paper writes a word, in the singular or the plural."""
        other = word[:-1] if word.endswith("s") else f"{word}s"
        return self._known[word] + self._known[other]

    def _are_two_words(self, left: str, right: str) -> bool:
        """Return whether both halves are words of the paper, and make a compound with a hyphen."""
        if not self._known[left] or not self._known[right]:
            return False
        if right in _SECONDS:
            return len(left) > 3 or (len(left) == 3 and left not in _CLOSED_FIRSTS)
        if left == "per":
            return right not in _CLOSED_SECONDS | _ENDINGS
        if left in _CLOSED_FIRSTS:
            return False
        return min(len(left), len(right)) > 3 and right not in _CLOSED_SECONDS | _ENDINGS


def joined(texts: Sequence[str], spelling: Spelling | None = None) -> str:
    """Return lines of text as one line."""
    text = ""
    for line in texts:
        line = line.strip()
        if not line:
            continue
        text = _with(text, line, spelling) if text else line
    text = " ".join(text.rstrip(_SAME_FONT + _FULL).split())
    return _TILDE.sub(r"\1~", text) if "/" in text else text


def _with(text: str, line: str, spelling: Spelling | None) -> str:
    """Append a line to a text, joining words and web addresses that are broken between them."""
    mark = text[-1] if text[-1] in _SAME_FONT + _FULL else ""
    text = text.removesuffix(mark)
    last = text[-1]
    tail = _URL_TAIL.search(text)
    head = line.split(maxsplit=1)[0].rstrip(_SAME_FONT + _FULL)
    if tail and _address_goes_on(last, head, mark):
        return (text[:-1] + "-" if last in HYPHENS else text) + line
    if text.endswith(("http:", "https:")) and line.startswith("//"):
        return text + line
    if last in HYPHENS and text[-2:-1].strip():
        before, after = text[:-1].rpartition(" ")[2], head
        keep = spelling.keeps_hyphen(before, after) if spelling else not after[:1].islower()
        return f"{text[:-1]}-{line}" if keep else text[:-1] + line
    if last in "\u2013\u2014" and text[-2:-1].strip() or line[0] == "\u2014":
        return text + line
    return f"{text} {line}"


def _address_goes_on(last: str, head: str, mark: str) -> bool:
    """Return whether a web address that ends a line goes on with the first word of the next one.

    last: the last character of the line. mark: whether both are in typewriter letters, or the line
    ends at the right edge of its column.
    """
    if mark == _SAME_FONT and last not in ",;)]":
        return not head.startswith("http")
    if last in "/-_.=?&%~#" + HYPHENS:
        return bool(_URL_GOES_ON.fullmatch(head))
    return mark == _FULL and bool(_URL_PART.match(head)) and head.lower() not in _SLASHED


def _capital_size(words: Iterable[Word]) -> float:
    """Return the font size of the capitals in imitated small capitals, or 0 if there are none."""
    sizes = [word.size for word in words if word.face.caps and word.text[1:].islower()]
    return max(sizes, default=0.0)


def prose_of(words: Sequence[Word], capitals: float | None = None) -> str:
    """Return words as text without footnote marks; exponents are written with ^.

    capitals: font size of the capitals, if the words are part of a text in small capitals.
    """
    kept: list[Word] = []
    largest = _capital_size(words) if capitals is None else capitals
    over: Word | None = None
    for at, word in enumerate(words):
        if over:
            kept[-1] = replace(over, text=f"{over.text}/{word.text}")
            over = None
            continue
        after = words[at + 1] if at + 1 < len(words) else None
        if after and _is_fraction(word, after):
            over = word
            kept.append(word)
            continue
        if word.script == "note":
            continue
        if word.script != "super":
            if word.size < 0.87 * largest and word.text.upper() == word.text:
                word = replace(word, text=word.text.lower())
            kept.append(word)
            continue
        before = words[at - 1] if at else None
        power = word.glued and before and _is_power(word, words[:at])
        if not power and is_note(word, before):
            continue
        if power:
            word = replace(word, text=f"^{word.text}", glued=True)
        kept.append(word)
    return join_words(kept)


def _is_fraction(over: Word, under: Word) -> bool:
    """Return whether a raised number stands above a lowered one, apart from the letter before."""
    if (over.script, under.script) != ("super", "sub") or over.glued:
        return False
    return over.text.isdigit() and under.text.isdigit() and (
        over.x0 < under.x1 and under.x0 < over.x1
    )  # fmt: skip


def _is_power(word: Word, before: Sequence[Word]) -> bool:
    """Return whether a superscript is a number above a number, or above a part of a formula."""
    last = before[-1]
    if word.text[:1] not in "0123456789-\u2212" and not (
        word.face.math and word.text[:1].isalpha() and not last.text[-1:].isdigit()
    ):
        return False
    if last.text[-1:].isdigit():
        return True
    if last.text[-1:] in ")]" and not last.face.large:
        opening = "(["[last.text[-1:] == "]"]
        at = next((at for at, it in enumerate(before[:-8:-1]) if opening in it.text), None)
        return at is not None and any(_is_formula(it) for it in before[len(before) - 1 - at :])
    return last.face.large or (_is_formula(last) and last.text[-1:].isalpha())


def _is_formula(word: Word) -> bool:
    """Return whether a word is in a math font, or ends in a single letter that is no word."""
    lone = bool(_LONE_LETTER.search(word.text))
    return word.face.math or (lone and (word.face.italic or word.text not in "aAI"))


def is_note(word: Word, before: Word | None) -> bool:
    """Return whether a superscript is a footnote mark rather than an exponent."""
    if not _MARK.fullmatch(word.text):
        return False
    if before is None:
        return True
    if _is_formula(before):
        return False
    return bool(re.search(r"[^\W\d_]{2}[.,;:!?)\]\"”’]*$|[.,;:!?)\]\"”’%‰]$", before.text))


def text_of(
    lines: Sequence[TextLine], spelling: Spelling | None = None, *, capitals: float | None = None
) -> str:
    """Return lines as one paragraph of text.

    capitals: font size of the capitals of small capitals; by default that of the paragraph.
    """
    if capitals is None:
        capitals = _capital_size(word for line in lines for word in line.words)
    texts = [prose_of(line.words, capitals) for line in lines]
    for at, (line, after) in enumerate(pairwise(lines)):
        if line.words[-1].face.mono and after.words[0].face.mono:
            texts[at] += _SAME_FONT
        elif line.short < 0.6 and (" " not in texts[at] or _URL_TAIL.search(texts[at])):
            texts[at] += _FULL
    return joined(texts, spelling)
