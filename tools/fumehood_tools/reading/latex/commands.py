"""Handlers for commands within text: fonts, accents, references, citations, links and footnotes.

`TEXT_HANDLERS` maps each command to its handler. Commands that only change how text looks are in
`signatures`.
"""

import re

from fumehood_tools.reading.document import Block, HiddenText, Link
from fumehood_tools.reading.latex.composing import Composer, Handler, Style, fill_marks, tidy
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.formulas import script, with_marks
from fumehood_tools.reading.latex.signatures import SIGNATURES, skip
from fumehood_tools.reading.latex.symbols import ACCENTS, accented
from fumehood_tools.reading.latex.tokens import APART, RAW, plain, settle, tokenize


def _by_signature(name: str, signature: str) -> Handler:
    """Return a handler that skips what prints nothing. The text argument is read as usual."""
    before = signature.removesuffix("t")
    if not before and name not in _BOXES:
        return _nothing
    apart = bool(before.strip("so")) or signature.endswith("t")

    def handler(composer: Composer, stream: Stream) -> None:
        skip(stream, before)
        if apart:
            composer.out.append(APART)
        if signature.endswith("t"):
            stream.push(["{", *stream.argument(), "}", RAW + APART])

    return handler


def _nothing(composer: Composer, stream: Stream) -> None:
    """Handle a switch, or a command whose argument is read as usual."""


def _title_format(composer: Composer, stream: Stream) -> None:
    skip(stream, "mm" if stream.starred() else "mommmmo")


def _accent(mark: str) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        composer.out.append(accented(mark, composer.inline(stream.passage())))

    return handler


def _typewriter(composer: Composer, stream: Stream) -> None:
    composer.out.append(composer.inline_raw(stream.passage(), Style(True, composer.style.white)))


def _switch_typewriter(composer: Composer, stream: Stream) -> None:
    composer.style = Style(True, composer.style.white)


def _superscript(composer: Composer, stream: Stream) -> None:
    composer.out.append(script("^", stream.argument()))


def _subscript(composer: Composer, stream: Stream) -> None:
    composer.out.append(script("_", stream.argument()))


def _ensure_math(composer: Composer, stream: Stream) -> None:
    stream.push(["$", *stream.argument(), "$"])


def _inline_formula(composer: Composer, stream: Stream) -> None:
    inside, _ = composer.formula_tokens(stream, "\\)")
    composer.out.append(with_marks(inside))


def _color(composer: Composer, stream: Stream) -> None:
    """Handle `\\textcolor`. White text is hidden, except in tables, where cells may be dark."""
    stream.optional()
    color = plain(stream.argument()).strip().lower()
    shown = stream.argument()
    in_table = composer.float is not None and composer.float.kind == "table"
    if color in ("white", "1,1,1", "ffffff") and not in_table:
        if (text := composer.inline(shown)) and len(composer.hidden) < 50:
            composer.hidden.append(HiddenText(text=settle(text)[:2_000], why="white"))
    else:
        stream.push(["{", *shown, "}"])


def _switch_color(composer: Composer, stream: Stream) -> None:
    stream.optional()
    stream.argument()


def _xspace(composer: Composer, stream: Stream) -> None:
    token = stream.pull()
    if token[:1].isalnum() or token[:1] in ("(", "\\", "$", "“"):
        composer.out.append(" ")
    stream.push([token] if token else [])


def _one_dot(composer: Composer, stream: Stream) -> None:
    """Handle CVPR's `\\onedot`: print a dot unless one follows, and a space before a word."""
    token = stream.pull()
    if token[:1] != ".":
        composer.out.append(".")
    stream.push([token] if token else [])
    _xspace(composer, stream)


def _label(composer: Composer, stream: Stream) -> None:
    key = plain(stream.argument()).strip()
    if len(composer.labels) < 50_000:
        composer.labels.setdefault(key, composer.here)


def _hyperref(composer: Composer, stream: Stream) -> None:
    """Handle `\\hyperref[label]{text}`: drop the label and print the text."""
    if stream.optional() is None:
        stream.argument()


def _cite(composer: Composer, stream: Stream) -> None:
    stream.starred()
    first, second = stream.optional(), stream.optional()
    keys = [key.strip() for key in plain(stream.argument()).split(",") if key.strip()]
    composer.cited.update(dict.fromkeys(keys))
    before, after = (first, second) if second is not None else (None, first)
    composer.out.append("[")
    if before:
        composer.out.append(f"{composer.inline(before)} ")
    for index, key in enumerate(keys):
        composer.out.append(", " if index else "")
        composer.mark("cite", key)
    if after:
        composer.out.append(f", {composer.inline(after)}")
    composer.out.append("]")


def _cite_several(composer: Composer, stream: Stream) -> None:
    """Handle biblatex's `\\cites(see)(p. 5){a}[3]{b}`: one citation after another."""
    stream.starred()
    skip(stream, "pp")
    following = True
    while following:
        _cite(composer, stream)
        token = stream.pull()
        stream.push([token] if token else [])
        if following := token in ("{", "["):
            composer.out.append(" ")


