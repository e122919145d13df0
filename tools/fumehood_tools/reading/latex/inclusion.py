"""Read in the files of a source: `\\input` and its relatives, with names as TeX finds them.

A name is expanded first. It is looked for in the folders of the `\\import` and `\\subfile` commands
that led to the current file, innermost first, then beside the main file, then in `\\input@path`.
A name that is found nowhere is stored in `State.missing`, unless it belongs to a TeX distribution
or to a figure.
"""

import posixpath
from collections.abc import Callable

from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.macros import END_OF_FILE
from fumehood_tools.reading.latex.project import Found, find_file, inner_document
from fumehood_tools.reading.latex.state import State
from fumehood_tools.reading.latex.tokens import PARAGRAPH, RAW, plain, tokenize_runs

MOST_DEEP_FILES = 12
MOST_FILES = 1_000
_LONGEST_NAME = 300
_NO_TEXT = (
    *(".bbl", ".pgf", ".tikz", ".sty", ".cls", ".def", ".cfg", ".clo", ".fd", ".ldf", ".enc"),
    *(".pdf_tex", ".pdftex_t", ".pdf_t", ".ps_tex", ".pstex_t", ".eps_tex", ".eepic", ".epic"),
    *(".pstex", ".toc", ".lof", ".lot", ".aux", ".ind", ".gls", ".gnuplot", ".code.tex", ".map"),
)
_TEX_FILES = (
    "epsf epsfig epsf.tex psfig amssym amssym.tex amstex mssymb xy xypic pstricks pst-node pst- "
    "plot pst-tree pst-all pst-eps glyphtounicode ushyphex random.tex random multido pictex "
    "prepictex postpictex tikz pgf pgfplots diagrams diagxy arrow insbox harvmac lanlmac jytex "
    "phyzzx t1enc binhex binhex.tex kvmacros dcpic tabmac psbox macros-cjk hyphen"
)
_OF_TEX = frozenset(_TEX_FILES.split())
_SPELLED = {
    **{"\\textunderscore": "_", "\\_": "_", "\\space": " ", "\\ ": " ", "\\&": "&", "\\%": "%"},
    **{"\\#": "#", "\\string": "", "\\detokenize": "", "\\subfix": "", "\\-": "-", "~": "~"},
}


def include(stream: Stream, name: str, *, folders: bool = False) -> None:
    """Push the tokens of a file onto a stream; within a document, without the file's own preamble.

    folders: files that this file reads are looked for in its own folder first. A missing file, a
    file that includes itself, and files nested too deeply are reported.
    """
    state = stream.state
    found = locate(state, name)
    if found is None:
        _miss(state, name)
        return
    too_deep = len(state.open_files) >= MOST_DEEP_FILES or state.files_read >= MOST_FILES
    if found.name in state.open_files or too_deep:
        state.warn(f"The file {found.name[:80]!r} includes itself, or files are nested too deeply.")
        return
    if not found.in_place:
        state.warn(
            f"The source has no file {name[:80]!r} at this place: {found.name[:80]!r} was read."
        )
    state.files_read += 1
    text = state.files[found.name]
    read = tokenize_runs(text, at_is_letter=state.in_package, listings=state.listings)
    state.comments += read.comments
    if not read.balanced:
        state.warn(
            f"Braces in {found.name[:80]!r} are not balanced, so its text may be split wrongly."
        )
    around = state.folders[-1] if state.folders else ()
    own = posixpath.dirname(found.name)
    state.folders.append((own, *around) if folders else around)
    state.open_files.append(found.name)
    stream.push([*(inner_document(read.tokens) if state.begun else read.tokens), END_OF_FILE])


def locate(state: State, name: str) -> Found | None:
    """Return the file that TeX would read for a name at this point of the paper."""
    return find_file(state.files, name, _folders(state))


def style_file(state: State, name: str) -> str:
    """Return the file of a class or package that is part of the source, '' for any other."""
    found = find_file(state.files, name, _folders(state))
    return found.name if found is not None else ""


def _folders(state: State) -> dict[str, None]:
    """Return where TeX looks for files at this point of the paper, in this order."""
    beside = posixpath.dirname(state.main)
    current = posixpath.dirname(state.open_files[-1]) if state.open_files else ""
    imported = state.folders[-1] if state.folders else ()
    paths = [posixpath.join(beside, path) for path in state.input_paths]
    return dict.fromkeys((*imported, beside, *paths, current, ""))


