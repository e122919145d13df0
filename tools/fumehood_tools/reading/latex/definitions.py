"""Commands that expansion carries out itself: definitions, conditions and file inclusion.

`new_state` returns a state that knows these commands. Definitions are global, as the end of a
group does not undo them. Commands that the readers know by meaning (`expansion.KEPT`) and internal
names with @ cannot be redefined.
"""

import re
from collections.abc import Callable

from fumehood_tools.reading.latex.expansion import END_OF_FILE, KEPT, Macro, State, Stream
from fumehood_tools.reading.latex.project import find_file, inner_document
from fumehood_tools.reading.latex.tokens import PARAGRAPH, plain, tokenize

MOST_DEEP_FILES = 12
MOST_FILES = 1_000
_LARGEST_PACKAGE = 400_000


def new_state(files: dict[str, str]) -> State:
    """Return a state without macros for the given source files."""
    return State(files=files, primitives=PRIMITIVES, conditions=CONDITIONS)


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
    stream.starred()
    name = _command_name(stream)
    kinds, defaults = _signature(stream)
    body = stream.argument()
    if name not in stream.state.primitives:
        _define(stream, name, Macro(kinds, defaults, [[]] * len(kinds), [], body))


def _provide(stream: Stream) -> None:
    before = dict(stream.state.macros)
    _newcommand(stream)
    stream.state.macros.update(before)


def _def(stream: Stream) -> None:
    name = stream.pull()
    before: list[str] = []
    delimiters: list[list[str]] = []
    while (token := stream.pull()) and token != "{" and token != PARAGRAPH:
        if token[0] == "#":
            delimiters.append([])
        else:
            (delimiters[-1] if delimiters else before).append(token)
    stream.push([token] if token else [])
    body = stream.argument()
    count = len(delimiters)
    if count <= 9 and name not in stream.state.primitives:
        _define(stream, name, Macro("m" * count, [[]] * count, delimiters, before, body))


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
        _define(stream, name, Macro("", [], [], [], [meant]))


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


def _xparse(stream: Stream) -> tuple[str, list[list[str]]]:
    """Read an xparse signature such as `{O{1} m s}`; return kinds and defaults."""
    inner = Stream(stream.state, stream.argument())
    kinds, defaults = "", list[list[str]]()
    while token := inner.pull():
        for letter in token if token.isalpha() else "":
            if letter in "moOs" and len(kinds) < 9:
                kinds += letter.lower()
                defaults.append(inner.argument() if letter == "O" else [])
    return kinds, defaults


def _document_command(stream: Stream) -> None:
    name = _command_name(stream)
    kinds, defaults = _xparse(stream)
    _define(stream, name, Macro(kinds, defaults, [[]] * len(kinds), [], stream.argument()))


def _document_environment(stream: Stream) -> None:
    name = plain(stream.argument()).strip()
    kinds, defaults = _xparse(stream)
    begin, end = stream.argument(), stream.argument()
    _define_environment(stream, name, Macro(kinds, defaults, [[]] * len(kinds), [], begin), end)


def _operator(stream: Stream) -> None:
    starred = stream.starred()
    name = _command_name(stream)
    body = ["\\operatorname", *["*"] * starred, "{", *stream.argument(), "}"]
    _define(stream, name, Macro("", [], [], [], body))


def _paired(stream: Stream) -> None:
    name = _command_name(stream)
    left, right = stream.argument(), stream.argument()
    body = [*left, "#2", *right]
    _define(stream, name, Macro("sm", [[], []], [[], []], [], body))


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


def _boolean(stream: Stream) -> None:
    name = plain(stream.argument()).strip()
    stream.state.flags[f"if{name}"] = plain(stream.argument()).strip() == "true"


def _ifthenelse(stream: Stream) -> None:
    question = plain(stream.argument())
    yes, no = stream.argument(), stream.argument()
    flag = re.search(r"\\boolean\s*\{\s*(\w+)\s*\}", question)
    equal = re.search(r"\\equal\s*\{(.*?)\}\s*\{(.*?)\}", question)
    holds = True
    if flag is not None:
        holds = stream.state.flags.get(f"if{flag.group(1)}", False)
    elif equal is not None:
        holds = equal.group(1).strip() == equal.group(2).strip()
    if re.match(r"\s*\\(?:not|NOT)\b", question):
        holds = not holds
    stream.push(yes if holds else no)


