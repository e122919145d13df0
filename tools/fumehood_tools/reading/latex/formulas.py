"""Render formulas as readable Unicode: `\\frac{a}{b^2}` becomes a/b².

Unknown commands are printed by their name. The tokens must already have their macros expanded.
Nesting deeper than MOST_DEEP is returned as LaTeX source.
"""

import re
import unicodedata

from fumehood_tools.reading.latex.signatures import SIGNATURES, skip
from fumehood_tools.reading.latex.symbols import (
    FUNCTIONS,
    MATH_ACCENTS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    double_struck,
    symbols,
)
from fumehood_tools.reading.latex.tokens import APART, LISTING, RAW, plain, settle

MOST_DEEP = 30
_DROPPED = {
    *("left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr"),
    *("biggl", "biggr", "Biggl", "Biggr", "displaystyle", "textstyle", "scriptstyle", "limits"),
    *("nolimits", "nonumber", "notag", "rm", "bf", "it", "cal", "mathstrut", "hfill", "allowbreak"),
    *("scriptscriptstyle", "centering", "relax", "hline"),
}
_WITH_ARGUMENT = {"label": "m", "tag": "sm", "color": "om", "cline": "m", "hskip": "m"}
_SHOWN = {
    *("mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathcal", "mathscr", "mathfrak", "bm"),
    *(
        "boldsymbol",
        "text",
        "textrm",
        "textbf",
        "textit",
        "texttt",
        "textsf",
        "mbox",
        "mathop",
    ),
    *(
        "operatorname",
        "operatornamewithlimits",
        "mathbin",
        "mathrel",
        "mathord",
        "boxed",
        "ensuremath",
    ),
    *(
        "pmb",
        "textnormal",
        "emph",
        "mathnormal",
        "underbrace",
        "overbrace",
        "textsc",
        "bold",
    ),
    *(
        "mathds",
        "overrightarrow",
        "cancel",
        "substack",
        "textup",
        "mathclose",
        "mathopen",
        "mathinner",
    ),
}
_TWO = {"textcolor", "binom", "dbinom", "tbinom", "stackrel", "overset", "underset", "href"}
_TWO |= {"xrightarrow", "xleftarrow", "genfrac"}
_MOST_GROUPS = 9
_LENGTH = re.compile(r"^=?[+-]?(?:\d*\.?\d+)?(?:pt|em|ex|cm|mm|in|sp|bp|mu)?")
_TWO_OVER = {"frac", "dfrac", "tfrac", "nicefrac", "sfrac", "cfrac"}
_EQUALS = re.compile(r"([=<>:]*[=<>])")
_RELATIONS = set("=<>≤≥≈≠∈∼→←↦⇒⇔≔≡∝⊆⊂≪≫±×·+≜∪∩")


_ABOVE, _BELOW = r"(?:\^\(\+([\d.]+)\)|⁺([⁰¹²³⁴-⁹]+))", r"(?:_\([-−]([\d.]+)\)|₋([₀-₉]+))"
_OF_LATEX = re.compile(r"[\\{}$^_%&~#]")
_SIGNS = "*∗⋆†‡§¶‖®™©"
_ORDINALS = ("st", "nd", "rd", "th")
_SPREAD = re.compile(rf"(?:^|(?<=\d)|(?<=\d\))) ?(?:{_ABOVE}{_BELOW}|{_BELOW}{_ABOVE})(?![\d.])")
_UNRAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")


FORMULA_COMMANDS = (
    _DROPPED | _WITH_ARGUMENT.keys() | _SHOWN | _TWO_OVER | _TWO | MATH_ACCENTS.keys()
) | {"sqrt", "mathbb", "not", "Bbb", "over", "kern"}


def readable(tokens: list[str]) -> str:
    """Return a formula as one line of text."""
    return settle(with_marks(tokens))


def with_marks(tokens: list[str]) -> str:
    """Return a formula as part of a line of text, in which APART still marks places."""
    text = " ".join(_Formula(tokens, 0).text().split()).replace(" ;", ";")
    if "+" in text or "⁺" in text:
        text = _SPREAD.sub(_side_by_side, text)
    return f" {text}" if text[:1] in ("±", "+") and tokens[0] in ("^", "_") else text