def _miss(state: State, name: str) -> None:
    name = name.strip().strip('"')
    # A name that begins with a bar is the output of a program.
    has_text = name and name[0] != "|" and not name.lower().endswith(_NO_TEXT)
    has_text = has_text and not state.in_package
    if has_text and name.lower() not in _OF_TEX and len(state.missing) < MOST_FILES:
        state.missing[name[:80]] = None


def file_name(stream: Stream) -> str:
    """Return the name of a file, in braces or as a word, with its macros expanded."""
    stream.skip_blank()
    token = stream.pull()
    if token == "{":
        stream.push(["{"])
        return _spelled(stream.state, stream.argument())
    stream.push([token] if token else [])
    name = ""
    while (token := stream.next()) and token not in (" ", PARAGRAPH, "{", "}"):
        if token[0] == "\\" and token not in _SPELLED or len(name) > _LONGEST_NAME:
            break
        name += _SPELLED.get(token, token)
    stream.push([token] if token and token != " " else [])
    return name


def _spelled(state: State, tokens: list[str]) -> str:
    """Return what a file's name expands to."""
    inner = Stream(state, tokens)
    parts: list[str] = []
    while (token := inner.next()) and len(parts) < _LONGEST_NAME:
        if token == "\\jobname":
            parts.append(posixpath.splitext(posixpath.basename(state.main))[0])
        elif token in _SPELLED or token[0] != "\\":
            parts.append("" if token in "{}" else _SPELLED.get(token, token).lstrip(RAW))
    return "".join(parts).strip()


def _read_file(stream: Stream) -> None:
    include(stream, file_name(stream))


def _read_subfile(stream: Stream) -> None:
    include(stream, file_name(stream), folders=True)


def _import_file(relative: bool) -> Callable[[Stream], None]:
    """Handle `\\import{folder}{file}`; `\\subimport` is relative to the folder of the import."""

    def read(stream: Stream) -> None:
        stream.starred()
        state = stream.state
        folder = file_name(stream)
        around = state.folders[-1] if state.folders else ()
        if relative and around:
            folder = posixpath.join(around[0], folder)
        include(stream, posixpath.join(folder, file_name(stream)), folders=True)

    return read


def _read_if_there(stream: Stream) -> None:
    """Handle `\\InputIfFileExists{file}{if it exists}{if not}`."""
    name = file_name(stream)
    yes, no = stream.argument(), stream.argument()
    if locate(stream.state, name) is None:
        stream.push(no)
    else:
        stream.push([*yes, "\\input", "{", name, "}"])


def _if_there(stream: Stream) -> None:
    """Handle `\\IfFileExists{file}{if it exists}{if not}`."""
    name = file_name(stream)
    yes, no = stream.argument(), stream.argument()
    stream.push(no if locate(stream.state, name) is None else yes)


def _include_only(stream: Stream) -> None:
    """Skip the list of `\\includeonly`: a part that is left out of a print is still the paper's."""
    stream.argument()


def set_input_paths(state: State, body: list[str]) -> None:
    """Store the folders of `\\def\\input@path{{a/}{b/}}`."""
    inner = Stream(state, body)
    while (token := inner.pull()) and len(state.input_paths) < 50:
        if token == "{":
            inner.push(["{"])
            path = plain(inner.argument()).strip().strip('"')
            if path and path not in state.input_paths:
                state.input_paths.append(path)


INCLUDING: dict[str, Callable[[Stream], None]] = {
    **dict.fromkeys(
        ("\\input", "\\include", "\\@input", "\\@@input", "\\loadglsentries"), _read_file
    ),
    **dict.fromkeys(("\\subfile", "\\subfileinclude"), _read_subfile),
    **dict.fromkeys(("\\import", "\\inputfrom", "\\includefrom"), _import_file(relative=False)),
    **dict.fromkeys(
        ("\\subimport", "\\subinputfrom", "\\subincludefrom"), _import_file(relative=True)
    ),
    "\\InputIfFileExists": _read_if_there,
    "\\IfFileExists": _if_there,
    "\\includeonly": _include_only,
}
