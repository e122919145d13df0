"""Handlers for displayed material: equations, figures, tables, listings and algorithms."""

import re
from itertools import groupby

from fumehood_tools.reading.document import Block
from fumehood_tools.reading.latex.algorithms import pseudocode
from fumehood_tools.reading.latex.columns import columns_of
from fumehood_tools.reading.latex.composing import Composer, Environment, Float, Handler, Target
from fumehood_tools.reading.latex.counters import letter
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.signatures import skip
from fumehood_tools.reading.latex.tables import rows_of, split_rows, value_of
from fumehood_tools.reading.latex.tokens import (
    LISTING,
    LISTING_OPTIONS,
    PARAGRAPH,
    plain,
    settle,
    tokenize,
)

_BY_ROW = {"align", "gather", "eqnarray", "alignat", "flalign", "IEEEeqnarray", "xalignat"}
_WITH_COLUMNS = {"alignat": "m", "IEEEeqnarray": "om", "xalignat": "m"}
_EQUATIONS = (
    "equation equation* align align* gather gather* eqnarray eqnarray* alignat alignat* flalign "
    "flalign* multline multline* displaymath math dmath dmath* IEEEeqnarray IEEEeqnarray* xalignat"
)
_TABULARS = {
    **{"tabular": "om", "tabular*": "mom", "tabularx": "mom", "tabulary": "mom", "array": "om"},
    **{"longtable": "om", "supertabular": "m", "tabu": "m", "longtabu": "m", "NiceTabular": "om"},
    **{"tblr": "om", "xltabular": "omm", "tabularray": "om", "longtblr": "om", "talltblr": "om"},
    **{"longtable*": "om", "supertabular*": "mm", "mpsupertabular": "m", "xtabular": "m"},
    **{"xtabular*": "mm", "NiceTabular*": "mom", "NiceTabularX": "mom", "tabulary*": "mom"},
}
_LONG = ("longtable", "longtable*", "xltabular", "longtabu", "supertabular", "supertabular*")
_LONG_TABLES = {*_LONG, "longtblr", "talltblr", "xtabular", "xtabular*", "mpsupertabular"}
_FLOATS: dict[str, str] = {
    **dict.fromkeys(("figure", "figure*", "wrapfigure", "SCfigure", "sidewaysfigure"), "figure"),
    **dict.fromkeys(
        ("floatingfigure", "teaserfigure", "sidewaysfigure*", "marginfigure"), "figure"
    ),
    **dict.fromkeys(("table", "table*", "wraptable", "sidewaystable", "SCtable"), "table"),
    **dict.fromkeys(("sidewaystable*", "margintable", "SCtable*", "tablehere"), "table"),
    **dict.fromkeys(("specialtable", "specialtable*", "widetable", "wraptable*"), "table"),
    **dict.fromkeys(("SCfigure*", "figurehere", "wrapfigure*"), "figure"),
    **dict.fromkeys(("algorithm", "algorithm*", "algorithm2e", "listing", "listing*"), "code"),
}
_FLOAT_ARGUMENTS = {
    **{"wrapfigure": "omom", "wraptable": "omom", "floatingfigure": "om"},
    **{"wrapfigure*": "omom", "wraptable*": "omom"},
}


def _equation(composer: Composer, stream: Stream, name: str) -> None:
    """Add the equations of an environment, one block per printed number.

    Rows without a number are merged into the next row that has one.
    """
    base = name.rstrip("*")
    skip(stream, _WITH_COLUMNS.get(base, ""))
    composer.state.in_formula = True
    tokens = [token for token in composer.body(stream, name) if token != PARAGRAPH]
    composer.state.in_formula = False
    numbered = not name.endswith("*") and base not in ("math", "displaymath")
    rows = [row[0] for row in split_rows(tokens, cells=False)] if base in _BY_ROW else [tokens]
    held: list[list[str]] = []
    for row in rows:
        if not any(token.strip() for token in row):
            continue
        clean, number = _numbered(composer, row, numbered)
        held.append(clean)
        if number is not None:
            composer.add_equation(_together(held), number)
            held = []
    if held:
        composer.add_equation(_together(held))


