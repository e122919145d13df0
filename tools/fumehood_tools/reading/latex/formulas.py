"""Render formulas as readable Unicode: `\\frac{a}{b^2}` becomes a/b².

Unknown commands are printed by their name. The tokens must already have their macros expanded.
Nesting deeper than MOST_DEEP is returned as LaTeX source.
"""

import re
import unicodedata

from fumehood_tools.reading.latex.symbols import (
    FUNCTIONS,
    MATH_ACCENTS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    double_struck,
    symbols,
)
from fumehood_tools.reading.latex.tokens import LISTING, RAW, plain

MOST_DEEP = 30
_DROPPED = {
    *("left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr"),
    *("biggl", "biggr", "Biggl", "Biggr", "displaystyle", "textstyle", "scriptstyle", "limits"),
    *("nolimits", "nonumber", "notag", "rm", "bf", "it", "cal", "mathstrut", "hfill", "allowbreak"),
    *("scriptscriptstyle", "centering", "relax", "hline", "toprule", "midrule", "bottomrule"),
}
_WITH_ARGUMENT = {
    "label",
    "vspace",
    "hspace",
    "phantom",
    "vphantom",
    "hphantom",
    "tag",
    "color",
    "cline",
}
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
        "hbox",
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
        "smash",
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
_TWO_OVER = {"frac", "dfrac", "tfrac", "nicefrac", "sfrac", "cfrac"}
_EQUALS = re.compile(r"([=<>:]*[=<>])")
_RELATIONS = set("=<>≤≥≈≠∈∼→←↦⇒⇔≔≡∝⊆⊂≪≫±×·+≜∪∩")


def readable(tokens: list[str]) -> str:
    """Return a formula as one line of text."""
    return " ".join(_Formula(tokens, 0).text().split()).replace(" ;", ";")


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
            parts.append(self._piece())
        return "".join(parts)

    def _inner(self, tokens: list[str]) -> str:
        return _Formula(tokens, self._depth + 1).text().strip()

    def _argument(self) -> list[str]:
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

    def _optional(self) -> str:
        if not self._next_is("["):
            return ""
        inside: list[str] = []
        while self._stack and (token := self._stack.pop()) != "]":
            inside.append(token)
        return self._inner(inside[1:])

    def _piece(self) -> str:
        token = self._stack.pop()
        first = token[0]
        if first == "\\":
            return self._command(token[1:])
        if first == "{":
            return self._inner(self._group())
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
        inside = self._inner(self._argument())
        table = SUBSCRIPTS if mark == "_" else SUPERSCRIPTS
        if inside and all(letter in table for letter in inside):
            return "".join(table[letter] for letter in inside)
        if inside in ("∘", "°") and mark == "^":
            return "°"
        return f"{mark}{inside}" if len(inside) < 2 else f"{mark}({inside})"

    def _command(self, name: str) -> str:
        if name in _TWO_OVER:
            over, under = self._inner(self._argument()), self._inner(self._argument())
            return f"{_bracketed(over)}/{_bracketed(under)}"
        if name == "sqrt":
            root = {"3": "∛", "4": "∜"}.get(self._optional(), "√")
            return root + _bracketed(self._inner(self._argument()))
        if name in ("mathbb", "mathds", "Bbb"):
            return double_struck(self._inner(self._argument()))
        if name in MATH_ACCENTS:
            inside = self._inner(self._argument())
            mark = MATH_ACCENTS[name]
            return unicodedata.normalize("NFC", inside[:1] + mark) + inside[1:] if inside else ""
        if name in _SHOWN:
            if name.startswith("operatorname") and self._next_is("*"):
                self._stack.pop()
            text = self._inner(self._argument())
            return self._spaced(text) if name.startswith("operatorname") else text
        return self._other(name)

    def _other(self, name: str) -> str:
        if name in _DROPPED or name.startswith(("begin{", "end{")):
            if name in ("left", "right") and self._next_is("."):
                self._stack.pop()
            return "" if name in _DROPPED else self._environment(name)
        if name in _WITH_ARGUMENT:
            self._argument()
            return ""
        if name in ("textcolor", "binom", "stackrel", "overset", "underset", "href"):
            return self._two(name)
        if name in ("\\", "tabularnewline", "cr"):
            return "; " if self._stack else ""
        if name == "not":
            return unicodedata.normalize("NFC", self._inner(self._argument()) + "\u0338")
        printed = symbols().get(name)
        if printed is None:
            return self._spaced(name)
        if name in FUNCTIONS:
            return self._spaced(printed)
        return f" {printed} " if printed in _RELATIONS else printed

    def _two(self, name: str) -> str:
        first, second = self._inner(self._argument()), self._inner(self._argument())
        match name:
            case "binom":
                return f"({first} choose {second})"
            case "stackrel" | "overset":
                return f"{second}^({first})" if first else second
            case "underset":
                return f"{second}_({first})" if first else second
            case _:
                return second

    def _environment(self, name: str) -> str:
        if name.startswith("begin{array") or name.startswith("begin{tabular"):
            self._optional()
            self._argument()
        return " "

    def _next_is(self, start: str) -> bool:
        return bool(self._stack) and self._stack[-1] == start

    def _spaced(self, text: str) -> str:
        """Append a space if the name would otherwise run into the letter that follows it."""
        follower = self._stack[-1][:1] if self._stack else ""
        return f"{text} " if follower.isalnum() or follower == "\\" else text


def _bracketed(text: str) -> str:
    return text if text.isalnum() or len(text) < 2 else f"({text})"
