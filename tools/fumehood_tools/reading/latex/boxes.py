"""Boxes with titles and listings with captions (tcolorbox, mdframed, listings, fancyvrb).

`BOX_DEFINITIONS` carries out the commands with which a paper defines boxes of its own: a box
becomes an environment whose options are known. The title of a box becomes a paragraph of its own.
"""

import re
from collections.abc import Callable

from fumehood_tools.reading.document import Block
from fumehood_tools.reading.latex.composing import Composer, Environment, Handler, Target
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.macros import Macro
from fumehood_tools.reading.latex.signatures import skip
from fumehood_tools.reading.latex.tokens import LISTING_OPTIONS, plain

_BOX = "titled box"
_NUMBERED_BOX = "\\numbered box"
_COUNTED = "\\counted box"
_TITLES = ("title", "frametitle", "adjusted title")


def options_of(tokens: list[str]) -> dict[str, list[str]]:
    """Return options such as `title=A, label={b}` by key. An option without a value has none."""
    found: dict[str, list[str]] = {}
    key, value, depth, has_value = "", list[str](), 0, False
    for token in [*tokens, ","]:
        pieces = re.split(r"([,=])", token) if depth == 0 and token[0] not in "\\\x01" else [token]
        for piece in filter(None, pieces):
            depth += {"{": 1, "}": -1}.get(piece, 0)
            if piece == "," and depth == 0:
                found[key.strip().lower()] = _bare(value)
                key, value, has_value = "", [], False
            elif piece == "=" and depth == 0 and not has_value:
                has_value = True
            elif has_value:
                value.append(piece)
            else:
                key += piece
    return found


def _bare(value: list[str]) -> list[str]:
    """Return a value without blanks and braces around it."""
    while value and value[0].isspace():
        value = value[1:]
    while value and value[-1].isspace():
        value = value[:-1]
    return value[1:-1] if value[:1] == ["{"] and value[-1:] == ["}"] else value


def _titled(composer: Composer, options: list[str]) -> None:
    composer.end_paragraph()
    known = options_of(options)
    if label := plain(known.get("label", [])).strip():
        composer.labels.setdefault(label, composer.here)
    title = next((known[name] for name in _TITLES if known.get(name)), [])
    if title and (said := composer.inline(title)):
        composer.out.append(said)
        composer.end_paragraph()


def _box(composer: Composer, stream: Stream, name: str) -> None:
    _titled(composer, stream.argument() if name == _BOX else stream.optional() or [])