def _cited_title(composer: Composer, stream: Stream) -> None:
    """Handle `\\citetitle`, which prints the title of a reference."""
    stream.starred()
    skip(stream, "oo")
    key = plain(stream.argument()).strip()
    composer.cited.setdefault(key)
    composer.mark("citetitle", key)


def _cited_entry(composer: Composer, stream: Stream) -> None:
    key = plain(stream.argument()).strip()
    composer.cited.setdefault(key)
    composer.mark("bibentry", key)


def _nocite(composer: Composer, stream: Stream) -> None:
    keys = [key.strip() for key in plain(stream.argument()).split(",")]
    composer.cited.update(dict.fromkeys(keys))


def address(composer: Composer, tokens: list[str]) -> str:
    """Return a web address with its escapes removed and its macros expanded."""
    said = plain(tokens).strip()
    if re.search(r"\\[A-Za-z]", said):
        inner = tokenize(
            said.replace("%", "\\%").replace("\\\\%", "\\%").replace("#", "\\#")
        ).tokens
        said = fill_marks(composer.inline(inner, Style(typewriter=True)), lambda kind, key: key)
    said = re.sub(r"\\~\{\}|\\textasciitilde\s*(\{\})?|\\~", "~", said)
    return re.sub(r"\\([%#_&${} ])", r"\1", said).replace(" ", "")


def _href(composer: Composer, stream: Stream) -> None:
    stream.optional()
    url = address(composer, stream.argument())
    text = composer.inline_raw(stream.passage())
    composer.out.append(text)
    keep_link(composer, url, tidy(text))


def _url(composer: Composer, stream: Stream) -> None:
    url = address(composer, stream.argument())
    composer.out.append(url)
    keep_link(composer, url, url)


def _doi(composer: Composer, stream: Stream) -> None:
    name = address(composer, stream.argument())
    composer.out.append(f"doi:{name}" if not name.startswith("http") else name)
    keep_link(composer, name if name.startswith("http") else f"https://doi.org/{name}", name)


def _path(composer: Composer, stream: Stream) -> None:
    composer.out.append(address(composer, stream.argument()))


def keep_link(composer: Composer, url: str, text: str) -> None:
    """Store a link, if its address has a supported scheme."""
    link = Link(url=url, text=settle(text), origin="markup")
    if re.match(r"(?:https?|ftp|mailto):", url) and len(composer.links) < 5_000:
        composer.links.append(link)


def _footnote(composer: Composer, stream: Stream) -> None:
    stream.optional()
    text = composer.inline(stream.passage())
    if text:
        composer.footnotes.append(Block(kind="footnote", text=text))


def _unlisted_item(composer: Composer, stream: Stream) -> None:
    composer.end_paragraph()
    label = stream.optional()
    if label is not None and (text := composer.inline(label)):
        composer.out.append(f"{text} ")


def _line_break(composer: Composer, stream: Stream) -> None:
    stream.starred()
    stream.optional()
    if composer.in_code:
        composer.end_paragraph()
    else:
        composer.out.append(" ")


def _multicolumn(composer: Composer, stream: Stream) -> None:
    count = plain(stream.argument()).strip()
    stream.argument()
    shown = stream.argument()
    composer.extra_columns += min(int(count), 200) - 1 if count.isdecimal() and count != "0" else 0
    composer.out.append(composer.inline(shown))


def _partial_rule(composer: Composer, stream: Stream) -> None:
    stream.optional()
    stream.skip_blank()
    token = stream.pull()
    if token.startswith("("):
        while token and not token.endswith(")"):
            token = stream.pull()
    elif token:
        stream.push([token])
    stream.argument()


def _skip_length(composer: Composer, stream: Stream) -> None:
    """Skip a length without braces, as in `\\hskip 1em` and `\\tabcolsep=5pt`."""
    composer.out.append(APART)
    stream.skip_blank()
    token = stream.pull()
    rest = _LENGTH.sub("", token, count=1)
    if rest or not token:
        stream.push([rest] if rest else [])
        return
    follower = "" if token[-1].isalpha() else stream.pull()
    # A number without a unit multiplies the length after it, which is skipped too.
    if follower and (follower[0] != "\\" or follower in TEXT_HANDLERS):
        stream.push([follower])
    for word in ("plus", "minus"):
        _skip_stretch(stream, word)


def _skip_stretch(stream: Stream, word: str) -> None:
    """Skip by how much a length may stretch or shrink, as in `\\hskip 1em plus 2pt minus 1fil`."""
    taken = [stream.pull()]
    while taken[-1] == " ":
        taken.append(stream.pull())
    if taken[-1].lower() == word:
        taken.append(stream.pull())
        while taken[-1] == " ":
            taken.append(stream.pull())
        amount = taken[-1]
    elif taken[-1].lower().startswith(word):
        amount = taken[-1][len(word) :]
    else:
        amount = ""
    found = _STRETCH.match(amount)
    rest = [amount[found.end() :]] if found else taken
    # What is pushed last comes first.
    stream.push([token for token in rest if token])