def _toggled(stream: Stream) -> None:
    name = plain(stream.argument()).strip()
    yes, no = stream.argument(), stream.argument()
    stream.push(yes if stream.state.flags.get(f"if{name}", False) else no)


def _same(stream: Stream) -> bool:
    first, second = stream.pull(), stream.pull()
    macros = stream.state.macros
    if first in macros or second in macros:
        return first in macros and macros.get(first) == macros.get(second)
    return first == second


def _number(stream: Stream) -> bool:
    """Evaluate `\\ifnum 1<2`. A comparison of anything but plain numbers counts as true."""
    said = ""
    while (token := stream.pull()) and token not in ("{", "}", "$", PARAGRAPH) and len(said) < 40:
        said += "?" if token[0] == "\\" else token
        if re.search(r"[<>=]\s*(?:\?|-?\d+\s)", said):
            token = ""
            break
    stream.push([token] if token else [])
    match = re.match(r"\s*(-?\d+)\s*([<>=])\s*(-?\d+)", said)
    if match is None:
        return True
    left, right = int(match.group(1)), int(match.group(3))
    return {"<": left < right, ">": left > right, "=": left == right}[match.group(2)]


def _defined(stream: Stream) -> bool:
    return stream.pull() in stream.state.macros


def _named(stream: Stream) -> bool:
    name = plain(stream.until(("\\endcsname",))).strip()
    return f"\\{name}" in stream.state.macros


def _one_word(stream: Stream) -> bool:
    stream.pull()
    return True


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
        state.warn(f"The file {found[:80]!r} reads itself, or files lie too deep.")
        return
    state.files_read += 1
    read = tokenize(state.files[found])
    state.comments += read.comments
    if not read.balanced:
        state.warn(f"Braces of {found[:80]!r} don't close: its text may be cut wrongly.")
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
    **dict.fromkeys(("\\newcommand", "\\renewcommand", "\\DeclareRobustCommand"), _newcommand),
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
}
PRIMITIVES: dict[str, Callable[[Stream], None]] = {
    **_DEFINING,
    "\\settrue ": _set_flag(True),
    "\\setfalse ": _set_flag(False),
    **dict.fromkeys(("\\setboolean", "\\setbool"), _boolean),
    "\\ifthenelse": _ifthenelse,
    **dict.fromkeys(("\\ifbool", "\\iftoggle"), _toggled),
    **dict.fromkeys(("\\input", "\\include", "\\subfile", "\\subfileinclude"), _read_file),
    **dict.fromkeys(("\\import", "\\subimport"), _import_file),
    "\\endinput": Stream.end_file,
    "\\else": lambda stream: stream.skip_branch(),
    "\\fi": lambda stream: None,
    **dict.fromkeys(
        ("\\long", "\\outer", "\\global", "\\protected", "\\relax", "\\expandafter", "\\noexpand"),
        lambda stream: None,
    ),
}
CONDITIONS: dict[str, Callable[[Stream], bool]] = {
    "\\iffalse": lambda stream: False,
    "\\iftrue": lambda stream: True,
    "\\ifx": _same,
    "\\if": _same,
    "\\ifcat": _same,
    **dict.fromkeys(("\\ifnum", "\\ifodd", "\\ifdim"), _number),
    "\\ifdefined": _defined,
    "\\ifcsname": _named,
    **dict.fromkeys(("\\ifhbox", "\\ifvbox", "\\ifvoid", "\\ifeof"), _one_word),
    **dict.fromkeys(
        ("\\ifpdf", "\\ifmmode", "\\ifvmode", "\\ifhmode", "\\ifinner", "\\iftutex", "\\ifpdftex"),
        lambda stream: True,
    ),
    **dict.fromkeys(
        ("\\ifxetex", "\\ifluatex", "\\ifXeTeX", "\\ifLuaTeX", "\\if@twocolumn", "\\if@twoside"),
        lambda stream: False,
    ),
}