def script(mark: str, tokens: list[str]) -> str:
    """Return a superscript (mark ^) or subscript (_) of running text. 5th stays as it is."""
    said = "".join(tokens).strip()
    return said if said in _ORDINALS else with_marks([mark, "{", *tokens, "}"])


def script_in_text(mark: str, text: str) -> str:
    """Return a plain text as a superscript (mark ^) or subscript (_).

    A note at a number must not become one of its digits.
    """
    said = text.strip()
    if said[:1] == "[" or not said.strip(_SIGNS):
        return said
    if _OF_LATEX.search(said):
        return f"{mark}({said})"
    return settle(script(mark, list(said.replace("−", "-"))))


def _side_by_side(match: re.Match[str]) -> str:
    """Return an uncertainty that differs above and below the value: 1.2 +0.3 -0.1."""
    above, below = (
        next(filter(None, match.group(*groups))).translate(_UNRAISED)
        for groups in ((1, 2, 7, 8), (3, 4, 5, 6))
    )
    return f" +{above} -{below}"


class _Formula:
    """Reads the tokens of one group of a formula from left to right."""

    def __init__(self, tokens: list[str], depth: int) -> None:
        self._stack = tokens[::-1]
        self._depth = depth

    def text(self) -> str:
        if self._depth > MOST_DEEP:
            return plain(self._stack[::-1])
        parts: list[str] = []
        while self._stack:
            if self._stack[-1] in ("\\over", "\\above", "\\atop"):
                self._stack.pop()
                return self._quotient("".join(parts), self._inner(self._stack[::-1]))
            parts.append(self._piece())
        return "".join(parts)

    def _quotient(self, over: str, under: str) -> str:
        return f"{APART}{_bracketed(settle(over).strip())}/{_bracketed(under)}{APART}"

    def _inner(self, tokens: list[str]) -> str:
        return settle(_Formula(tokens, self._depth + 1).text()).strip()

    def pull(self) -> str:
        return self._stack.pop() if self._stack else ""

    def push(self, tokens: list[str]) -> None:
        self._stack += tokens[::-1]

    def starred(self) -> bool:
        if starred := self._next_is("*"):
            self._stack.pop()
        return starred

    def optional(self) -> list[str] | None:
        if not self._next_is("["):
            return None
        inside: list[str] = []
        self._stack.pop()
        while self._stack and (token := self._stack.pop()) != "]":
            inside.append(token)
        return inside

    def argument(self) -> list[str]:
        while self._stack and self._stack[-1].isspace():
            self._stack.pop()
        if not self._stack:
            return []
        token = self._stack.pop()
        if token == "{":
            return self._group()
        if token[0] not in "\\#" + RAW + LISTING and len(token) > 1:
            self._stack.append(token[1:])
            return [token[0]]
        return [token]

    def _group(self) -> list[str]:
        inside: list[str] = []
        depth = 0
        while self._stack:
            token = self._stack.pop()
            depth += {"{": 1, "}": -1}.get(token, 0)
            if depth < 0:
                break
            inside.append(token)
        return inside

    def _piece(self) -> str:
        token = self._stack.pop()
        first = token[0]
        if first == "\\":
            return self._command(token[1:])
        if first == "{":
            return _Formula(self._group(), self._depth + 1).text().strip()
        if first in "^_":
            return self._script(first)
        if first in RAW + LISTING:
            return token[1:]
        if first in "}$#":
            return ""
        if first in "&~":
            return " "
        return _EQUALS.sub(r" \1 ", token.replace("'", "′"))

    def _script(self, mark: str) -> str:
        inside = self._inner(self.argument())
        table = SUBSCRIPTS if mark == "_" else SUPERSCRIPTS
        if inside and all(letter in table for letter in inside):
            return "".join(table[letter] for letter in inside)
        if inside in ("∘", "°") and mark == "^":
            return "°"
        if inside.startswith("±"):
            # Tables print the spread small, and everyone quotes it as 71.3 ± 0.4.
            return f" ± {inside[1:].strip()}"
        bracketed = inside[:1] == "(" and inside[-1:] == ")" and inside.count("(") == 1
        return f"{mark}{inside}" if len(inside) < 2 or bracketed else f"{mark}({inside})"

    def _command(self, name: str) -> str:
        if name in _TWO_OVER:
            over, under = self._inner(self.argument()), self._inner(self.argument())
            return self._quotient(over, under)
        if name == "sqrt":
            index = self._inner(self.optional() or [])
            root = {"3": "∛", "4": "∜", "2": "√"}.get(index) or f"{_raised(index)}√"
            return root + _bracketed(self._inner(self.argument())) + APART
        if name in ("pmod", "pod"):
            inside = self._inner(self.argument())
            return f" (mod {inside})" if name == "pmod" else f" ({inside})"
        if name in ("mathbb", "mathds", "Bbb"):
            return double_struck(self._inner(self.argument()))
        if name in MATH_ACCENTS:
            inside = self._inner(self.argument())
            mark = MATH_ACCENTS[name]
            return unicodedata.normalize("NFC", inside[:1] + mark) + inside[1:] if inside else ""
        if name in _SHOWN:
            if name.startswith("operatorname") and self._next_is("*"):
                self._stack.pop()
            text = self._inner(self.argument())
            return self._spaced(text) if name.startswith("operatorname") else text
        return self._other(name)

    def _other(self, name: str) -> str:
        if name in _DROPPED or name.startswith(("begin{", "end{")):
            if name in ("left", "right") and self._next_is("."):
                self._stack.pop()
            return "" if name in _DROPPED else self._environment(name)
        if (signature := _WITH_ARGUMENT.get(name)) is not None:
            skip(self, signature)
            return APART
        if name in _TWO:
            return self._two(name)
        if name in ("\\", "tabularnewline", "cr"):
            return "; " if self._stack else ""
        if name == "not":
            return unicodedata.normalize("NFC", self._inner(self.argument()) + "\u0338")
        printed = symbols().get(name)
        if printed is None or SIGNATURES.get(name):
            return self._unknown(name)
        if name in FUNCTIONS:
            return self._spaced(printed)
        return f" {printed} " if printed in _RELATIONS else printed

    def _unknown(self, name: str) -> str:
        """Read a command that only changes how text looks, or print the name of an unknown one."""
        if (signature := SIGNATURES.get(name)) is not None:
            skip(self, signature)
            return APART if len(signature) > 1 else ""
        if name in ("hskip", "kern", "mkern", "mskip"):
            rest = _LENGTH.sub("", self.pull(), count=1)
            self.push([rest] if rest else [])
            return APART
        groups: list[str] = []
        while self._next_is("{") and len(groups) < _MOST_GROUPS:
            groups.append(self._inner(self.argument()))
        return self._spaced(f" {APART}".join([name, *groups])) + (APART if groups else "")

    def _two(self, name: str) -> str:
        if name in ("textcolor", "xrightarrow", "xleftarrow", "genfrac"):
            return self._odd_arguments(name)
        first, second = self._inner(self.argument()), self._inner(self.argument())
        match name:
            case "binom" | "dbinom" | "tbinom":
                return f"({first} choose {second})"
            case "stackrel" | "overset":
                return f"{second}^({first})" if first else second
            case "underset":
                return f"{second}_({first})" if first else second
            case _:
                return second

    def _odd_arguments(self, name: str) -> str:
        given = self._inner(self.optional() or [])
        first = self._inner(self.argument())
        match name:
            case "textcolor":
                return _Formula(self.argument(), self._depth + 1).text()
            case "genfrac":
                skip(self, "mmm")
                over, under = self._inner(self.argument()), self._inner(self.argument())
                return self._quotient(over, under)
            case _:
                arrow = "→" if name == "xrightarrow" else "←"
                below = f"_({given})" if given else ""
                return f" {arrow}{below}{f'^({first})' if first else ''} "

    def _environment(self, name: str) -> str:
        if name.startswith("begin{array") or name.startswith("begin{tabular"):
            self.optional()
            self.argument()
        return " "

    def _next_is(self, start: str) -> bool:
        return bool(self._stack) and self._stack[-1] == start

    def _spaced(self, text: str) -> str:
        """Append a space if the name would otherwise run into the letter that follows it."""
        follower = self._stack[-1][:1] if self._stack else ""
        return f"{text} " if follower.isalnum() or follower == "\\" else text


def _raised(text: str) -> str:
    return "".join(SUPERSCRIPTS.get(letter, letter) for letter in text)


def _bracketed(text: str) -> str:
    return text if text.isalnum() or len(text) < 2 else f"({text})"
