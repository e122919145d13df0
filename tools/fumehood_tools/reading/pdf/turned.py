"""Read the heads of table columns that are turned by a quarter, as words above their column.

Other turned text, such as the label of an axis, is not read.
"""

from collections.abc import Sequence
from statistics import median

from fumehood_tools.reading.pdf.pages import TurnedLetter
from fumehood_tools.reading.pdf.regions import Rule
from fumehood_tools.reading.pdf.words import Word

_SPACE = 0.15


def turned_heads(
    letters: Sequence[TurnedLetter], frame: Sequence[Rule], words: Sequence[Word]
) -> list[Word]:
    """Return the turned heads between the first two rules of a table, on one baseline.

    frame: the long rules of the table from the top. words: its upright words.
    """
    if len(frame) < 3 or not words:
        return []
    top, low = frame[0], frame[1].y
    inside = [
        it
        for it in letters
        if top.x0 - 5 < (it.box[0] + it.box[2]) / 2 < top.x1 + 5
        and top.y < (it.box[1] + it.box[3]) / 2 < low
    ]
    base = max((word.base for word in words if top.y < word.base < low), default=low - 2)
    size, face = median(word.size for word in words), words[0].face
    return [
        Word(text, it[0].box[0], it[0].box[2], base, size, face)
        for it in _phrases(inside)
        if (text := _text(it))
    ]


def _phrases(letters: Sequence[TurnedLetter]) -> list[list[TurnedLetter]]:
    """Return runs of letters that stand above each other."""
    found: list[list[TurnedLetter]] = []
    for letter in letters:
        last = found[-1][-1] if found else None
        across = letter.box[2] - letter.box[0]
        if last and abs(last.box[0] - letter.box[0]) < 0.3 * across and _gap(last, letter) < across:
            found[-1].append(letter)
        else:
            found.append([letter])
    return found


def _gap(last: TurnedLetter, letter: TurnedLetter) -> float:
    return max(last.box[1] - letter.box[3], letter.box[1] - last.box[3])


def _text(letters: Sequence[TurnedLetter]) -> str:
    text = letters[0].text
    for last, letter in zip(letters, letters[1:], strict=False):
        across = letter.box[2] - letter.box[0]
        text += (" " if _gap(last, letter) > _SPACE * across else "") + letter.text
    return text
