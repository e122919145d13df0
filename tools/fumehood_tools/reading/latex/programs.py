"""Pass over code in LaTeX3, which `\\ExplSyntaxOn` begins and `\\ExplSyntaxOff` ends.

Such code prints nothing, and the programs in it are not carried out. A command that it defines for
the paper is learned if it uses no function of LaTeX3 itself. All others stay unknown, so their
arguments are read as text, and a warning names them.
"""

import re
from collections.abc import Callable, Mapping

from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.state import State
from fumehood_tools.reading.latex.tokens import PARAGRAPH

MOST_NAMED = 10
_FUNCTION = re.compile(r"\\[A-Za-z@]*[_:]")
_REST_OF_NAME = re.compile(r"[A-Za-z@:]*")


def pass_over(defining: Mapping[str, Callable[[Stream], None]]) -> Callable[[Stream], None]:
    """Return what carries out `\\ExplSyntaxOn`. defining: the commands that define something."""

    def handle(stream: Stream) -> None:
        state = stream.state
        before = dict(state.macros)
        inner = Stream(state, _as_read_by_latex3(_code(stream)))
        while token := inner.pull():
            if (define := defining.get(token)) is not None:
                define(inner)
        _tell(state, _forget_programs(state, before))

    return handle


def _code(stream: Stream) -> list[str]:
    """Return the tokens up to `\\ExplSyntaxOff`, or to the end of the file.

    In the paper's main file, code without an end is left where it is.
    """
    state = stream.state
    code: list[str] = []
    files = len(state.open_files)
    while (token := stream.pull()) != "\\ExplSyntaxOff":
        if len(state.open_files) < files or not token:
            at_end = not token and not state.in_package
            stream.push(code if at_end else [token] if token else [])
            return [] if at_end else code
        code.append(token)
    return code


def _as_read_by_latex3(code: list[str]) -> list[str]:
    """Return code as LaTeX3 splits it: without spaces, and with _ and : as letters of names."""
    tokens: list[str] = []
    rest = code[::-1]
    while rest:
        token = rest.pop()
        if token == "~":
            tokens.append(" ")
        elif token[0] == "\\" and token[1:].isalpha():
            while rest and (rest[-1] == "_" or _FUNCTION.match(token) or rest[-1][0] == ":"):
                more = "_" if rest[-1] == "_" else _REST_OF_NAME.match(rest[-1])[0]  # type: ignore[index]
                if not more:
                    break
                token, left = token + more, rest.pop()[len(more) :]
                if left:
                    rest.append(left)
                    break
            tokens.append(token)
        elif token not in (" ", PARAGRAPH):
            tokens.append(token)
    return tokens


def _forget_programs(state: State, before: Mapping[str, object]) -> list[str]:
    """Remove the new macros that are programs, and return the names of those papers can use."""
    named: list[str] = []
    for name, macro in list(state.macros.items()):
        if macro is not before.get(name) and any(map(_FUNCTION.match, macro.body)):
            del state.macros[name]
            named.append(name)
    return [name for name in named if not _FUNCTION.match(name)]


def _tell(state: State, programs: list[str]) -> None:
    names = ", ".join(programs[:MOST_NAMED])
    more = f" and {len(programs) - MOST_NAMED} more" if len(programs) > MOST_NAMED else ""
    read = f" The arguments of {names}{more} are read as plain text." if programs else ""
    state.warn(f"Code in LaTeX3 (\\ExplSyntaxOn) was not carried out.{read}")
