r"""Replace LaTeX and HTML markup in titles, abstracts and names by what it displays.

`of_latex` is for text that is LaTeX throughout, such as the values in a BibTeX file. `of_plain` is
for the text of web services, which is mostly plain, with some markup in it: a dollar, a brace, a
backslash or a less-than sign that opens no markup is kept. `of_plain` applied to its own result
changes nothing.
"""

import html
import logging
import re
from collections.abc import Callable
from functools import cache
from typing import Any

_MOST_ROUNDS = 8
# A dollar opens a formula only if no blank follows, and one closes it only if no blank comes
# before it and no digit after it. Otherwise it is money. The rule is pandoc's.
_FORMULAS = re.compile(
    r"(?P<formula>(?<![\\$])\$\$[^$]{1,999}\$\$(?!\$)"
    r"|(?<![\\$])\$(?=[^\s$])(?:\\.|[^$\\]){0,999}?(?:\\.|[^\s$\\])\$(?![\d$])"
    r"|\\\((?:[^\\]|\\[^)]){0,999}?\\\)|\\\[(?:[^\\]|\\[^\]]){0,999}?\\\])",
    re.S,
)
_INSIDE = r"(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
_UNKNOWN = re.compile(rf"\\(?!begin\b|end\b)([a-zA-Z]+)\*?((?:\s*\{{{_INSIDE})+)")
_PIECE = re.compile(
    rf"{_FORMULAS.pattern}|\\\\|\\(?P<escaped>[$%&#_{{}}])"
    # An accent, a command with arguments, a command without (but not in a path such as C:\new),
    # and a group that begins with a command.
    rf"|(?P<command>\\(?:['`^\"~=.]|[cvHukdbrtGf](?![a-zA-Z]))"
    rf"(?:\s*\\[ij](?![a-zA-Z])|\s*\{{{_INSIDE}|\s*[^\W\d_])"
    rf"|\\[a-zA-Z]+\*?(?:\s*\{{{_INSIDE})+"
    r"|(?<![\w:\\/])\\[a-zA-Z]+(?![\w\\])(?:\{\})?"
    rf"|\{{\s*\\(?:[a-zA-Z]+(?![a-zA-Z])|['`^\"~=.]){_INSIDE})"
    r"|(?P<group>(?<=[\w^\\])\{[^{}]*\}|\{[^{}\s\\,;:.]*\}(?=[^\W_]))"
    r"|(?P<tie>(?<=[^\W\d_])~(?=[^\W\d_])|(?<=[^\W\d_]\.)~(?=\S))",
    re.S,
)
_TAG_NAMES = (
    "i|b|u|em|strong|sub|sup|p|br|span|div|sc|scp|tt|code|small|big|a|italic|bold|title|sec|"
    r"inf|inline-formula|(?:jats|mml|m):[\w-]+|math|m[inor]|msup|msub|mrow"
)
_BREAKS = ("br", "p", "div", "title", "sec")
_ATTRIBUTES = r"(?:\s+[\w:-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+))*"
_TAG = re.compile(rf"<(/?)({_TAG_NAMES}){_ATTRIBUTES}\s*(/?)>", re.I)
_ENTITY = re.compile(r"(?<!\\)&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,6}|#x[\da-f]{1,5});", re.I)
_WORDS = re.compile(r"[^\W\d_]{3,}\s+[^\W\d_]{2,}|\d[\d,.]*\s*[^\W\d_]*\s+[^\W\d_]{2,}")
_MATHS_SIGNS = re.compile(r"[\\^_=<>+*/|{}]")
# What pylatexenc does not know, or displays in another way than a reader expects.
_SHOWN = {
    **{"textbraceleft": "{", "textbraceright": "}", "textless": "<", "textgreater": ">"},
    **{"textasciicircum": "^", "textasciitilde": "~", "textbar": "|", "textquotedbl": '"'},
    **{"lbrace": "{", "rbrace": "}", "slash": "/", "newline": " ", "linebreak": " ", "\\": " "},
    **{"S": "§", "P": "¶", "pounds": "£", "texteuro": "€", "euro": "€", "degree": "°"},
    **{"textdegree": "°", "textregistered": "®", "texttrademark": "™", "textmu": "µ", "-": ""},
    **{"/": "", "protect": "", "relax": "", "noopsort": "", "xspace": "", "bf": "", "it": ""},
    **{"sc": "", "tt": "", "rm": "", "sf": "", "em": "", "sl": "", "upshape": "", "normalfont": ""},
}
_PASSED = (
    *("textsuperscript", "textsubscript", "texttt", "textsf", "textrm", "textup", "textmd", "url"),
    *("textnormal", "mbox", "hbox", "text", "path", "nolinkurl", "enquote", "mkbibquote", "emph"),
    *("mkbibemph", "uppercase", "lowercase", "MakeUppercase", "MakeLowercase", "textsc", "textbf"),
    *("textit", "textsl", "underline", "mathrm", "mathbf", "mathit", "mathcal", "mathsf", "mathtt"),
    *("mathbb", "operatorname", "boldsymbol", "bm", "mathfrak", "mathscr", "smash", "ensuremath"),
)
_ACCENTS = {"r": "\u030a", "b": "\u0331", "t": "\u0361", "G": "\u030f", "f": "\u0311"}
_KEPT = ("cite", "citep", "citet", "ref", "eqref", "label", "footnote", "includegraphics")
_LAST_OF_TWO = ("href", "textcolor", "bibinfo", "foreignlanguage", "bibfield")


def of_latex(text: str) -> str:
    """Return what LaTeX text displays. A dollar that opens no formula is a dollar."""
    text = _UNKNOWN.sub(_arguments, _ENTITY.sub(_character, _without_tags(text)))
    whole, at = [], 0
    for found in _FORMULAS.finditer(text):
        whole += [_prose(text[at : found.start()]), _formula(found) or _prose(found.group())]
        at = found.end()
    return "".join([*whole, _prose(text[at:])])


