"""Join lines into running text, removing hyphenation and footnote marks.

A hyphen at the end of a line is kept if the paper writes the word with a hyphen elsewhere, or if
the part before it commonly forms compounds. It is removed if the joined word occurs elsewhere in
the paper, or if nothing is known. Web addresses broken at a line end are joined without a space.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.words import HYPHENS, SOFT_HYPHENS, Word, join_words

_SOFT = re.compile(f"[{SOFT_HYPHENS}]")
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
    "tion tions ance fully less ship hood ened ening ning ment ings ists ities"
)
_STRONG, _WEAK, _ENDINGS = (
    frozenset(words.split()) for words in (_STRONG_WORDS, _WEAK_WORDS, _ENDING_WORDS)
)
_MARK = re.compile(r"(?:\d{1,2}(?:,\d{1,2})*|[*\u2217\u2020\u2021\u00a7\u00b6#\u2225]{1,3})[,]?")
_URL_TAIL = re.compile(r"(?:https?://|www\.)\S*$|\b10\.\d{4,9}/\S*$")
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
        joined, kept = self._known[left + right], self._known[f"{left}-{right}"]
        if joined or kept:
            return kept > joined
        if "-" in left or "-" in right:
            return True
        if left in _STRONG and len(right) > 3 and right not in _ENDINGS:
            return True
        return left in _WEAK and right in self._known


def joined(texts: Sequence[str], spelling: Spelling | None = None) -> str:
    """Return lines of text as one line."""
    text = ""
    for line in texts:
        line = line.strip()
        if not line:
            continue
        text = _with(text, line, spelling) if text else line
    return " ".join(_SOFT.sub("-", text).split())


def _with(text: str, line: str, spelling: Spelling | None) -> str:
    """Append a line to a text, joining words and web addresses that are broken between them."""
    if text.endswith(("http:", "https:")) and line.startswith("//"):
        return text + line
    last = text[-1]
    tail = _URL_TAIL.search(text)
    head = line.split(maxsplit=1)[0]
    if tail and last in "/-_.=?&%~#" + HYPHENS and _URL_GOES_ON.fullmatch(head):
        return (text[:-1] + "-" if last in HYPHENS else text) + line
    if last in HYPHENS and text[-2:-1].strip():
        before, after = text[:-1].rpartition(" ")[2], head
        keep = spelling.keeps_hyphen(before, after) if spelling else not after[:1].islower()
        return f"{text[:-1]}-{line}" if keep else text[:-1] + line
    if last in "\u2013\u2014" and text[-2:-1].strip() or line[0] == "\u2014":
        return text + line
    return f"{text} {line}"


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
    for at, word in enumerate(words):
        if word.script != "super":
            if word.size < 0.87 * largest and word.text.upper() == word.text:
                word = replace(word, text=word.text.lower())
            kept.append(word)
            continue
        before = words[at - 1] if at else None
        if _is_note(word, before):
            continue
        if word.glued and before and before.text[-1:].isdigit() and word.text[:1] in "0123456789-−":
            word = replace(word, text=f"^{word.text}", glued=True)
        kept.append(word)
    return join_words(kept)


def _is_note(word: Word, before: Word | None) -> bool:
    """Return whether a superscript is a footnote mark rather than an exponent."""
    if not _MARK.fullmatch(word.text):
        return False
    if before is None:
        return True
    if before.face.math or (before.face.italic and len(before.text) == 1):
        return False
    return bool(re.search(r"[^\W\d_]{2}[.,;:!?)\]\"”’]*$|[.,;:!?)\]\"”’]$", before.text))


def text_of(lines: Sequence[TextLine], spelling: Spelling | None = None) -> str:
    """Return lines as one paragraph of text."""
    capitals = _capital_size(word for line in lines for word in line.words)
    return joined([prose_of(line.words, capitals) for line in lines], spelling)
