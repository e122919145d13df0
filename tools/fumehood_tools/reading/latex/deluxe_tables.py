"""Read the deluxetable of AASTeX, and ctable: tables whose caption, header and notes are commands.

\\begin{deluxetable*}{lc}
\\tablecaption{…} \\tablehead{\\colhead{…} & \\colhead{…}}
\\startdata … \\enddata
\\tablecomments{…}
\\end{deluxetable*}
"""

from fumehood_tools.reading.document import Block
from fumehood_tools.reading.latex.composing import Composer, Environment, Float, Handler
from fumehood_tools.reading.latex.displays import add_captioned, caption, close_float
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.signatures import skip
from fumehood_tools.reading.latex.tables import rows_of
from fumehood_tools.reading.latex.tokens import plain

_NOTES = ("\\tablecomments", "\\tablerefs")
_BETWEEN = {"\\cutinhead", "\\sidehead", "\\tablebreak"}


def _deluxe(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    skip(stream, "om")
    inner = Stream(composer.state, composer.body(stream, name))
    composer.float = Float("table")
    head: list[str] = []
    data: list[str] = []
    notes: list[str] = []
    while token := inner.pull():
        if token in ("\\tablecaption", "\\caption"):
            caption(composer, inner)
        elif token == "\\tablenum":
            number = composer.inline(inner.argument())
            if number.isdecimal():
                composer.counters.set("table", int(number) - 1)
        elif token == "\\tablehead":
            head = inner.argument()
        elif token == "\\startdata":
            data = inner.until(("\\enddata",))
        elif token == "\\label":
            composer.inline([token, "{", *inner.argument(), "}"])
        elif token in _NOTES:
            notes.append(composer.inline(inner.argument()))
        elif token == "\\tablenotetext":
            mark = composer.inline(inner.argument())
            notes.append(f"{mark} {composer.inline(inner.argument())}")
    _add_table(composer, [*head, "\\\\", *_with_heads_between(composer, data)])
    close_float(composer)
    composer.blocks += [Block(kind="paragraph", text=note) for note in notes if note]


def _add_table(composer: Composer, tokens: list[str]) -> None:
    rows = rows_of(composer, tokens)
    if rows:
        composer.add(Block(kind="table", text="", rows=rows))


def _with_heads_between(composer: Composer, tokens: list[str]) -> list[str]:
    """Return the data of a table with `\\cutinhead{…}` and `\\sidehead{…}` as rows of their own."""
    inner = Stream(composer.state, tokens)
    data: list[str] = []
    while token := inner.pull():
        if token not in _BETWEEN:
            data.append(token)
        elif token != "\\tablebreak":
            data += ["\\\\", *inner.argument(), "\\\\"]
    return data


def _column_head(composer: Composer, stream: Stream) -> None:
    stream.push(stream.argument())


def _two_column_head(composer: Composer, stream: Stream) -> None:
    composer.out.append(composer.inline(stream.argument()))
    composer.extra_columns += 1


def _no_data(composer: Composer, stream: Stream) -> None:
    composer.out.append("…")


def _phantom(composer: Composer, stream: Stream) -> None:
    """Print nothing, as `\\phn` is as wide as a digit, and `\\decimals` aligns the columns."""


def _note_mark(composer: Composer, stream: Stream) -> None:
    stream.push(["\\textsuperscript", "{", *stream.argument(), "}"])


def _ctable(composer: Composer, stream: Stream) -> None:
    """Handle `\\ctable[caption=…,label=…]{columns}{notes}{rows}`."""
    composer.end_paragraph()
    options = plain(stream.optional() or [])
    stream.argument()
    notes, tokens = stream.argument(), stream.argument()
    composer.float = Float("table")
    add_captioned(composer, options)
    _add_table(composer, tokens)
    close_float(composer)
    composer.blocks += _table_notes(composer, Stream(composer.state, notes))


def _table_notes(composer: Composer, inner: Stream) -> list[Block]:
    """Return the notes of `\\tnote[a]{…}` as paragraphs."""
    blocks: list[Block] = []
    while token := inner.pull():
        if token == "\\tnote":
            mark = composer.inline(inner.optional() or [])
            text = composer.inline(inner.argument())
            blocks.append(Block(kind="paragraph", text=f"{mark} {text}".strip()))
    return blocks


DELUXE_HANDLERS: dict[str, Handler] = {
    "\\colhead": _column_head,
    "\\twocolhead": _two_column_head,
    "\\nodata": _no_data,
    **dict.fromkeys(("\\phn", "\\phd", "\\phs", "\\decimals", "\\colnumbers"), _phantom),
    "\\tablenotemark": _note_mark,
    "\\ctable": _ctable,
}
DELUXE_ENVIRONMENTS: dict[str, Environment] = {
    f"{name}{star}": _deluxe
    for name in ("deluxetable", "splitdeluxetable", "longdeluxetable", "planotable")
    for star in ("", "*")
}