def _numbered(composer: Composer, row: list[str], numbered: bool) -> tuple[list[str], str | None]:
    """Return a row of an equation without its label and tag, and the number it prints."""
    clean: list[str] = []
    labels: list[str] = []
    number: str | None = None
    stream = Stream(composer.state, row)
    while token := stream.pull():
        if token == "\\label":
            labels.append(plain(stream.argument()).strip())
        elif token == "\\tag":
            stream.starred()
            number, numbered = settle(composer.inline(stream.passage())).strip("()"), False
        elif token in ("\\nonumber", "\\notag"):
            numbered = False
        else:
            clean.append(token)
    if numbered:
        number = composer.counters.step("equation")
    if number is not None:
        composer.here = Target("equation", number)
        composer.labels.update(dict.fromkeys(labels, composer.here))
    return clean, number


def _together(rows: list[list[str]]) -> list[str]:
    if len(rows) == 1:
        return [token for token in rows[0] if token != "&" or "\\begin" in "".join(rows[0])]
    joined = rows[0]
    for row in rows[1:]:
        joined = [*joined, "\\\\", " ", *row]
    if "&" in joined:
        return ["\\begin{aligned}", " ", *joined, " ", "\\end{aligned}"]
    return joined


def _bracketed_equation(composer: Composer, stream: Stream) -> None:
    inside, _ = composer.formula_tokens(stream, "\\]")
    clean, number = _numbered(composer, inside, numbered=False)
    composer.add_equation(clean, number)


