"""Commands that expansion carries out itself: definitions, conditions and file inclusion.

`new_state` returns a state that knows these commands. Definitions are global, as the end of a
group does not undo them. Commands and environments that the readers know by meaning
(`KEPT`, `KEPT_ENVIRONMENTS`), and internal ones that are carried out, cannot be
redefined; a class cannot redefine any command that the reader knows. A known
command that is redefined by itself (`\\def\\Large{\\@setsize\\Large…}`) keeps its meaning.
"""

from collections.abc import Callable

from fumehood_tools.reading.latex.boxes import BOX_DEFINITIONS
from fumehood_tools.reading.latex.columns import COLUMN_TYPES
from fumehood_tools.reading.latex.conditions import BRANCHING, CONDITIONS, NO_VALUE
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.inclusion import INCLUDING, set_input_paths
from fumehood_tools.reading.latex.kept_names import KEPT, KEPT_ENVIRONMENTS
from fumehood_tools.reading.latex.listings import own_listings
from fumehood_tools.reading.latex.macros import Macro, letters
from fumehood_tools.reading.latex.meanings import command_named
from fumehood_tools.reading.latex.programs import pass_over
from fumehood_tools.reading.latex.project import SourceFiles
from fumehood_tools.reading.latex.quantities import QUANTITIES
from fumehood_tools.reading.latex.registers import REGISTERS
from fumehood_tools.reading.latex.state import State
from fumehood_tools.reading.latex.styles import read_style
from fumehood_tools.reading.latex.theorems import DEFINING_THEOREMS, theorems_of
from fumehood_tools.reading.latex.tokens import PARAGRAPH, plain


def new_state(files: dict[str, str], main: str = "") -> State:
    """Return a state without macros for the given source files. main: the main file's name."""
    return State(
        files=SourceFiles(files),
        primitives=PRIMITIVES,
        conditions=CONDITIONS,
        main=main,
        listings=own_listings(files.values()),
    )


def _command_name(stream: Stream) -> str:
    """Return the command that is being defined, written as `\\x` or `{\\x}`."""
    inside = [token for token in stream.argument() if token != " "]
    return inside[0] if inside else ""


def _define(stream: Stream, name: str, macro: Macro) -> None:
    if name == "\\input@path":
        set_input_paths(stream.state, macro.body)
    state = stream.state
    if len(name) < 2 or name[0] != "\\" or name in KEPT:
        return
    if name[1:].removeprefix("end") in KEPT_ENVIRONMENTS or _means_itself(stream, name, macro):
        return
    if ("@" in name or state.in_class) and _is_carried_out(state, name):
        return
    if state.in_package and (name in state.structural or name == "\\maketitle"):
        return
    if "@" in name or state.in_class:
        state.judged.add(name)
    state.macros[name] = macro


def _is_carried_out(state: State, name: str) -> bool:
    """Whether the reader carries out a command itself, so that its definition is not needed."""
    return name in state.known or name in state.primitives or name in state.conditions


def _means_itself(stream: Stream, name: str, macro: Macro) -> bool:
    """Whether a definition uses the command that it defines, as TeX would do without end.

    Style files do this where a size command passes its own name on, and papers where they have
    stored the old meaning under another name.
    """
    state = stream.state
    if not (name in state.known or state.in_package):
        return False
    before = ""
    for token in macro.body:
        alias = state.macros.get(token)
        if (token == name or (alias is not None and alias.body == [name])) and (
            before not in _DEFINING
        ):
            return True
        before = token if token not in ("{", " ") else before
    return False


def _signature(stream: Stream) -> tuple[str, list[list[str]]]:
    """Read `[2][default]`; return the kinds of the parameters and their defaults."""
    count = plain(stream.optional() or []).strip()
    default = stream.optional() if count else None
    number = min(int(count), 9) if count.isdigit() else 0
    kinds = "m" * number if default is None else "o" + "m" * (number - 1)
    return kinds, [default or [], *[[]] * max(0, number - 1)][:number]


def _newcommand(stream: Stream) -> None:
    long = not stream.starred()
    name = _command_name(stream)
    kinds, defaults = _signature(stream)
    body = stream.argument()
    if _may_define(stream, name):
        _define(stream, name, Macro(kinds, defaults, [[]] * len(kinds), [], body, long))


def _may_define(stream: Stream, name: str) -> bool:
    """Return whether a paper may define a command: not what expansion itself carries out."""
    return name not in stream.state.primitives or name in QUANTITIES


def _provide(stream: Stream) -> None:
    before = dict(stream.state.macros)
    _newcommand(stream)
    stream.state.macros.update(before)


def _def(stream: Stream) -> None:
    long, stream.state.long = stream.state.long, False
    name = stream.pull()
    if name == "\\csname":
        name = command_named(stream)
    before: list[str] = []
    delimiters: list[list[str]] = []
    brace = list[str]()
    while (token := stream.pull()) and token != "{" and token != PARAGRAPH:
        if token == "#":
            # The last parameter ends at a brace, which stays in the text.
            brace = ["{"]
        elif token[0] == "#":
            delimiters.append([])
        else:
            (delimiters[-1] if delimiters else before).extend(letters([token]))
    (delimiters[-1] if delimiters else []).extend(brace)
    stream.push([token] if token else [])
    body = stream.argument()
    count = len(delimiters)
    if count <= 9 and _may_define(stream, name):
        _define(stream, name, Macro("m" * count, [[]] * count, delimiters, before, body, long))