def _slanted_fraction(composer: Composer, stream: Stream) -> None:
    stream.optional()
    over, under = composer.inline(stream.passage()), composer.inline(stream.passage())
    composer.out.append(f"{APART}{over}/{under}{APART}")


def _texorpdf(composer: Composer, stream: Stream) -> None:
    shown = stream.argument()
    stream.argument()
    stream.push(["{", *shown, "}"])


def _char(composer: Composer, stream: Stream) -> None:
    token = stream.pull()
    digits = re.match(r"\d+", token)
    if digits and 32 <= int(digits.group()) < 0x250:
        composer.out.append(chr(int(digits.group())))
        token = token[digits.end() :]
    stream.push([token] if token else [])


_LENGTH = re.compile(r"^=?[+-]?(?:\d*\.?\d+)?(?:pt|em|ex|cm|mm|in|sp|bp)?(?![A-Za-z])")
_STRETCH = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:pt|em|ex|cm|mm|in|sp|bp|fil{1,3})(?![A-Za-z])")
_LENGTHS = (
    "hskip vskip kern mskip mkern raise lower moveleft moveright tabcolsep arraycolsep parskip "
    "parindent baselineskip textfloatsep floatsep dbltextfloatsep dblfloatsep abovecaptionskip "
    "belowcaptionskip intextsep itemsep abovedisplayskip belowdisplayskip abovedisplayshortskip "
    "belowdisplayshortskip parsep partopsep columnsep columnseprule topsep leftmargin rightmargin "
    "extrarowheight arrayrulewidth hsize vsize hangindent hangafter fboxsep fboxrule topmargin "
    "headheight headsep footskip oddsidemargin evensidemargin marginparwidth marginparsep hoffset "
    "voffset leftskip rightskip lineskip lineskiplimit jot hbadness vbadness hfuzz vfuzz tolerance "
    "pretolerance emergencystretch clubpenalty widowpenalty displaywidowpenalty brokenpenalty "
    "interlinepenalty hyphenpenalty exhyphenpenalty binoppenalty relpenalty looseness penalty "
    "interfootnotelinepenalty predisplaypenalty postdisplaypenalty aboverulesep belowrulesep "
    "cmidrulekern heavyrulewidth lightrulewidth cmidrulewidth bibsep bibhang pdfoutput"
)
_BOXES = {"fbox", "shadowbox", "doublebox", "ovalbox", "Ovalbox"}
_CITES = (
    "cite citep citet citealp citealt citeauthor citeyear citeyearpar Citet Citep parencite "
    "textcite autocite footcite shortcite newcite citetext onlinecite citenum "
    "smartcite supercite Textcite Parencite Autocite citetalias citepalias citeA citeNP "
    "shortciteN"
)
_CITES_OF_BIBLATEX = (
    "cite parencite textcite autocite footcite smartcite supercite Cite Parencite Textcite Autocite"
)
TEXT_HANDLERS: dict[str, Handler] = {
    **{f"\\{name}": _by_signature(name, signature) for name, signature in SIGNATURES.items()},
    "\\titleformat": _title_format,
    **{f"\\{name}": _accent(mark) for name, mark in ACCENTS.items()},
    **{f"\\{name}": _cite for name in _CITES.split()},
    **{f"\\{name}s": _cite_several for name in _CITES_OF_BIBLATEX.split()},
    **dict.fromkeys(("\\texttt", "\\code"), _typewriter),
    **dict.fromkeys(("\\tt", "\\ttfamily"), _switch_typewriter),
    **dict.fromkeys(("\\textsuperscript", "\\tnote", "\\tnotex"), _superscript),
    "\\textsubscript": _subscript,
    "\\ensuremath": _ensure_math,
    "\\(": _inline_formula,
    "\\textcolor": _color,
    "\\color": _switch_color,
    "\\xspace": _xspace,
    "\\@onedot": _one_dot,
    "\\label": _label,
    "\\hyperref": _hyperref,
    "\\nocite": _nocite,
    **dict.fromkeys(("\\citetitle", "\\Citetitle"), _cited_title),
    **dict.fromkeys(("\\bibentry", "\\fullcite", "\\footfullcite"), _cited_entry),
    "\\href": _href,
    **dict.fromkeys(("\\url", "\\burl"), _url),
    **dict.fromkeys(("\\path", "\\nolinkurl"), _path),
    "\\doi": _doi,
    **dict.fromkeys(("\\footnote", "\\footnotetext", "\\tablefootnote", "\\thanks"), _footnote),
    "\\par": lambda composer, stream: composer.end_paragraph(),
    **dict.fromkeys(("\\\\", "\\newline", "\\linebreak", "\\tabularnewline"), _line_break),
    "\\multicolumn": _multicolumn,
    **dict.fromkeys(("\\cmidrule", "\\cline", "\\cdashline", "\\cmidrulelr"), _partial_rule),
    **{f"\\{name}": _skip_length for name in _LENGTHS.split()},
    **dict.fromkeys(("\\nicefrac", "\\sfrac", "\\xfrac", "\\textfrac"), _slanted_fraction),
    "\\texorpdfstring": _texorpdf,
    "\\char": _char,
    "\\item": _unlisted_item,
}
