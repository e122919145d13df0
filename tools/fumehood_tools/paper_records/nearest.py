"""Find the passage of a document that is most similar to a misquotation, and list the differences.

1. Words of the quote vote for the passages that contain them, weighted by how rare they are (idf);
   words that occur in more than a tenth of many passages have no vote. Twelve passages are chosen.
2. rapidfuzz aligns the quote with each of them (partial alignment).
3. The best alignment is compared with the quote word by word.
Only twelve passages are aligned, so the time does not grow with the paper. The index is built once
per document, and only if a quote is not found.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from fumehood_tools.paper_records.normal_form import is_negation, words
from fumehood_tools.paper_records.numbers import meanings, numbers_in
from fumehood_tools.paper_records.passages import Passage
from fumehood_tools.reading.text_search import STOP, stem

ALIKE = 95.0
"""Percent similarity above which a quotation with harmless differences is flagged, not refused."""

_MOST_PASSAGES = 12
_TOKEN = re.compile(r"[^\W_]+(?:[.,'’][^\W_]+)*%?|[<>=≤≥±≠]")
_TURNING_WORDS = (
    "only all every each some any most more less least fewer few many much always often sometimes "
    "increase decrease increases decreases increased decreased increasing decreasing higher lower "
    "high low highest lowest better worse best worst above below before after larger smaller "
    "outperforms underperforms outperform underperform positive negative with may might must can "
    "could should would same different first last both either than < > = ≤ ≥ ± ≠"
)
_TURNING = frozenset(_TURNING_WORDS.split())
_TURNING_PREFIXES = frozenset(
    ["a", "un", "in", "im", "il", "ir", "non", "dis", "de", "mis", "anti"]
)


class Nearest(NamedTuple):
    """The most similar words of the paper."""

    passage: Passage
    text: str
    alike: float
    """Similarity of the letters, in percent."""
    turns: list[str]
    """Differences that change the meaning: numbers, negations, content words."""
    slips: list[str]
    """Differences that do not change it: spelling, inflection, articles."""


class NearestPassage:
    """Finds the most similar passages of one document, for any number of quotes."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._holding: dict[str, list[int]] = defaultdict(list)
        for number, passage in enumerate(passages):
            for word in set(words(passage.text)):
                self._holding[word].append(number)

    def find(self, quote: str) -> Nearest | None:
        """Return the words most similar to a clean quote, or None if none of its words occurs."""
        from rapidfuzz import fuzz

        best: tuple[float, int, str] | None = None
        lowered = _lower(quote)
        for number in self._likely(quote):
            window = self._window(number, len(quote))
            # partial_ratio_alignment searches the shorter text in the longer one, so the window is
            # padded to at least the length of the quote.
            window = window.ljust(len(quote))
            found = fuzz.partial_ratio_alignment(
                lowered, _lower(window), score_cutoff=best[0] if best else 0
            )
            if found and (best is None or found.score > best[0]):
                best = found.score, number, _whole(window, found.dest_start, found.dest_end)
        if best is None:
            return None
        alike, number, text = best
        turns, slips = differences(quote, text)
        return Nearest(self._passages[number], text, alike, turns, slips)

    def _likely(self, quote: str) -> list[int]:
        scores: Counter[int] = Counter()
        total = len(self._passages)
        for word in set(words(quote)):
            holding = self._holding.get(word, [])
            if holding and (len(holding) < 200 or len(holding) * 10 < total):
                weight = math.log(1 + total / len(holding))
                for number in holding:
                    scores[number] += weight  # type: ignore[assignment]
        return sorted(scores, key=lambda number: (-scores[number], number))[:_MOST_PASSAGES]

    def _window(self, number: int, reach: int) -> str:
        """Return a passage with `reach` characters of its neighbors on both sides."""
        before = self._passages[number - 1].text[-reach:] if number else ""
        after = " ".join(passage.text for passage in self._passages[number + 1 : number + 3])
        return " ".join(
            part for part in (before, self._passages[number].text, after[:reach]) if part
        )


def differences(quote: str, text: str) -> tuple[list[str], list[str]]:
    """Return the differences word by word: those that change the meaning, and harmless ones."""
    ours, theirs = _TOKEN.findall(quote), _TOKEN.findall(text)
    turns, slips = list[str](), list[str]()
    for a, b in _replaced(ours, theirs):
        told = f"“{' '.join(a)}” for “{' '.join(b)}”" if a and b else (
            f"“{' '.join(a)}” added" if a else f"“{' '.join(b)}” left out"
        )  # fmt: skip
        (slips if _is_harmless(a, b) else turns).append(told)
    return turns, slips


def _replaced(ours: list[str], theirs: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    lowered = [[token.lower() for token in side] for side in (ours, theirs)]
    matcher = SequenceMatcher(None, lowered[0], lowered[1], autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        a, b = ours[i:j], theirs[k:m]
        at_edge = i == 0 or j == len(ours)
        if kind == "equal" or (at_edge and not a):
            continue
        if at_edge and a and b:
            # The paper's words around the quote are not a difference, and neither is a word that
            # the quote cuts at its edge.
            b = b[-len(a) :] if i == 0 else b[: len(a)]
            cut = a[0] if i == 0 else a[-1]
            full = b[0] if i == 0 else b[-1]
            is_cut = (
                full.lower().endswith(cut.lower())
                if i == 0
                else full.lower().startswith(cut.lower())
            )
            if is_cut and not re.search(r"\d", full):
                a, b = (a[1:], b[1:]) if i == 0 else (a[:-1], b[:-1])
        if a or b:
            yield a, b


def _is_harmless(a: list[str], b: list[str]) -> bool:
    both = [*words(" ".join(a)), *words(" ".join(b)), *(t for t in (*a, *b) if t in _TURNING)]
    if "".join(a).casefold() == "".join(b).casefold():
        return not any(map(is_negation, both))
    if any(letter.isdigit() for token in (*a, *b) for letter in token):
        return _same_numbers(" ".join(a), " ".join(b))
    if any(is_negation(word) or word in _TURNING for word in both):
        return False
    if len(a) == len(b) and all(map(_is_slip, a, b)):
        return True
    return all(word in STOP for word in both)


def _same_numbers(a: str, b: str) -> bool:
    ours, theirs = numbers_in(a), numbers_in(b)
    left = [re.sub(r"[\d.,]+", "", side) for side in (a, b)]
    return (
        bool(ours)
        and [n.value for n in ours] == [n.value for n in theirs]
        and meanings(ours) == meanings(theirs)
        and left[0].casefold() == left[1].casefold()
    )


def _is_slip(ours: str, theirs: str) -> bool:
    """Return whether one word is a misspelling or inflection of the other, not its opposite."""
    from rapidfuzz.distance import OSA

    a, b = ours.casefold(), theirs.casefold()
    if a == b or stem(a) == stem(b):
        return True
    short, long = sorted((a, b), key=len)
    if long.endswith(short) and long.removesuffix(short) in _TURNING_PREFIXES:
        return False
    return len(short) > 3 and OSA.distance(a, b) <= 1


def _whole(text: str, start: int, end: int) -> str:
    """Return text[start:end], extended to whole words."""
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[start:end].strip()


def _lower(text: str) -> str:
    """Return the text in lower case if that keeps its length (so positions stay valid)."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text
