"""Tell the numbers of sections from those of list items, and from letters that are words.

A list item has its number in front of text that hangs beside it. Sections share one look: the size
and face of their numbers and the mark after them. Nothing in front of the abstract is a section.
The "A" of "A Related work" is a number if another heading confirms it.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from fumehood_tools.reading.pdf.candidates import Candidate
from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.numbering import squeezed

_ABSTRACT = re.compile(r"(a\s?b\s?s\s?t\s?r\s?a\s?c\s?t|summary)\b\s*([.:\u2013\u2014-]?)", re.I)
_AFTER_TEXT = re.compile(r"references|bibliography|literature|appendi(x|ces)|supplement\w*", re.I)


class _NumberLook(NamedTuple):
    """What the numbers of all sections share. size in points; indented: not at the left edge."""

    size: float
    bold: bool
    italic: bool
    mark: str
    indented: bool

    @classmethod
    def of(cls, it: Candidate) -> "_NumberLook":
        word, line = it.lines[0].words[0], it.lines[0]
        mark = it.number.mark if it.number else ""
        return cls(word.size, word.face.bold, word.face.italic, mark, line.indent > 0.7)

    def fits(self, sections: "_NumberLook") -> bool:
        """Return whether the number of a section can look like this one."""
        sized = abs(self.size - sections.size) < 0.06 * sections.size
        faced = self.bold == sections.bold and self.italic == sections.italic
        placed = sections.indented or not self.indented
        return sized and faced and (placed or self.mark == sections.mark)


def without_false_numbers(
    candidates: Sequence[Candidate], lines: Sequence[TextLine], bookmarks: set[str]
) -> list[Candidate]:
    """Return the candidates without list items, and with the number of each one decided.

    bookmarks: squeezed titles of the bookmarks, as they are printed.
    """
    start = _front_end(lines)
    some = [it for it in candidates if not (it.number and (it.at < start or _is_item(it, lines)))]
    gone = {it.at for it in _initials(some)}
    some = [it for it in some if it.at not in gone]
    sections = _section_look(some)
    kept = [it for it in some if _is_marked(it, bookmarks) or _is_like(it, sections)]
    return [_decided(it, at, kept, bookmarks) for at, it in enumerate(kept)]


def _front_end(lines: Sequence[TextLine]) -> int:
    """Return the index of the line that begins the abstract, or 0."""
    first = lines[0].page if lines else 0
    for at, line in enumerate(takewhile(lambda it: it.page == first, lines)):
        match = _ABSTRACT.match(line.text)
        face = line.words[0].face
        named = face.bold or face.caps or face.italic or line.words[0].text.isupper()
        if match and (named or match[2] or match.end() >= len(line.text)):
            return at
    return 0


def _is_item(it: Candidate, lines: Sequence[TextLine]) -> bool:
    """Return whether the lines below a number hang beside it, as those of a list item do."""
    if not it.number or it.number.word or len(it.number.parts) > 1 or len(it.lines[0].words) < 2:
        return False
    first, last, text = it.lines[0], it.lines[-1], it.lines[0].words[1].x0
    below = lines[it.at + len(it.lines) : it.at + len(it.lines) + 2]
    if not below or text < first.x0 + 4 or first.size > 1.06 * below[0].size:
        return False
    base, hanging = last.base, 0
    for line in below:
        if line.page != last.page or not 0 < line.base - base < 1.8 * line.size:
            break
        if abs(line.x0 - text) > 2:
            return bool(hanging) and line.x0 > first.x0 - 1 and _begins_item(line, first)
        base, hanging = line.base, hanging + 1
    return hanging > 0


def _begins_item(line: TextLine, first: TextLine) -> bool:
    """Return whether a line begins with a number below that of another item."""
    return abs(line.words[0].x1 - first.words[0].x1) < 2 and line.words[0].text[-1:] in ".):"


def _initials(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield candidates in front of the first section whose "A." or "I." is that of a name."""
    ones = [it.at for it in candidates if it.number and it.number.printed in ("0", "1")]
    for at, it in enumerate(candidates):
        if it.number is None or it.number.word or it.number.printed not in ("A", "I"):
            continue
        after = [_printed(other) for other in candidates[at + 1 :]]
        follows = "B" if it.number.printed == "A" else "II"
        early = bool(ones) and it.at < ones[0] and follows not in after
        # Only the last "I." in front of "II." numbers a section.
        end = after.index(follows) if follows in after else len(after)
        if early or (it.number.printed == "I" and "I" in after[:end]):
            yield it


def _printed(it: Candidate) -> str:
    return it.number.printed if it.number else ""


def _section_look(candidates: Sequence[Candidate]) -> _NumberLook | None:
    """Return the look of the largest number among those that can begin the sections."""
    firsts = [it for it in candidates if _is_section(it) and it.number and it.number.parts[0] < 3]
    looks = [_NumberLook.of(it) for it in firsts]
    return max(looks, key=lambda it: (round(it.size), it.bold), default=None)


def _is_section(it: Candidate) -> bool:
    return it.number is not None and it.number.printed.isdigit() and not it.number.word


def _is_like(it: Candidate, sections: _NumberLook | None) -> bool:
    """Return whether a candidate with a single number looks like the sections."""
    if sections is None or not it.number or it.number.word or len(it.number.parts) > 1:
        return True
    if it.number.schemes[0] == "roman":
        return True
    return _NumberLook.of(it).fits(sections)


def _is_marked(it: Candidate, bookmarks: set[str]) -> bool:
    whole = " ".join(line.text for line in it.lines)
    return bool(it.number) and bool({squeezed(whole), squeezed(it.title)} & bookmarks)


def _decided(
    it: Candidate, at: int, candidates: Sequence[Candidate], bookmarks: set[str]
) -> Candidate:
    """Return a candidate whose loose letter is either its number or a part of its title."""
    if not it.loose or not it.number or _confirms(it, at, candidates, bookmarks):
        return it
    whole = " ".join([it.number.printed, it.title])
    return it._replace(number=None, title=whole, loose=False)


def _confirms(it: Candidate, at: int, candidates: Sequence[Candidate], bookmarks: set[str]) -> bool:
    """Return whether other headings show that a letter with a plain space is a number.

    Letters after A are confirmed by those before them, when the outline is made.
    """
    assert it.number is not None
    if it.number.printed != "A" or squeezed(it.title) in bookmarks:
        return True
    for other in candidates[at + 1 :]:
        number = other.number
        if number and (number.printed == "A.1" or number.printed == "B" and other.look == it.look):
            return True
    before = [other for other in candidates[:at] if _is_section(other)]
    narrow = [other for other in before if _gap(other) < 0.5 * other.lines[0].size]
    after_text = any(_AFTER_TEXT.fullmatch(other.title.strip(" .:")) for other in candidates[:at])
    alike = bool(before) and before[0].look == it.look
    return after_text and alike and len(narrow) > 0.5 * len(before)


def _gap(it: Candidate) -> float:
    words = it.lines[0].words
    return words[1].x0 - words[0].x1 if len(words) > 1 else 0.0
