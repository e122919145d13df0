"""Parse the numbers of headings, and check that they form one consistent outline."""

import re
from typing import Literal, NamedTuple

Scheme = Literal["arabic", "roman", "letter"]
_ROMAN_NUMERALS = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX"
_ROMAN = {name: value for value, name in enumerate(_ROMAN_NUMERALS.split(), 1)}
_NUMBER = re.compile(
    r"(?:(?P<word>Appendix|Section|Chapter|Supplement)\s+)?"
    r"(?P<number>[A-Z](?:\.\d{1,2}){0,3}|\d{1,2}(?:\.\d{1,2}){0,3}|[IVX]{1,6})"
    r"(?P<mark>[.:)]?)(?:\s+|$)",
    re.I,
)


class Number(NamedTuple):
    """A heading's number as printed, and its possible readings.

    parts: (2, 1) for "2.1". schemes: the ways to read it, most likely first. length: characters up
    to the title.
    """

    printed: str
    mark: str
    word: str
    parts: tuple[int, ...]
    schemes: tuple[Scheme, ...]
    length: int


def number_at_start(text: str) -> Number | None:
    """Return the number at the start of a heading, or None."""
    match = _NUMBER.match(text)
    if not match:
        return None
    printed, word = match["number"], match["word"] or ""
    head, *rest = printed.split(".")
    if not word and head != head.upper():
        return None
    tail = tuple(int(part) for part in rest)
    head = head.upper()
    if head.isdigit():
        parts: tuple[int, ...] = (int(head), *tail)
        schemes: tuple[Scheme, ...] = ("arabic",)
    elif len(head) > 1:
        if head not in _ROMAN or rest:
            return None
        parts, schemes = (_ROMAN[head],), ("roman",)
    else:
        parts = (ord(head) - 64, *tail)
        # "I." may be Roman one (the first section) or the letter I (the ninth appendix).
        schemes = ("roman", "letter") if head in _ROMAN and not rest and not word else ("letter",)
    return Number(printed.upper(), match["mark"], word, parts, schemes, match.end())


def without_number(title: str) -> str:
    """Return a title without the number at its start."""
    number = number_at_start(title)
    return title[number.length :] if number and len(title) > number.length else title


def squeezed(text: str) -> str:
    """Return the letters and digits of a text in lower case, to compare titles."""
    return "".join(filter(str.isalnum, text.casefold()))


class NumberedOutline:
    """The numbers accepted so far. A new number is accepted only if it continues them.

    One number may be skipped, because a heading can be missed; appendix letters may not skip any.
    """

    def __init__(self) -> None:
        self._path: list[int] = []
        self._scheme: Scheme | None = None
        self._letters: list[int] = []
        self._in_appendix = False

    def level(self, number: Number) -> int | None:
        """Return the level of a number that continues the outline, and remember it, or None."""
        for scheme in number.schemes:
            level = self._try(number, scheme)
            if level:
                return level
        return None

    def _try(self, number: Number, scheme: Scheme) -> int | None:
        if scheme == "letter":
            return self._letter(number)
        if number.mark == ")" or self._in_appendix and scheme == "arabic" and number.parts[0] < 2:
            return None
        if scheme == "roman":
            value = _ROMAN[number.printed]
            if self._scheme == "arabic" or not self._follows([value], roman=True):
                return None
            self._path, self._scheme, self._letters = [value], "roman", []
            return 1
        parts = list(number.parts)
        if self._scheme == "roman" or not self._follows(parts):
            return None
        self._path, self._scheme = parts, "arabic"
        return len(parts)

    def _follows(self, parts: list[int], *, roman: bool = False) -> bool:
        """Return whether a number continues the last accepted one."""
        depth, path = len(parts), self._path
        if depth == 1:
            top = path[0] if path else 0
            low = 1 if path or roman else 0
            return low <= parts[0] - top <= 2 if path else parts[0] in (0, 1, 2)
        if depth > len(path) + 2 or parts[: depth - 1] != (path + [1, 1])[: depth - 1]:
            # Accept "3.1" after section 2 even if the heading of section 3 was not found.
            return bool(path) and depth == 2 and parts[0] == path[0] + 1 and parts[1] == 1
        before = path[depth - 1] if len(path) >= depth else 0
        return 1 <= parts[-1] - before <= 2

    def _letter(self, number: Number) -> int | None:
        """Return the level of a letter, or None.

        Letters number subsections below Roman sections (the IEEE style), and appendices elsewhere.
        """
        head, *tail = number.parts
        if self._scheme == "roman" and not number.word and not tail and not self._in_appendix:
            before = self._letters[0] if self._letters else 0
            if head - before != 1 or not number.mark:
                return None
            self._letters = [head]
            return 2
        path = self._letters if self._in_appendix else []
        if not tail:
            if head - (path[0] if path else 0) != 1:
                return None
            self._letters, self._in_appendix = [head], True
            return 1
        depth = len(tail) + 1
        if not path or path[: depth - 1] != [head, *tail][: depth - 1]:
            return None
        before = path[depth - 1] if len(path) >= depth else 0
        if not 1 <= tail[-1] - before <= 2:
            return None
        self._letters = [head, *tail]
        return depth
