"""Extract author names from `\\author`, in the styles of the common document classes.

Authors may be separated by \\and, \\And, commas or line breaks, or listed by authblk. Affiliation
marks, footnotes and addresses are removed first. In each part, lines that look like names are
taken up to the first line that does not, because affiliations are printed below the names.
"""

import re

from fumehood_tools.reading.latex.composing import LINE, Composer, fill_marks
from fumehood_tools.reading.latex.expansion import Stream

MOST_AUTHORS = 3_000
_APART = {"\\and", "\\And", "\\AND", "\\ANDD", "\\qquad", "\\quad", "\\hfill", "\\hspace"}
_BREAKS = {"\\\\", "\\newline", "\\par", "\n", "\\affiliation", "\\institute", "\\address"}
# JMLR's classes put these in front of each author's name, address and email, without an argument
# (jmlr2e) or with one (jmlr).
_NAME, _BELOW = {"\\name", "\\Name"}, {"\\addr", "\\email", "\\Email"}
_MARKS = {
    **dict.fromkeys(("\\textsuperscript", "\\inst", "\\thanks", "\\footnote", "\\orcidlink"), "m"),
    **dict.fromkeys(("\\orcidID", "\\orcid", "\\corref", "\\fnref", "\\tnoteref"), "m"),
    **dict.fromkeys(("\\footnotemark", "\\samethanks", "\\footnotetext", "\\vspace"), "om"),
    **dict.fromkeys(("\\IEEEauthorrefmark", "\\authorrefmark", "\\IEEEmembership"), "m"),
    **dict.fromkeys(
        ("\\texttt", "\\url", "\\IEEEauthorblockA", "\\ead", "\\label", "\\thanksref"), "m"
    ),
    **dict.fromkeys(("\\icmlauthor", "\\affil", "\\institution", "\\icmlEqualContribution"), "m"),
    **{"\\href": "m", "\\hspace": "m", "\\textcolor": "m", "\\fontsize": "mm", "\\raisebox": "m"},
}
_NO_NAME = re.compile(
    r"[@\d:/]|\b(?:univ\w*|uni|institut\w*|depart\w*|dept|school|college|lab\w*|center|centre|research|"
    r"google|deepmind|microsoft|meta|openai|anthropic|amazon|nvidia|ibm|inc|ltd|corp\w*|academy|"
    r"faculty|equal|correspond\w*|author\w*|contribut\w*|team|usa|china|germany|france|email|group|"
    r"foundation|ministry|hospital|technolog\w*|science\w*|street|city|project|students?|tech|"
    r"engineering|mathemati\w*|physics|computer|company|anonymous submission)\b",
    re.I,
)
_SPLIT = re.compile(r"\s*(?:,|;|&|\band\b|\|)\s*")
_SIGNS = re.compile(r"[*†‡§¶‖∗⋆♠♣♢♡✉ⓘ⁰¹²³⁴-⁹⁺⁻ᵃ-ᶻ]+|\^\(.*?\)|\^\S|\[[^\]]*\]")
_TITLES = re.compile(r"^(?:Dr|Prof|Mr|Ms|Mrs)\.?\s+|,?\s+(?:Ph\.?D\.?|MD)$")
_LEADING_MARK = "\ue006"
_SUFFIXES = {"jr", "sr", "ii", "iii", "iv"}


def author_names(composer: Composer) -> list[str]:
    """Return the names of the authors, in order."""
    names: dict[str, None] = {}
    for tokens in composer.front.authors:
        for part in _parts(composer, tokens):
            names.update(dict.fromkeys(names_in(part)))
        if len(names) > MOST_AUTHORS:
            break
    return list(names)


def _parts(composer: Composer, tokens: list[str]) -> list[str]:
    """Split `\\author` tokens where authors are separated. LINE marks the line breaks in a part."""
    stream = Stream(composer.state, tokens)
    parts: list[list[str]] = [[]]
    while token := stream.next():
        if token in _APART:
            if token == "\\hspace":
                stream.starred()
                stream.argument()
            parts.append([])
        elif token in _BREAKS or token.startswith("\\begin{") or token.startswith("\\end{"):
            parts[-1].append(LINE)
            if token == "\\\\":
                stream.starred()
                stream.optional()
        elif token in _NAME:
            parts.append([])
        elif token in _BELOW:
            if not _skip_group(stream) or token == "\\addr":
                parts[-1] += [LINE, _LEADING_MARK]
        elif token == "\\IEEEauthorblockN":
            stream.push([*stream.argument(), "\\\\"])
        elif (signature := _MARKS.get(token)) is not None:
            if token == "\\textsuperscript":
                _note_mark(parts[-1])
            for kind in signature:
                stream.argument() if kind == "m" else stream.optional()
        elif token == "$":
            _note_mark(parts[-1])
            composer.formula_tokens(stream)
        elif token not in "{}":
            parts[-1].append(token)
    return [fill_marks(composer.inline_raw(part), lambda kind, key: "") for part in parts]


def _skip_group(stream: Stream) -> bool:
    """Skip a group, if one comes next, and tell whether one did."""
    stream.skip_blank()
    token = stream.pull()
    stream.push([token] if token else [])
    if token == "{":
        stream.argument()
    return token == "{"


def _note_mark(part: list[str]) -> None:
    """Mark a line that begins with a superscript: it is an affiliation. Other superscripts are
    dropped.
    """
    for token in reversed(part):
        if not token.isspace() and token != LINE:
            return
        if token == LINE:
            break
    part.append(_LEADING_MARK)


def names_in(part: str) -> list[str]:
    """Return the names at the start of a text whose lines are separated by LINE."""
    names: list[str] = []
    for line in part.split(LINE):
        text = " ".join(_SIGNS.sub(" ", line).split()).strip(" ,;")
        if not text:
            continue
        found = [_TITLES.sub("", name).strip() for name in _SPLIT.split(text) if name.strip()]
        found = _with_suffixes(found)
        if _LEADING_MARK in line or not found or not all(_is_name(name) for name in found):
            break
        names += found
    return names


def _with_suffixes(names: list[str]) -> list[str]:
    joined: list[str] = []
    for name in names:
        if joined and name.lower().rstrip(".") in _SUFFIXES:
            joined[-1] += f", {name}"
        else:
            joined.append(name)
    return joined


def _is_name(text: str) -> bool:
    words = text.split()
    several = 1 < len(words) <= 6 or (len(words) == 1 and not text.isascii())
    return several and len(text) <= 60 and _NO_NAME.search(text) is None
