"""Recognize the lines of an algorithm: statements with numbers, keywords and assignments."""

import re
from collections.abc import Sequence

from fumehood_tools.reading.pdf.lines import TextLine

_LINE_NUMBER = re.compile(r"(\d{1,3})([:.]?)")
_KEYWORD = re.compile(
    r"(for|foreach|while|if|else|elif|end|endfor|endif|endwhile|repeat|until|return|do|then|input|"
    r"output|require|ensure|procedure|function|initiali[sz]e|loop|begin|data|result|print|call|def|"
    r"import|class|break|continue|yield)\b",
    re.I,
)
_ASSIGNMENT = re.compile(r"\u2190|:=|\w\s*[+*/-]?=\s*\S|\u25b7|\u25b9|//|\(\)")
_LEAST = 3


def is_program(lines: Sequence[TextLine]) -> bool:
    """Return whether lines are a program, and not a table with numbered rows or math in it."""
    if len(lines) < _LEAST:
        return False
    texts = [_statement(line) for line in lines]
    keywords = sum(bool(_KEYWORD.match(text)) for text in texts)
    likely = sum(bool(_KEYWORD.match(text) or _ASSIGNMENT.search(text)) for text in texts)
    numbers = [_number(line) for line in lines]
    steps = sum(
        one is not None and other == one + 1
        for one, other in zip(numbers, numbers[1:], strict=False)
    )
    if steps >= max(2, 0.5 * len(lines)):
        return keywords > 0 and likely >= 0.3 * len(lines)
    return keywords >= 0.4 * len(lines) and likely >= 0.7 * len(lines)


def goes_on_counting(body: Sequence[TextLine], line: TextLine) -> bool:
    """Return whether a line has the number that follows those of the lines before, or is the first.

    A line without a number between two with numbers is not looked for.
    """
    match = _LINE_NUMBER.fullmatch(line.words[0].text)
    if not match or match[2] != ":":
        return False
    numbers = [number for it in body if (number := _number(it)) is not None]
    return int(match[1]) == (numbers[-1] + 1 if numbers else 1)


def _number(line: TextLine) -> int | None:
    match = _LINE_NUMBER.fullmatch(line.words[0].text) if len(line.words) > 1 else None
    return int(match[1]) if match else None


def _statement(line: TextLine) -> str:
    """Return the text of a line without its number."""
    return line.without(1).text if _number(line) is not None else line.text
