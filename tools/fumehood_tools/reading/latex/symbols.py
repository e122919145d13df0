"""Map LaTeX's symbol commands to the Unicode text they print.

The table is pylatexenc's (MIT license). Symbols that it lacks, or that it spells differently from
what we need, are added here.
"""

import functools
import unicodedata
from collections.abc import Mapping

from fumehood_tools.reading.latex.tokens import APART

ACCENTS = {
    "`": "\u0300",
    "'": "\u0301",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    "u": "\u0306",
    ".": "\u0307",
    '"': "\u0308",
    "r": "\u030a",
    "H": "\u030b",
    "v": "\u030c",
    "c": "\u0327",
    "k": "\u0328",
    "d": "\u0323",
    "b": "\u0331",
    "t": "\u0361",
}
MATH_ACCENTS = {
    **{"hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303"},
    **{"bar": "\u0304", "overline": "\u0305", "vec": "\u20d7", "dot": "\u0307"},
    **{"ddot": "\u0308", "check": "\u030c", "breve": "\u0306", "acute": "\u0301"},
    **{"grave": "\u0300", "mathring": "\u030a", "underline": "\u0332"},
}
_FUNCTION_NAMES = (
    "Pr arccos arcsin arctan arg argmax argmin bmod cos cosh cot csc deg det dim exp gcd hom "
    "inf ker lg lim liminf limsup ln log max min mod sec sin sinh sup tan tanh"
)
FUNCTIONS = set(_FUNCTION_NAMES.split())
_OWN = {
    **{name: name for name in FUNCTIONS},
    "bmod": "mod",
    **{"LaTeX": "LaTeX", "TeX": "TeX", "LaTeXe": "LaTeX2e", "BibTeX": "BibTeX"},
    **{"%": "%", "&": "&", "#": "#", "$": "$", "_": "_", "{": "{", "}": "}"},
    **{" ": " ", ",": " ", ";": " ", ":": " ", ">": " ", "!": "", "/": "", "-": "", "@": ""},
    **{"quad": f" {APART}", "qquad": f" {APART}", "enspace": f" {APART}"},
    **{"thinspace": " ", "space": " ", "*": ""},
    **{"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "backslash": "\\"},
    **{"ldots": "…", "dots": "…", "textellipsis": "…", "dotsc": "…", "dotsb": "⋯", "cdots": "⋯"},
    **{"textquotesingle": "'", "textquotedbl": '"', "lq": "‘", "rq": "’", "slash": "/"},
    **{"mid": "|", "vert": "|", "lvert": "|", "rvert": "|", "Vert": "‖", "lVert": "‖"},
    **{"rVert": "‖", "|": "‖", "colon": ":", "coloneqq": "≔", "lbrace": "{", "rbrace": "}"},
    **{"lbrack": "[", "rbrack": "]", "prime": "′", "ast": "*", "lt": "<", "gt": ">"},
    **{"to": "→", "gets": "←", "implies": "⇒", "iff": "⇔", "land": "∧", "lor": "∨"},
    **{"cmark": "✓", "xmark": "✗", "checkmark": "✓", "ding": "", "textdegree": "°"},
    **{"texttimes": "×", "textpm": "±", "textmu": "µ", "textregistered": "®"},
    **{"texttrademark": "™", "copyright": "©", "euro": "€", "EUR": "€", "textless": "<"},
    **{"textgreater": ">", "textbar": "|", "textendash": "–", "textemdash": "—"},
    **{"S": "§", "P": "¶", "i": "ı", "j": "ȷ", "ss": "ß", "SS": "SS", "epsilon": "ε"},
    **{"varepsilon": "ε", "phi": "φ", "varphi": "φ", "ell": "ℓ", "le": "≤", "ge": "≥"},
    **{"ne": "≠", "neq": "≠", "top": "⊤", "bot": "⊥", "emptyset": "∅", "varnothing": "∅"},
    **{"setminus": "\\", "triangleq": "≜", "lesssim": "≲", "gtrsim": "≳", "odot": "⊙"},
    **{
        "upmu": "µ",
        "micro": "µ",
        "degree": "°",
        "celsius": "°C",
        "percent": "%",
        "textpercent": "%",
    },
    **{"ie": "i.e.", "eg": "e.g.", "etal": "et al.", "ensuremath": "", "textnormal": ""},
}
_SUB = "0₀1₁2₂3₃4₄5₅6₆7₇8₈9₉+₊-₋=₌(₍)₎aₐeₑhₕiᵢjⱼkₖlₗmₘnₙoₒpₚrᵣsₛtₜuᵤvᵥxₓ"
_SUP = "0⁰1¹2²3³4⁴5⁵6⁶7⁷8⁸9⁹+⁺-⁻=⁼(⁽)⁾aᵃbᵇcᶜdᵈeᵉfᶠgᵍhʰiⁱjʲkᵏlˡmᵐnⁿoᵒpᵖrʳsˢtᵗuᵘvᵛwʷxˣyʸzᶻTᵀ′′"
SUBSCRIPTS = dict(zip(_SUB[::2], _SUB[1::2], strict=True))
SUPERSCRIPTS = dict(zip(_SUP[::2], _SUP[1::2], strict=True))
_DOUBLE_STRUCK = {"C": "ℂ", "H": "ℍ", "N": "ℕ", "P": "ℙ", "Q": "ℚ", "R": "ℝ", "Z": "ℤ"}


@functools.cache
def symbols() -> Mapping[str, str]:
    """Return the printed text by command name, without the backslash."""
    from pylatexenc.latex2text import get_default_latex_context_db

    known = get_default_latex_context_db()
    table: dict[str, str] = {}
    for category in ("advanced-symbols", "latex-base"):
        for name, spec in known.d[category]["macros"].items():
            prints = spec.simplify_repl
            if isinstance(prints, str) and "%" not in prints and name != "today":
                table[name] = prints
    return {**table, **_OWN}


def accented(mark: str, text: str) -> str:
    """Return a text with a combining mark on its first letter."""
    text = text.strip().replace("ı", "i").replace("ȷ", "j")
    if not text:
        return {"\u0302": "^", "\u0303": "~"}.get(mark, "")
    return unicodedata.normalize("NFC", text[0] + mark) + text[1:]


def double_struck(text: str) -> str:
    """Return a text with its capital letters double-struck, such as ℝ for R."""
    return "".join(
        _DOUBLE_STRUCK.get(letter)
        or (chr(0x1D538 + ord(letter) - 65) if "A" <= letter <= "Z" else letter)
        for letter in text
    )
