"""Compute the numbers LaTeX prints for sections, figures, tables, equations and theorems.

Document classes differ: IEEEtran and REVTeX number sections I, A, 1 and tables I; books number
within chapters. `\\renewcommand{\\thesection}{…}`, `\\numberwithin` and `\\setcounter` are
followed.
"""

import functools
import re
from collections.abc import MutableMapping

from fumehood_tools.reading.latex.macros import Macro
from fumehood_tools.reading.latex.tokens import plain

SECTIONS = (
    "part",
    "chapter",
    "section",
    "subsection",
    "subsubsection",
    "paragraph",
    "subparagraph",
)
_ROMAN_CLASSES = ("ieeetran", "ieeeconf", "revtex4", "revtex4-1", "revtex4-2")
_BOOKS = ("book", "report", "scrbook", "scrreprt", "memoir", "thesis")
_ROMAN = (
    *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L")),
    *((40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
)
_PLACE = re.compile(r"\\(arabic|Alph|alph|Roman|roman|the|fnsymbol)\s*\{?\s*\\?(\w+)\s*\}?")


_NOT_PRINTED = re.compile(r"[{}$~]|\\[A-Za-z]+\s*|\\.")


@functools.lru_cache(maxsize=1_000)
def _parts(form: str) -> list[tuple[str, str]]:
    """Return how a counter is printed: pairs of a style and a counter, or of "" and a text."""
    parts, at = list[tuple[str, str]](), 0
    for place in _PLACE.finditer(form):
        parts += [("", form[at : place.start()]), (place[1], place[2])]
        at = place.end()
    return [*parts, ("", form[at:])]


class Counters:
    """Counts as LaTeX does, and formats the numbers as it prints them."""

    def __init__(self, macros: MutableMapping[str, Macro]) -> None:
        """macros: those of the paper, which may redefine \\thesection and its like."""
        self._macros = macros
        self._values: dict[str, int] = {}
        self._within: dict[str, str] = {}
        self._formats: dict[str, str] = {}
        self._outside: tuple[int, str | None] = (0, None)
        self.deepest = 3
        self.in_appendix = False
        self.book = False
        for outer, inner in zip(SECTIONS[1:], SECTIONS[2:], strict=False):
            self._within[inner] = outer
        for outer, inner in zip(SECTIONS[2:], SECTIONS[3:], strict=False):
            self._formats[inner] = rf"\the{outer}.\arabic{{{inner}}}"

        self._formats["part"] = r"\Roman{part}"

    def use_class(self, name: str) -> None:
        """Apply the numbering of a document class."""
        name = name.lower()
        if name.startswith(_ROMAN_CLASSES):
            self._formats |= {"section": r"\Roman{section}", "table": r"\Roman{table}"}
            self._formats |= {
                "subsection": r"\Alph{subsection}",
                "subsubsection": r"\arabic{subsubsection}",
            }
        if name.startswith("llncs"):
            self.deepest = 2
        if name in _BOOKS:
            self.book, self.deepest = True, 2
            for counter in ("section", "figure", "table", "equation"):
                self.number_within(counter, "chapter")

    def number_within(self, counter: str, outer: str) -> None:
        """Reset a counter whenever an outer one steps, and print both numbers."""
        if counter != outer:
            self._macros.pop(f"\\the{counter}", None)
            self._within[counter] = outer
            self._formats[counter] = rf"\the{outer}.\arabic{{{counter}}}"

    def set(self, counter: str, value: int) -> None:
        """Set a counter. Setting secnumdepth changes which heading levels are numbered."""
        if counter in ("secnumdepth",):
            self.deepest = value
        else:
            self._values[counter] = value

    def value(self, counter: str) -> int:
        """Return the current value of a counter, 0 if it has never been set."""
        return self._values.get(counter, 0)

    def step(self, counter: str) -> str:
        """Increment a counter, reset the counters within it, and return the printed number."""
        self._values[counter] = self.value(counter) + 1
        self._restart(counter, 0)
        return self.printed(counter)

    def printed(self, counter: str, depth: int = 0) -> str:
        """Return the current number of a counter as printed."""
        if depth > 8:
            return ""
        form = self._form(counter)

        parts = [
            text
            if not style
            else self.printed(text, depth + 1)
            if style == "the"
            else _formatted(style, self.value(text))
            for style, text in _parts(form)
        ]
        text = "".join(parts)
        if "\\" in text or "{" in text or "}" in text or "$" in text or "~" in text:
            text = _NOT_PRINTED.sub("", text)
        # The leading zero is dropped for sections before the first chapter and for figures before
        # the first section.
        return text.strip().removeprefix("0.") if text.startswith("0.") else text.strip()

    def _form(self, counter: str) -> str:
        """Return how a counter is printed: as the paper defines it, or as its class does."""
        if (own := self._macros.get(f"\\the{counter}")) is not None:
            return re.sub(r"\\c?@", r"\\", plain(own.body))
        return self._formats.get(counter, rf"\arabic{{{counter}}}")

    def counts(self, counter: str) -> bool:
        """Return whether a counter is known."""
        return counter in self._values or counter in self._within

    def upcoming(self, counter: str, more: int) -> str:
        """Return the number that a counter will print after `more` further steps."""
        self._values[counter] = self.value(counter) + more
        text = self.printed(counter)
        self._values[counter] -= more
        return text

    def shown(self, style: str, counter: str) -> str:
        """Return the value of a counter in a style: arabic, Alph, alph, Roman, roman."""
        return _formatted(style, self.value(counter))

    def begin_sub(self, counter: str, main: str) -> None:
        """Number equations as 3a, 3b, … until `end_sub`."""
        self._macros.pop(f"\\the{counter}", None)
        self._outside = self.value(counter), self._formats.get(counter)
        self._values[counter] = 0
        self._formats[counter] = rf"{main}\alph{{{counter}}}"

    def end_sub(self, counter: str) -> None:
        """Restore the numbering that was in use before `begin_sub`."""
        value, form = self._outside
        if counter in self._formats and value:
            self._values[counter] = value
            del self._formats[counter]
            if form is not None:
                self._formats[counter] = form
        self._outside = 0, None

    def appendix(self) -> None:
        """Switch sections (chapters in a book) to letters, beginning again at A."""
        outer = "chapter" if self.book else "section"
        self.in_appendix = True
        self._values[outer] = 0
        self._restart(outer, 0)
        self._macros.pop(f"\\the{outer}", None)
        self._formats[outer] = rf"\Alph{{{outer}}}"

    def _restart(self, counter: str, depth: int) -> None:
        if depth < 8 and counter in self._within.values():
            for inner in [inner for inner, outer in self._within.items() if outer == counter]:
                self._values[inner] = 0
                self._restart(inner, depth + 1)


def letter(value: int) -> str:
    """Return a to z for 1 to 26, nothing for 0, and the number itself for other values."""
    return chr(96 + value) if 1 <= value <= 26 else str(value or "")


def _formatted(style: str, value: int) -> str:
    match style:
        case "Alph":
            return letter(value).upper()
        case "alph":
            return letter(value)
        case "Roman":
            return _roman(value)
        case "roman":
            return _roman(value).lower()
        case _:
            return str(value)


def _roman(value: int) -> str:
    text = ""
    for worth, sign in _ROMAN:
        while value >= worth and len(text) < 20:
            text += sign
            value -= worth
    return text