def of_plain(text: str) -> str:
    """Return plain text without the markup that it may contain."""
    for _ in range(_MOST_ROUNDS):
        cleaned = _once(text)
        if cleaned == text:
            break
        text = cleaned
    return text


def _once(text: str) -> str:
    return _PIECE.sub(_replaced, _ENTITY.sub(_character, _without_tags(text)))


def _replaced(piece: re.Match[str]) -> str:
    kind, whole = piece.lastgroup, piece.group()
    if kind == "formula":
        return _formula(piece) or whole
    if kind == "escaped":
        return piece["escaped"]
    if kind == "tie":
        return " "
    if kind == "group":
        return whole[1:-1]
    return _prose(whole) if kind == "command" and _is_known(whole) else whole


def _formula(found: re.Match[str]) -> str | None:
    """Return a formula as it is displayed, or None for prose between two prices."""
    inside = re.sub(r"^(?:\$\$?|\\[(\[])|(?:\$\$?|\\[)\]])$", "", found["formula"]).strip()
    is_maths = not _WORDS.search(inside) or _MATHS_SIGNS.search(inside)
    return _shown(f"${inside}$") if is_maths else None


def _character(entity: re.Match[str]) -> str:
    said = html.unescape(entity.group())
    return said if said.isprintable() else " "


def _without_tags(text: str) -> str:
    """Return the text without HTML tags. A tag is one only if its partner is there too."""
    if "<" not in text:
        return text
    found = list(_TAG.finditer(text))
    opened = {tag[2].lower() for tag in found if not tag[1]}
    closed = {tag[2].lower() for tag in found if tag[1]}
    paired = {*(opened & closed), "br"}

    def shown(tag: re.Match[str]) -> str:
        name = tag[2].lower()
        if name not in paired and not tag[3]:
            return tag.group()
        return " " if name.rpartition(":")[2] in _BREAKS else ""

    return _TAG.sub(shown, text)


def _arguments(found: re.Match[str]) -> str:
    """Return the arguments of a command that nobody knows, apart from each other."""
    if _is_known(f"\\{found[1]}"):
        return found.group()
    return re.sub(r"\}\s*\{", "} {", found[2])


def _is_known(piece: str) -> bool:
    """Return whether it is known what every command in a piece displays."""
    shown = _converter()[0].latex_context
    names = re.findall(r"\\([a-zA-Z]+|[^a-zA-Z])", piece)
    return all(name not in _KEPT and shown.get_macro_spec(name).macroname for name in names)


def _prose(latex: str) -> str:
    """Return what LaTeX without formulas displays. &, %, # and $ are ordinary characters."""
    return _shown(re.sub(r"(\\.)|([&%#$])", lambda it: it[1] or f"\\{it[2]}", latex, flags=re.S))


def _shown(latex: str) -> str:
    """Return what LaTeX displays. A command that nobody knows keeps its name."""
    from pylatexenc.latexwalker import LatexWalker, LatexWalkerError

    converter, known = _converter()
    try:
        nodes = LatexWalker(latex, latex_context=known, tolerant_parsing=True).get_latex_nodes()[0]
        return str(converter.nodelist_to_text(nodes))
    except (LatexWalkerError, ValueError, IndexError, RecursionError):
        return re.sub(r"\\([$%&#_{}])|[{}]", r"\1", latex)


@cache
def _converter() -> tuple[Any, Any]:
    """Return pylatexenc's converter with our commands, and the commands that its walker knows."""
    # It warns of every command without its arguments; the text of such a command is kept.
    logging.getLogger("pylatexenc").setLevel(logging.ERROR)
    from pylatexenc import latex2text, latexwalker
    from pylatexenc.macrospec import MacroSpec

    def verbatim(node: Any) -> str:
        return str(node.latex_verbatim())

    def last_argument(node: Any, l2tobj: Any) -> str:
        arguments = node.nodeargd.argnlist if node.nodeargd else None
        return str(l2tobj.nodelist_to_text(arguments[-1:])) if arguments else ""

    def accent(mark: str) -> Callable[[Any, Any], str]:
        def accented(node: Any, l2tobj: Any) -> str:
            letters = last_argument(node, l2tobj)
            return letters[:1] + mark + letters[1:] if letters else ""

        return accented

    shown = latex2text.get_default_latex_context_db()
    ours = [
        *(latex2text.MacroTextSpec(name, text) for name, text in _SHOWN.items()),
        *(
            latex2text.MacroTextSpec(name, simplify_repl=last_argument)
            for name in (*_PASSED, *_LAST_OF_TWO)
        ),
        *(
            latex2text.MacroTextSpec(name, simplify_repl=accent(mark))
            for name, mark in _ACCENTS.items()
        ),
        *(latex2text.MacroTextSpec(name, simplify_repl=verbatim) for name in _KEPT),
    ]
    shown.add_context_category("fumehood", macros=ours, prepend=True)
    shown.set_unknown_macro_spec(latex2text.MacroTextSpec("", simplify_repl=verbatim))
    known = latexwalker.get_default_latex_context_db()
    arguments = {**dict.fromkeys(_SHOWN, ""), **dict.fromkeys((*_PASSED, *_ACCENTS), "{")}
    arguments |= dict.fromkeys(_LAST_OF_TWO, "{{")
    specs = [MacroSpec(name, takes) for name, takes in arguments.items()]
    known.add_context_category("fumehood", macros=specs, prepend=True)
    text = latex2text.LatexNodes2Text(math_mode="text", keep_comments=True, latex_context=shown)
    return text, known