def _end_box(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()


def _numbered_box(composer: Composer, stream: Stream) -> None:
    """Handle a theorem of tcolorbox: `\\begin{name}{title}{label}`."""
    name, display, prefix = (plain(stream.argument()).strip() for _ in range(3))
    title, label = composer.inline(stream.argument()), plain(stream.argument()).strip()
    composer.end_paragraph()
    number = composer.counters.step(name)
    composer.here = Target(display.lower(), number, title)
    composer.labels.setdefault(f"{prefix}:{label}", composer.here)
    composer.out.append(f"{display} {number}" + (f": {title}. " if title else ". "))


def _counted(composer: Composer, stream: Stream) -> None:
    """Count a box that has a number of its own."""
    counter, within = (plain(stream.argument()).strip() for _ in range(2))
    if within:
        composer.counters.number_within(counter, within)
    composer.here = Target("box", composer.counters.step(counter))


def _box_number(composer: Composer, stream: Stream) -> None:
    composer.out.append(composer.here.number)


def _lower_part(composer: Composer, stream: Stream) -> None:
    composer.end_paragraph()


def _listing_options(composer: Composer, stream: Stream) -> None:
    """Number the caption of a listing and store its label."""
    visible_label = plain(stream.argument()) == "label"
    options = options_of(stream.argument())
    caption = options.get("caption", [])
    if caption[:1] == ["["] and "]" in caption:
        caption = caption[caption.index("]") + 1 :]
    lines = [composer.inline(options["title"])] if options.get("title") else []
    if caption:
        number = composer.counters.step("listing")
        text = composer.inline(caption)
        composer.here = Target("listing", number, text)
        lines.append(f"Listing {number}: {text}")
    label = options.get("label", [])
    if label and visible_label and "frame" in options:
        lines.append(composer.inline(label))
    elif label:
        composer.labels.setdefault(plain(label).strip(), composer.here)
    for line in filter(None, lines):
        composer.add(Block(kind="code", text=line))


# -- definitions -----------------------------------------------------------------------------------


def _kinds(stream: Stream) -> tuple[str, list[list[str]]]:
    count = plain(stream.optional() or []).strip()
    default = stream.optional() if count else None
    number = min(int(count), 9) if count.isdigit() else 0
    kinds = "m" * number if default is None else "o" + "m" * (number - 1)
    return kinds, [default or [], *[[]] * max(0, number - 1)][:number]


def _store(
    stream: Stream, name: str, kinds: str, defaults: list[list[str]], counting: str = ""
) -> None:
    body = [f"\\begin{{{_BOX}}}", "{", *stream.argument(), "}"]
    if "auto counter" in counting:
        within = re.search(r"number within\s*=\s*(\w+)", counting)
        counter = "tcb" + re.sub(r"\W", "", name)
        body = [
            _COUNTED,
            "{",
            counter,
            "}",
            "{",
            *([within.group(1)] if within else []),
            "}",
            *body,
        ]
    begin = Macro(kinds, defaults, [[]] * len(kinds), [], body)
    stream.state.environments[name] = (begin, [f"\\end{{{_BOX}}}"])


def _new_box(stream: Stream) -> None:
    """Handle `\\newtcolorbox[…]{name}[2][default]{options}`."""
    counting = plain(stream.optional() or [])
    name = plain(stream.argument()).strip()
    _store(stream, name, *_kinds(stream), counting)


def _new_box_with_spec(stream: Stream) -> None:
    """Handle `\\NewTColorBox[…]{name}{m O{}}{options}`."""
    counting = plain(stream.optional() or [])
    name = plain(stream.argument()).strip()
    inner = Stream(stream.state, stream.argument())
    kinds, defaults = "", list[list[str]]()
    while token := inner.letter():
        if token in "moO":
            kinds += token.lower()
            defaults.append(inner.argument() if token == "O" else [])
    _store(stream, name, kinds, defaults, counting)


def _new_frame(stream: Stream) -> None:
    """Handle `\\newmdenv[options]{name}`."""
    options = stream.optional() or []
    name = plain(stream.argument()).strip()
    body = [f"\\begin{{{_BOX}}}", "{", *options, ",", "#1", "}"]
    begin = Macro("o", [[]], [[]], [], body)
    stream.state.environments[name] = (begin, [f"\\end{{{_BOX}}}"])


def _new_inline_box(stream: Stream) -> None:
    """Handle `\\newtcbox{\\name}[1][default]{options}`, whose last argument is the text."""
    stream.optional()
    name = next((token for token in stream.argument() if token != " "), "")
    kinds, defaults = _kinds(stream)
    stream.argument()
    if len(name) > 1 and len(kinds) < 9:
        count = len(kinds) + 1
        body = ["{", f"#{count}", "}"]
        stream.state.macros[name] = Macro(kinds + "m", [*defaults, []], [[]] * count, [], body)


def _new_theorem_box(stream: Stream) -> None:
    """Handle `\\newtcbtheorem[…]{name}{Title}{options}{prefix}`."""
    stream.optional()
    name, display = plain(stream.argument()).strip(), stream.argument()
    stream.argument()
    prefix = stream.argument()
    counter = "tcb" + re.sub(r"\W", "", name)
    given = ["{", counter, "}", "{", *display, "}", "{", *prefix, "}"]
    body = [_NUMBERED_BOX, *given, "{", "#2", "}", "{", "#3", "}"]
    begin = Macro("omm", [[]] * 3, [[]] * 3, [], body)
    stream.state.environments[name] = (begin, ["\\par"])


def _skip_rest(signature: str) -> Callable[[Stream], None]:
    return lambda stream: skip(stream, signature)


BOX_DEFINITIONS: dict[str, Callable[[Stream], None]] = {
    **dict.fromkeys(("\\newtcolorbox", "\\renewtcolorbox"), _new_box),
    **{f"\\{verb}TColorBox": _new_box_with_spec for verb in ("New", "Renew", "Declare", "Provide")},
    "\\newmdenv": _new_frame,
    "\\newtcbox": _new_inline_box,
    "\\newtcbtheorem": _new_theorem_box,
    # The environments that these define are read verbatim: see `listings`.
    "\\lstnewenvironment": _skip_rest("moomm"),
    **dict.fromkeys(("\\newtcblisting", "\\renewtcblisting"), _skip_rest("omoom")),
    **{f"\\{verb}TCBListing": _skip_rest("ommm") for verb in ("New", "Renew", "Declare")},
    **{f"\\{verb}VerbatimEnvironment": _skip_rest("mmm") for verb in ("Define", "Custom")},
    "\\newminted": _skip_rest("omm"),
}
BOX_HANDLERS: dict[str, Handler] = {
    LISTING_OPTIONS: _listing_options,
    _NUMBERED_BOX: _numbered_box,
    _COUNTED: _counted,
    "\\thetcbcounter": _box_number,
    **dict.fromkeys(("\\tcblower", "\\tcbline"), _lower_part),
}
BOX_ENVIRONMENTS: dict[str, Environment] = {
    **dict.fromkeys((_BOX, "tcolorbox", "mdframed"), _box),
    **dict.fromkeys((f"end {_BOX}", "end tcolorbox", "end mdframed"), _end_box),
}
