"""Handlers for headings, lists, theorems, counters and front matter."""

import re

from fumehood_tools.reading.document import Block
from fumehood_tools.reading.latex.composing import Composer, Environment, Handler, Target
from fumehood_tools.reading.latex.counters import SECTIONS
from fumehood_tools.reading.latex.definitions import read_class
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.signatures import skip
from fumehood_tools.reading.latex.styles import forget_unreadable
from fumehood_tools.reading.latex.theorems import USUAL, theorem_named
from fumehood_tools.reading.latex.tokens import PARAGRAPH, plain

_LEVELS = {"section": 1, "subsection": 2, "subsubsection": 3, "paragraph": 4, "subparagraph": 5}
_THANKS = {
    "ack": "Acknowledgments and Disclosure of Funding",
    "acknowledgements": "Acknowledgements",
}
_LISTS = (
    "itemize enumerate description compactitem compactenum compactdesc inparaenum inparaitem list "
    "itemize* enumerate* description* asparaenum asparaitem trivlist tablenotes"
)
_QUIET_LISTS = {"list"}
_WITH_ARGUMENTS = {
    **{
        "minipage": "ooom",
        "multicols": "mo",
        "adjustwidth": "mm",
        "adjustbox": "m",
        "spacing": "m",
    },
    **{"list": "mm", "itemize": "o", "enumerate": "o", "description": "o", "compactitem": "o"},
    **{"compactenum": "o", "inparaenum": "o", "tablenotes": "o", "mdframed": "o", "tcolorbox": "o"},
    **{"framed": "", "center": "", "threeparttable": "o", "landscape": "", "singlespace": ""},
    **{"enumerate*": "o", "itemize*": "o", "subequations": "", "adjustbox*": "m", "column": "m"},
    **{"turn": "m", "rotate": "m", "textblock": "m", "CJK": "mm", "CJK*": "mm", "varwidth": "m"},
    **{"lrbox": "m", "fminipage": "oom", "boxedminipage": "oom", "Sbox": "", "shaded": ""},
}
_ASIDE = (
    "affiliation affil address institute institution email orcid authornote ead cortext "
    "fntext corref altaffiliation affiliations authornotemark "
    "additionalaffiliation homepage collaboration thanksref tnotetext preprint dedicatory "
    "curraddr subjclass printAffiliationsAndNotice"
)
_DROPPED = (
    "tikzpicture pgfpicture picture pspicture filecontents CCSXML tikzcd forest axis comment "
    "axisdescription abstractkeywords bytefield"
)


def _heading(name: str) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        composer.end_paragraph()
        composer.lists.clear()
        starred = stream.starred()
        stream.optional()
        counters = composer.counters
        depth = SECTIONS.index(name) - 1
        number = None
        if not starred and depth <= counters.deepest:
            number = counters.step(name) or None
        composer.here = Target("appendix" if counters.in_appendix else name, number or "")
        here = composer.here
        title = here.title = composer.inline(stream.passage())
        level = _LEVELS.get(name, 1) + (counters.book and name not in ("part", "chapter"))
        if title:
            composer.add(Block(kind="heading", text=title, level=level, number=number))

    return handler


def _appendix(composer: Composer, stream: Stream) -> None:
    composer.end_paragraph()
    composer.counters.appendix()


def _begin_appendix(composer: Composer, stream: Stream, name: str) -> None:
    if not composer.counters.in_appendix:
        _appendix(composer, stream)


