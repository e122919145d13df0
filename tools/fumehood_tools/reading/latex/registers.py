"""Counts, boxes and further bibliographies of a paper (`\\newcount`, `\\sbox`, `\\newcites`)."""

from collections.abc import Callable

from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.macros import Macro
from fumehood_tools.reading.latex.meanings import read_number
from fumehood_tools.reading.latex.signatures import skip
from fumehood_tools.reading.latex.tokens import RAW, plain

_CITING = (
    "cite citep citet citealp citealt citeauthor citeyear citeyearpar Citet Citep citenum nocite "
    "bibliography"
)


def _name(stream: Stream) -> str:
    return next((token for token in stream.argument() if token != " "), "")


def _newcount(stream: Stream) -> None:
    name = _name(stream)
    stream.state.registers[name] = 0
    if len(name) > 1 and name[0] == "\\":
        stream.state.macros[name] = Macro("", [], [], [], ["\\assign ", name])


def _assign(stream: Stream) -> None:
    name = stream.pull()
    stream.state.registers[name] = read_number(stream) or 0


def _advance(stream: Stream) -> None:
    name = stream.pull()
    stream.skip_blank()
    word = stream.pull()
    stream.push(
        [word[2:]] if word.startswith("by") and word[2:] else [] if word == "by" else [word]
    )
    stream.state.registers[name] = stream.state.registers.get(name, 0) + (read_number(stream) or 0)


def _the(stream: Stream) -> None:
    name = stream.pull()
    value = stream.state.registers.get(name)
    stream.push([name] if value is None and name else [RAW + str(value)] if name else [])


def _detokenized(stream: Stream) -> None:
    said = plain(stream.argument())
    stream.push([RAW + said] if said else [])


def _save_box(stream: Stream) -> None:
    name = _name(stream)
    skip(stream, "poo")
    stream.state.boxes[name] = stream.argument()


def _use_box(stream: Stream) -> None:
    stream.push(["{", *stream.state.boxes.get(_name(stream), []), "}"])


def _new_citations(stream: Stream) -> None:
    """Handle multibib's `\\newcites{app}{Title}`: \\citeapp cites from the same list as \\cite."""
    names = plain(stream.argument())
    stream.argument()
    macros = stream.state.macros
    for name in filter(None, map(str.strip, names.split(","))):
        stream.state.bibliographies.append(name)
        for command in _CITING.split():
            macros[f"\\{command}{name}"] = Macro("", [], [], [], [f"\\{command}"])
        macros[f"\\bibliographystyle{name}"] = Macro("m", [[]], [[]], [], [])


REGISTERS: dict[str, Callable[[Stream], None]] = {
    "\\newcount": _newcount,
    "\\assign ": _assign,
    "\\advance": _advance,
    "\\the": _the,
    "\\detokenize": _detokenized,
    **dict.fromkeys(("\\sbox", "\\savebox"), _save_box),
    "\\usebox": _use_box,
    "\\newcites": _new_citations,
}