def _let(stream: Stream) -> None:
    name = _command_name(stream)
    stream.skip_blank()
    meant = stream.pull()
    if meant[:1] == "=":
        stream.push([meant[1:]] if meant[1:] else [])
        stream.skip_blank()
        meant = stream.pull()
    known = stream.state.macros.get(meant)
    if known is not None:
        _define(stream, name, known)
    elif meant and meant != name:
        _define(stream, name, Macro("", [], [], [], [meant], alias=True))


def _newenvironment(stream: Stream) -> None:
    stream.starred()
    name = plain(stream.argument()).strip()
    kinds, defaults = _signature(stream)
    begin, end = stream.argument(), stream.argument()
    _define_environment(stream, name, Macro(kinds, defaults, [[]] * len(kinds), [], begin), end)


def _define_environment(stream: Stream, name: str, begin: Macro, end: list[str]) -> None:
    inner = {f"\\begin{{{name}}}", f"\\{name}"}
    if stream.state.in_package and f"\\begin{{{name}}}" in stream.state.structural:
        return
    if name not in KEPT_ENVIRONMENTS and not inner & set(begin.body):
        stream.state.environments[name] = (begin, end)


def _xparse(stream: Stream) -> tuple[str, list[list[str]], list[list[str]]]:
    """Read an xparse signature such as `{O{1} m s d()}`; return kinds, defaults and delimiters."""
    inner = Stream(stream.state, stream.argument())
    kinds, defaults, delimiters = "", list[list[str]](), list[list[str]]()
    while (letter := inner.letter()) and len(kinds) < 9:
        if letter == ">":
            inner.argument()
        if letter not in "moOsdDrRtv":
            continue
        signs = {"d": 2, "r": 2, "t": 1}.get(letter.lower(), 0)
        between = [inner.letter() for _ in range(signs)]
        if "" in between:
            break
        delimiters.append(between)
        defaults.append(inner.argument() if letter in "ODR" else [NO_VALUE] * (letter in "odr"))
        kinds += {"v": "m", "r": "d"}.get(letter.lower(), letter.lower())
    return kinds, defaults, delimiters


def _document_command(stream: Stream) -> None:
    name = _command_name(stream)
    kinds, defaults, delimiters = _xparse(stream)
    _define(stream, name, Macro(kinds, defaults, delimiters, [], stream.argument()))


def _document_environment(stream: Stream) -> None:
    name = plain(stream.argument()).strip()
    kinds, defaults, delimiters = _xparse(stream)
    begin, end = stream.argument(), stream.argument()
    _define_environment(stream, name, Macro(kinds, defaults, delimiters, [], begin), end)


def _operator(stream: Stream) -> None:
    starred = stream.starred()
    name = _command_name(stream)
    body = ["\\operatorname", *["*"] * starred, "{", *stream.argument(), "}"]
    _define(stream, name, Macro("", [], [], [], body))


def _paired(stream: Stream) -> None:
    name = _command_name(stream)
    left, right = stream.argument(), stream.argument()
    body = [*left, "#3", *right]
    _define(stream, name, Macro("som", [[]] * 3, [[]] * 3, [], body))


def _newif(stream: Stream) -> None:
    name = _command_name(stream)[1:]
    if name.startswith("if") and len(name) > 2:
        flags = stream.state.flags
        flags[name] = False
        for word in ("true", "false"):
            _define(stream, f"\\{name[2:]}{word}", Macro("", [], [], [], [f"\\set{word} ", name]))


def _set_flag(value: bool) -> Callable[[Stream], None]:
    def put(stream: Stream) -> None:
        stream.state.flags[stream.pull()] = value

    return put


def _mark_long(stream: Stream) -> None:
    stream.state.long = True


def _skip_rest(stream: Stream) -> None:
    """Skip the other branches of a condition after the one that was read."""
    stream.skip_branch()


def _csname(stream: Stream) -> None:
    stream.push([command_named(stream)])


def _defined_by_name(stream: Stream) -> None:
    """Handle `\\csdef{name}#1{…}` and `\\@namedef`."""
    stream.push([f"\\{plain(stream.argument()).strip()}"])
    _def(stream)


def _used_by_name(stream: Stream) -> None:
    name = f"\\{plain(stream.argument()).strip()}"
    stream.push([name] if name in stream.state.macros else [])


def _read_package(stream: Stream) -> None:
    """Read the definitions in packages that are part of the source."""
    state = stream.state
    options = plain(stream.optional() or [])
    for name in (part.strip() for part in plain(stream.argument()).split(",")):
        state.packages[name] = options
        state.theorems = theorems_of(name) | state.theorems
        read_style(state, name, ".sty", options.split(","), _DEFINING)
    _carry_on(stream)


