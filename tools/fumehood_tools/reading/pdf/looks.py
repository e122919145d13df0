"""Describe the look of a line, the look of the running text, and headings."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.numbering import number_at_start


class Bookmark(NamedTuple):
    """An entry of the outline stored in the PDF. Pages and levels count from 1."""

    level: int
    title: str
    page: int


class Look(NamedTuple):
    """The features that can set a heading apart from the text. size is in points."""

    size: float
    bold: bool
    italic: bool
    caps: bool


@dataclass(slots=True)
class Head:
    """A heading. run_in: how many words of its line belong to it; 0 means the whole line."""

    level: int
    number: str | None
    text: str
    lines: list[TextLine]
    run_in: int = 0


class Style(NamedTuple):
    """The look of the running text: font size and distance between baselines, in points."""

    size: float
    pitch: float

    @classmethod
    def of(cls, lines: Sequence[TextLine]) -> "Style":
        """Return the font size of most letters, and the most common distance of lines in that
        size.
        """
        sizes: Counter[float] = Counter()
        for line in lines:
            sizes[round(line.size * 5) / 5] += sum(len(word.text) for word in line.words)
        size = sizes.most_common(1)[0][0] if sizes else 10.0
        steps = Counter(
            round(after.base - before.base, 1)
            for before, after in zip(lines, lines[1:], strict=False)
            if before.column == after.column and 0.9 * size < after.base - before.base < 2.2 * size
            if abs(before.size - size) < 0.3 and abs(after.size - size) < 0.3
        )
        return cls(size, steps.most_common(1)[0][0] if steps else 1.2 * size)


def look_of(line: TextLine) -> Look:
    """Return the look of a line, ignoring its heading number."""
    words = line.words
    if len(words) > 1 and number_at_start(f"{words[0].text} x"):
        words = words[1:]
    letters = "".join(word.text for word in words if not word.script)
    total = len(letters) or 1
    upper = sum(char.isupper() for char in letters)
    alpha = sum(char.isalpha() for char in letters)

    def most(test: str) -> bool:
        return sum(len(it.text) for it in words if getattr(it.face, test)) > 0.7 * total

    def is_small() -> bool:
        # Imitated small capitals are read as "Reading ENVIRONMENT" if a word has no large one.
        return sum(len(it.text) for it in words if it.face.caps or it.text.isupper()) > 0.9 * total

    return Look(
        size=round(max(word.size for word in words) * 2) / 2,
        bold=most("bold"),
        italic=most("italic"),
        caps=most("caps")
        or (alpha > 3 and (upper > 0.85 * alpha or (upper > 0.3 * alpha and is_small()))),
    )