def _subequations(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    main = composer.counters.step("equation")
    composer.here = Target("equation", main)
    composer.counters.begin_sub("equation", main)


def _end_subequations(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    composer.counters.end_sub("equation")


def _tabular(composer: Composer, stream: Stream, name: str) -> None:
    opened = name in _LONG_TABLES and composer.float is None and not composer.depth
    if opened:
        composer.end_paragraph()
        composer.float = Float("table")
    if name in ("longtblr", "talltblr"):
        add_captioned(composer, plain(stream.optional() or []))
    skip(stream, _TABULARS[name].removesuffix("m"))
    columns = stream.argument()
    tokens = composer.body(stream, name)
    if composer.depth:
        cells = [composer.inline(cell) for row in split_rows(tokens, cells=True) for cell in row]
        composer.out.append(" ".join(filter(None, cells)))
        return
    rows = rows_of(composer, tokens, columns_of(composer.state, columns))
    holds_text = any(any(letter.isalnum() for letter in cell) for row in rows for cell in row)
    if rows and holds_text:
        composer.add(Block(kind="table", text="", rows=rows))
    if opened:
        close_float(composer)


def _float(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    if composer.float is not None or composer.depth:
        return
    skip(stream, _FLOAT_ARGUMENTS.get(name, "o"))
    kind = _FLOATS[name]
    tokens = composer.body(stream, name)
    composer.float = Float("figure" if kind == "figure" else "table" if kind == "table" else "code")
    if kind == "code" and not any(token[0] == "\x02" for token in tokens):
        title, code = pseudocode(composer, tokens)
        composer.float = None
        text = "\n".join(filter(None, (title, code)))
        composer.add(Block(kind="code", text=text))
        return
    lists, composer.lists = composer.lists, []
    composer.run(Stream(composer.state, tokens))
    close_float(composer)
    composer.lists = lists


def close_float(composer: Composer) -> None:
    """Finish the current float: pair its captions with its tables, and add its blocks."""
    done, composer.float = composer.float, None
    composer.end_paragraph()
    if done is None:
        return
    for block in _paired(done.items):
        composer.add(block)
    composer.blocks += composer.footnotes
    composer.footnotes.clear()


def _paired(items: list[Block]) -> list[Block]:
    """Merge each caption with the adjacent table that has no caption, whichever comes first."""
    paired: list[Block] = []
    for _, same in groupby(items, key=lambda block: block.kind):
        waiting: Block | None = None
        for block in same:
            if block.kind != "table":
                paired.append(block)
            elif waiting is not None and bool(waiting.rows) != bool(block.rows):
                whole, named = (waiting, block) if waiting.rows else (block, waiting)
                paired.append(named.model_copy(update={"rows": whole.rows}))
                waiting = None
            else:
                paired += [waiting] if waiting is not None else []
                waiting = block
        paired += [waiting] if waiting is not None else []
    return paired


def caption(composer: Composer, stream: Stream) -> None:
    """Add the caption of the current float."""
    kind = composer.float.kind if composer.float is not None else "figure"
    _captioned(composer, stream, kind)


def add_captioned(composer: Composer, options: str) -> None:
    """Add the caption and the label in options: `caption={…}, label={…}`."""
    if text := value_of(options, "caption"):
        caption(composer, Stream(composer.state, ["{", *tokenize(text).tokens, "}"]))
    if label := value_of(options, "label"):
        composer.inline(["\\label", "{", label, "}"])


def _caption_of(composer: Composer, stream: Stream) -> None:
    starred = stream.starred()
    kind = plain(stream.argument()).strip()
    stream.push(["*"] if starred else [])
    _captioned(composer, stream, kind if kind in ("figure", "table") else "code")


def _captioned(composer: Composer, stream: Stream, kind: str) -> None:
    starred = stream.starred()
    stream.optional()
    number = None if starred else _float_number(composer, kind)
    if number is not None:
        composer.here = Target("listing" if kind == "code" else kind, number)
    here = composer.here
    text = composer.inline(stream.passage())
    here.title = text if number is not None else here.title
    if kind == "code":
        block = Block(kind="code", text=f"Listing {number}: {text}" if number else text)
    else:
        block = Block(kind="figure" if kind == "figure" else "table", text=text, number=number)
    if composer.float is not None:
        composer.float.items.append(block)
    else:
        composer.add(block)


def _float_number(composer: Composer, kind: str) -> str:
    counter = "listing" if kind == "code" else kind
    around = composer.float
    if around is None or not around.in_sub:
        if around is not None:
            around.numbered = True
        return composer.counters.step(counter)
    main = composer.counters.upcoming(counter, 0 if around.numbered else 1)
    return f"{main}{letter(around.sub)}"


def _subfloat(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    skip(stream, "ooom")
    if composer.float is not None:
        composer.float.sub += 1
        composer.float.in_sub = True


def _end_subfloat(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    if composer.float is not None:
        composer.float.in_sub = False


def _subfloat_command(composer: Composer, stream: Stream) -> None:
    """Handle `\\subfloat[caption]{content}`."""
    caption = stream.optional()
    content = stream.argument()
    if composer.float is not None:
        composer.float.sub += 1
        composer.float.in_sub = True
        if caption is not None:
            _captioned(composer, Stream(composer.state, ["{", *caption, "}"]), composer.float.kind)
        composer.run(Stream(composer.state, content))
        composer.float.in_sub = False
    else:
        stream.push(content)


def _algorithmic(composer: Composer, stream: Stream, name: str) -> None:
    stream.optional()
    if composer.depth:
        # Inside an algorithm float, the float builds the code block from these lines.
        composer.out.append(composer.inline_raw(composer.body(stream, name)))
        return
    _, code = pseudocode(composer, composer.body(stream, name))
    composer.add(Block(kind="code", text=code))


def _input_listing(composer: Composer, stream: Stream) -> None:
    """Handle `\\lstinputlisting[options]{file}`."""
    options = stream.optional() or []
    name = re.sub(r"^\./", "", plain(stream.argument()).strip())
    shown = [LISTING_OPTIONS, "{", "caption", "}", "{", *options, "}"] if options else []
    text = composer.state.files.get(name)
    if text is None:
        composer.state.warn(f"The file {name[:80]!r} is not in the source.")
    stream.push([*shown, *([LISTING + text.strip("\n")] if text else [])])


def _input_minted(composer: Composer, stream: Stream) -> None:
    """Handle `\\inputminted[options]{language}{file}`."""
    stream.optional()
    stream.argument()
    _input_listing(composer, stream)


DISPLAY_HANDLERS: dict[str, Handler] = {
    "\\[": _bracketed_equation,
    "\\caption": caption,
    "\\captionof": _caption_of,
    "\\subcaption": caption,
    "\\tablecaption": caption,
    **dict.fromkeys(
        ("\\subfloat", "\\subfigure", "\\subcaptionbox", "\\subtable"), _subfloat_command
    ),
    **dict.fromkeys(
        ("\\lstinputlisting", "\\verbatiminput", "\\VerbatimInput", "\\BVerbatimInput"),
        _input_listing,
    ),
    "\\inputminted": _input_minted,
}
DISPLAY_ENVIRONMENTS: dict[str, Environment] = {
    **dict.fromkeys(_EQUATIONS.split(), _equation),
    "subequations": _subequations,
    "end subequations": _end_subequations,
    **dict.fromkeys(_TABULARS, _tabular),
    **dict.fromkeys(_FLOATS, _float),
    **dict.fromkeys(("subfigure", "subtable", "subfigure*"), _subfloat),
    **dict.fromkeys(("end subfigure", "end subtable", "end subfigure*"), _end_subfloat),
    **dict.fromkeys(("algorithmic", "algorithmic*", "pseudocode"), _algorithmic),
}