def read_class(stream: Stream, name: str, options: str) -> list[str]:
    """Read the definitions in a class that is part of the source.

    Returns the names of the class and of those that it is based on, the last one first.
    """
    state = stream.state
    state.packages[name] = ""
    state.class_options = [option.strip() for option in options.split(",")]
    read_style(state, name, ".cls", state.class_options, _DEFINING)
    _carry_on(stream)
    return state.classes[::-1]


def _carry_on(stream: Stream) -> None:
    """Put what a style leaves to the composer, such as `\\numberwithin`, in front of the paper."""
    state = stream.state
    if state.passed_on and not state.in_package:
        stream.push(state.passed_on)
        state.passed_on = []


def _skip_arguments(count: int) -> Callable[[Stream], None]:
    """Skip arguments that print nothing, as of `\\@setsize\\Large{16pt}\\xivpt\\@xivpt`."""

    def handle(stream: Stream) -> None:
        for _ in range(count):
            stream.argument()

    return handle


def _if_next(stream: Stream) -> None:
    """Handle `\\@ifnextchar[{yes}{no}`."""
    wanted = stream.argument()
    yes, no = stream.argument(), stream.argument()
    stream.skip_blank()
    found = stream.letter()
    stream.push([found] if found else [])
    stream.push(yes if [found] == wanted else no)


def _if_star(stream: Stream) -> None:
    yes, no = stream.argument(), stream.argument()
    stream.push(yes if stream.starred() else no)


def _choose(number: int) -> Callable[[Stream], None]:
    """Handle `\\@firstoftwo` and its relatives: keep one of two arguments."""

    def handle(stream: Stream) -> None:
        stream.push([stream.argument(), stream.argument()][number])

    return handle


def _start_section(stream: Stream) -> None:
    """Turn `\\@startsection{name}{level}{indent}{before}{after}{style}` into the heading."""
    name, level = plain(stream.argument()).strip(), plain(stream.argument()).strip()
    for _ in range(4):
        stream.argument()
    known = f"\\{name}" if f"\\{name}" in KEPT else _HEADINGS.get(level)
    stream.push([known] if known else [])


_HEADINGS = {"1": "\\section", "2": "\\subsection", "3": "\\subsubsection", "4": "\\paragraph"}
_DEFINING: dict[str, Callable[[Stream], None]] = {
    **dict.fromkeys(
        (
            *("\\newcommand", "\\renewcommand", "\\DeclareRobustCommand", "\\newrobustcmd"),
            *("\\renewrobustcmd", "\\algnewcommand", "\\algrenewcommand"),
        ),
        _newcommand,
    ),
    "\\providecommand": _provide,
    **dict.fromkeys(("\\def", "\\gdef", "\\edef", "\\xdef"), _def),
    **dict.fromkeys(("\\let", "\\glet"), _let),
    **dict.fromkeys(("\\newenvironment", "\\renewenvironment"), _newenvironment),
    **{
        f"\\{verb}DocumentCommand": _document_command
        for verb in ("New", "Renew", "Provide", "Declare")
    },
    **{
        f"\\{verb}DocumentEnvironment": _document_environment
        for verb in ("New", "Renew", "Provide", "Declare")
    },
    **dict.fromkeys(("\\DeclareMathOperator", "\\DeclareDocumentOperator"), _operator),
    "\\DeclarePairedDelimiter": _paired,
    **DEFINING_THEOREMS,
    **dict.fromkeys(("\\usepackage", "\\RequirePackage"), _read_package),
    "\\newif": _newif,
    **COLUMN_TYPES,
    **BOX_DEFINITIONS,
    **{name: REGISTERS[name] for name in ("\\newcount", "\\newcites")},
    **dict.fromkeys(("\\csdef", "\\@namedef"), _defined_by_name),
}
PRIMITIVES: dict[str, Callable[[Stream], None]] = {
    **_DEFINING,
    "\\settrue ": _set_flag(True),
    "\\setfalse ": _set_flag(False),
    **BRANCHING,
    **QUANTITIES,
    **REGISTERS,
    "\\csname": _csname,
    **dict.fromkeys(("\\csuse", "\\@nameuse"), _used_by_name),
    NO_VALUE: lambda stream: None,
    **INCLUDING,
    "\\@setsize": _skip_arguments(4),
    "\\@setfontsize": _skip_arguments(3),
    "\\@gobble": _skip_arguments(1),
    "\\@gobbletwo": _skip_arguments(2),
    **dict.fromkeys(("\\@ifnextchar", "\\kernel@ifnextchar"), _if_next),
    "\\@ifstar": _if_star,
    "\\@firstofone": lambda stream: stream.push(stream.argument()),
    "\\@firstoftwo": _choose(0),
    "\\@secondoftwo": _choose(1),
    "\\@startsection": _start_section,
    "\\endinput": Stream.end_file,
    "\\ExplSyntaxOn": pass_over(_DEFINING),
    "\\else": _skip_rest,
    "\\long": _mark_long,
    "\\fi": lambda stream: None,
    **dict.fromkeys(
        ("\\outer", "\\global", "\\protected", "\\relax", "\\expandafter", "\\noexpand"),
        lambda stream: None,
    ),
}
