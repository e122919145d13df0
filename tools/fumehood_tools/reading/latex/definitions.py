"""Commands that expansion carries out itself: definitions, conditions and file inclusion.

`new_state` returns a state that knows these commands. Definitions are global, as the end of a
group does not undo them. Commands that the readers know by meaning (`expansion.KEPT`) and internal
names with @ cannot be redefined.
"""

from collections.abc import Callable

from fumehood_tools.reading.latex.boxes import BOX_DEFINITIONS
from fumehood_tools.reading.latex.conditions import BRANCHING, CONDITIONS, NO_VALUE
from fumehood_tools.reading.latex.expansion import KEPT, State, Stream
from fumehood_tools.reading.latex.listings import own_listings
from fumehood_tools.reading.latex.macros import END_OF_FILE, Macro, letters
from fumehood_tools.reading.latex.meanings import command_named
from fumehood_tools.reading.latex.project import find_file, inner_document
from fumehood_tools.reading.latex.quantities import QUANTITIES
from fumehood_tools.reading.latex.registers import REGISTERS
from fumehood_tools.reading.latex.tokens import PARAGRAPH, plain, tokenize

MOST_DEEP_FILES = 12
MOST_FILES = 1_000
_LARGEST_PACKAGE = 400_000


def new_state(files: dict[str, str]) -> State:
    """Return a state without macros for the given source files."""
    listings = own_listings(files.values())
    return State(files=files, primitives=PRIMITIVES, conditions=CONDITIONS, listings=listings)


def _command_name(stream: Stream) -> str:
    """Return the command that is being defined, written as `\\x` or `{\\x}`."""
    inside = [token for token in stream.argument() if token != " "]
    return inside[0] if inside else ""


def _define(stream: Stream, name: str, macro: Macro) -> None:
    if len(name) > 1 and name[0] == "\\" and name not in KEPT and "@" not in name:
        stream.state.macros[name] = macro


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
    if name not in _KEPT_ENVIRONMENTS and not inner & set(begin.body):
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


def _theorem(stream: Stream) -> None:
    """Store the definition `\\newtheorem{name}[shared]{Title}[within]`."""
    unnumbered = stream.starred()
    name = plain(stream.argument()).strip()
    shared = stream.optional()
    title = plain(stream.argument()).strip()
    within = stream.optional()
    stream.state.theorems[name] = (
        title,
        plain(shared).strip() if shared else None,
        plain(within).strip() if within else None,
        unnumbered,
    )


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


def include(stream: Stream, name: str, whole: bool = False) -> None:
    """Push the tokens of a file onto a stream.

    A missing file, a file that includes itself, and files nested too deeply are reported as
    warnings.
    """
    state = stream.state
    name = name.strip().strip('"')
    found = find_file(state.files, name)
    if found is None:
        if not name.endswith((".bbl", ".pgf", ".tikz")):
            state.warn(f"The file {name[:80]!r} is not in the source.")
        return
    too_deep = len(state.open_files) >= MOST_DEEP_FILES or state.files_read >= MOST_FILES
    if found in state.open_files or too_deep:
        state.warn(f"The file {found[:80]!r} includes itself, or files are nested too deeply.")
        return
    state.files_read += 1
    read = tokenize(state.files[found], listings=state.listings)
    state.comments += read.comments
    if not read.balanced:
        state.warn(f"Braces in {found[:80]!r} are not balanced, so its text may be split wrongly.")
    state.open_files.append(found)
    stream.push([*(read.tokens if whole else inner_document(read.tokens)), END_OF_FILE])


def _read_file(stream: Stream) -> None:
    stream.skip_blank()
    token = stream.pull()
    stream.push([token] if token else [])
    if token == "{":
        include(stream, plain(stream.argument()))
        return
    name = ""
    while (token := stream.pull()) and token not in (" ", PARAGRAPH, "}") and token[0] != "\\":
        name += token
    stream.push([token] if token else [])
    include(stream, name)


def _import_file(stream: Stream) -> None:
    stream.starred()
    folder = plain(stream.argument()).strip()
    include(stream, f"{folder.rstrip('/')}/{plain(stream.argument()).strip()}".lstrip("/"))


def _read_package(stream: Stream) -> None:
    """Read the definitions in packages that are part of the source."""
    state = stream.state
    options = plain(stream.optional() or [])
    for name in (part.strip() for part in plain(stream.argument()).split(",")):
        state.packages[name] = options
        text = state.files.get(f"{name}.sty", "")
        if not text or len(text) > _LARGEST_PACKAGE or name in state.open_files:
            continue
        learner = Stream(state, tokenize(text, at_is_letter=True).tokens)
        state.open_files.append(name)
        while token := learner.pull():
            if token in _DEFINING:
                PRIMITIVES[token](learner)
        state.open_files.remove(name)


_KEPT_ENVIRONMENTS = {
    *("document", "abstract", "figure", "table", "figure*", "table*", "equation", "align"),
    *("itemize", "enumerate", "tabular", "thebibliography", "verbatim"),
}
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
    **dict.fromkeys(("\\newtheorem", "\\spnewtheorem", "\\declaretheorem"), _theorem),
    **dict.fromkeys(("\\usepackage", "\\RequirePackage"), _read_package),
    "\\newif": _newif,
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
    **dict.fromkeys(("\\input", "\\include", "\\subfile", "\\subfileinclude"), _read_file),
    **dict.fromkeys(("\\import", "\\subimport"), _import_file),
    "\\endinput": Stream.end_file,
    "\\else": _skip_rest,
    "\\long": _mark_long,
    "\\fi": lambda stream: None,
    **dict.fromkeys(
        ("\\outer", "\\global", "\\protected", "\\relax", "\\expandafter", "\\noexpand"),
        lambda stream: None,
    ),
}