def _begin_list(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    skip(stream, _WITH_ARGUMENTS.get(name, ""))
    composer.lists.append(name)


def _end_list(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    if composer.lists:
        composer.lists.pop()


def _item(composer: Composer, stream: Stream) -> None:
    composer.end_paragraph()
    label = stream.optional()
    if label is not None:
        if text := composer.inline(label):
            composer.out.append(f"{text} ")
    elif composer.lists and composer.lists[-1].endswith("enumerate"):
        depth = sum(kind.endswith("enumerate") for kind in composer.lists)
        counter = f"enum{depth}"
        composer.here = Target("item", composer.counters.step(counter))


def _begin_enumerate(composer: Composer, stream: Stream, name: str) -> None:
    _begin_list(composer, stream, name)
    depth = sum(kind.endswith("enumerate") for kind in composer.lists)
    composer.counters.set(f"enum{depth}", 0)


def _theorem(composer: Composer, stream: Stream, name: str) -> None:
    known = composer.state.theorems.get(name) or theorem_named(name)
    title, shared, within, unnumbered = known
    composer.end_paragraph()
    note = stream.optional()
    counter = shared or name
    if within:
        composer.counters.number_within(counter, within)
    number = "" if unnumbered else composer.counters.step(counter)
    composer.here = Target(title.lower(), number)
    named = f" ({composer.inline(note)})" if note else ""
    composer.out.append(" ".join(filter(None, (title, number))) + f"{named}. ")


def _proof(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    note = stream.optional()
    composer.out.append(f"{composer.inline(note) if note else 'Proof'}. ")


def _acknowledgments(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    composer.lists.clear()
    composer.add(Block(kind="heading", text=_THANKS.get(name, "Acknowledgments"), level=1))


def _separate(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()


def _transparent(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    skip(stream, _WITH_ARGUMENTS.get(name, ""))


def _dropped(composer: Composer, stream: Stream, name: str) -> None:
    composer.body(stream, name)


def _document(composer: Composer, stream: Stream, name: str) -> None:
    composer.out.clear()
    composer.started = composer.state.begun = True
    forget_unreadable(composer.state)


def _end_document(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    while stream.pull():
        pass


def _document_class(composer: Composer, stream: Stream) -> None:
    options = plain(stream.optional() or [])
    name = plain(stream.argument()).strip()
    for known in read_class(stream, name, options):
        composer.counters.use_class(known)


def _two_columns(composer: Composer, stream: Stream) -> None:
    """Handle `\\twocolumn[…]`: what stands in the brackets is printed above both columns."""
    stream.skip_blank()
    token = stream.pull()
    if token != "[":
        stream.push([token] if token else [])
        return
    inside: list[str] = []
    depth = 0
    while (token := stream.pull()) and not (token == "]" and depth == 0):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token, 0)
        inside.append(token)
    stream.push([*inside, PARAGRAPH])


def _title(composer: Composer, stream: Stream) -> None:
    stream.optional()
    title = composer.inline(stream.passage())
    composer.front.title = composer.front.title or title


def _author(composer: Composer, stream: Stream) -> None:
    stream.starred()
    stream.optional()
    composer.front.authors.append(stream.argument())


def _icml_author(composer: Composer, stream: Stream) -> None:
    composer.front.authors.append(stream.argument())
    stream.argument()


def _aside(composer: Composer, stream: Stream) -> None:
    """Skip author information that is not a name, such as affiliations and addresses."""
    stream.starred()
    stream.optional()
    composer.inline(stream.passage())


def _icml_aside(composer: Composer, stream: Stream) -> None:
    stream.argument()
    composer.inline(stream.passage())


def _take_abstract(composer: Composer, tokens: list[str]) -> None:
    composer.lists.clear()
    paragraphs: list[list[str]] = [[]]
    for token in tokens:
        if token in (PARAGRAPH, "\\par"):
            paragraphs.append([])
        else:
            paragraphs[-1].append(token)
    texts = [composer.inline(paragraph) for paragraph in paragraphs]
    text = "\n\n".join(filter(None, texts))
    composer.front.abstract = composer.front.abstract or text


def _abstract(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    _take_abstract(composer, composer.body(stream, name))


def _abstract_command(composer: Composer, stream: Stream) -> None:
    tokens = stream.argument()
    if len(tokens) > 1:
        _take_abstract(composer, tokens)


def _keywords(composer: Composer, stream: Stream) -> None:
    words = composer.inline(stream.passage())
    if words:
        composer.front.keywords = composer.front.keywords or f"Keywords: {words}"


def _keywords_environment(composer: Composer, stream: Stream, name: str) -> None:
    words = composer.inline(composer.body(stream, name))
    composer.front.keywords = composer.front.keywords or f"Keywords: {words}"


def _set_counter(composer: Composer, stream: Stream) -> None:
    name = plain(stream.argument()).strip()
    value = plain(stream.argument()).strip()
    if re.fullmatch(r"-?\d{1,6}", value):
        composer.counters.set(name, int(value))


def _add_to_counter(composer: Composer, stream: Stream) -> None:
    name = plain(stream.argument()).strip()
    value = plain(stream.argument()).strip()
    if re.fullmatch(r"-?\d{1,6}", value):
        composer.counters.set(name, composer.counters.value(name) + int(value))


def _step_counter(composer: Composer, stream: Stream) -> None:
    name = plain(stream.argument()).strip()
    composer.here = Target(name, composer.counters.step(name))


def _number_within(composer: Composer, stream: Stream) -> None:
    stream.starred()
    counter = plain(stream.argument()).strip()
    composer.counters.number_within(counter, plain(stream.argument()).strip())


def _printed_number(style: str) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        name = plain(stream.argument()).strip().removeprefix("\\c@")
        composer.out.append(composer.counters.shown(style, name))

    return handler


STRUCTURE_HANDLERS: dict[str, Handler] = {
    **{f"\\{name}": _heading(name) for name in SECTIONS},
    "\\bmsection": _heading("section"),
    "\\appendix": _appendix,
    "\\appendices": _appendix,
    "\\item": _item,
    "\\documentclass": _document_class,
    "\\twocolumn": _two_columns,
    **{f"\\{name}": _title for name in ("title", "icmltitle", "Title")},
    **{f"\\{name}": _author for name in ("author", "Author", "name", "authors")},
    "\\icmlauthor": _icml_author,
    **{f"\\{name}": _aside for name in _ASIDE.split()},
    **dict.fromkeys(
        ("\\icmlaffiliation", "\\icmlsetsymbol", "\\icmlcorrespondingauthor"), _icml_aside
    ),
    "\\abstract": _abstract_command,
    **dict.fromkeys(("\\keywords", "\\IEEEkeywords", "\\keyword", "\\icmlkeywords"), _keywords),
    "\\setcounter": _set_counter,
    "\\addtocounter": _add_to_counter,
    **dict.fromkeys(("\\refstepcounter", "\\stepcounter"), _step_counter),
    **dict.fromkeys(("\\numberwithin", "\\counterwithin"), _number_within),
    **{
        f"\\{at}{style}": _printed_number(style)
        for style in ("arabic", "Alph", "alph", "Roman", "roman")
        for at in ("", "@")
    },
}
STRUCTURE_ENVIRONMENTS: dict[str, Environment] = {
    "document": _document,
    "end document": _end_document,
    "abstract": _abstract,
    "abstract*": _abstract,
    **dict.fromkeys(("keywords", "IEEEkeywords", "keyword", "icmlkeywords"), _keywords_environment),
    **dict.fromkeys(("appendices", "appendix", "subappendices"), _begin_appendix),
    **dict.fromkeys(_LISTS.split(), _begin_list),
    **dict.fromkeys(("enumerate", "compactenum"), _begin_enumerate),
    **{f"end {name}": _end_list for name in _LISTS.split()},
    **dict.fromkeys(USUAL, _theorem),
    **{f"end {name}": _separate for name in USUAL},
    **dict.fromkeys(("proof", "IEEEproof", "Proof"), _proof),
    **dict.fromkeys(("acks", "ack", "acknowledgments", "acknowledgements"), _acknowledgments),
    **dict.fromkeys(_DROPPED.split(), _dropped),
    **dict.fromkeys(_WITH_ARGUMENTS.keys() - set(_LISTS.split()), _transparent),
    **{f"end {name}": _separate for name in _WITH_ARGUMENTS.keys() - set(_LISTS.split())},
    **dict.fromkeys(
        (
            *("quote", "quotation", "verse", "flushleft", "flushright", "titlepage"),
            *("end quote", "end quotation", "end verse", "end flushleft", "end acks"),
            *("end proof", "end IEEEproof", "end Proof", "end ack", "end acknowledgments"),
            *("end acknowledgements", "frontmatter"),
        ),
        _separate,
    ),
}
