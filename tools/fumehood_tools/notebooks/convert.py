"""Turn the text of a notebook into a script.

Costs about as much as compiling the code three times. Cells of Markdown, raw text and other
languages become comments. Every cell starts with a line `# %% cell 3`, which editors know as the
start of a cell.
"""

import ast
import re
import threading
import warnings
from collections.abc import Set

from fumehood_tools.notebooks import cells, syntax
from fumehood_tools.notebooks.heads import head
from fumehood_tools.notebooks.lexing import commented, indented
from fumehood_tools.notebooks.reading import (
    FAILING,
    SKIPPED,
    Cell,
    Notebook,
    read_notebook,
    unreadable,
)
from fumehood_tools.notebooks.script import MOST_QUOTED, NotCarried, Script
from fumehood_tools.quoting import one_line

HISTORY = re.compile(r"\b(?:Out|In|_oh|_ih|_{1,3}|_i?\d+)\b")
ONE_AT_A_TIME = threading.Lock()
SKIPPING = "a tag of the notebook skips this cell"


def to_script(text: str, name: str = "") -> Script:
    """Convert a notebook.

    text: content of the .ipynb file. name: what the script's first lines call it, such as its path
    in a repository. Raises BadRequest if it is not a notebook that can be read.
    """
    # Code is full of things that the compiler warns of, and filters are shared by all threads.
    with ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _converted(read_notebook(text), one_line(name)[:200])


def _converted(notebook: Notebook, name: str) -> Script:
    history = _history(notebook)
    counts = _counts(notebook.cells)
    codes = _codes(notebook, counts, keep=bool(history))
    body = "\n\n".join(_block(cell, codes.get(cell.number)) for cell in notebook.cells)
    bound = frozenset[str]().union(*(code.names for code in codes.values()))
    more = _unbound(body, bound) + (_history_head(notebook, counts, history) if history else [])
    futures = sorted(frozenset[str]().union(*(code.futures for code in codes.values())))
    source = f"{head(name, futures, body, more)}\n\n\n{body}\n"
    _as_one(source)
    return Script(
        source=source,
        language=one_line(notebook.language)[:40],
        language_stated=notebook.language_stated,
        format=notebook.format,
        cells=len(notebook.cells),
        code_cells=len(codes),
        not_carried=tuple(
            _quoted(number, note) for number in codes for note in codes[number].notes
        ),
    )


def _as_one(source: str) -> ast.Module:
    """Compile all cells together, as Python would; each has been compiled before."""
    try:
        return syntax.parsed(source, awaits=False)
    except syntax.NotPython as error:
        raise unreadable(f"its cells compile one by one but not as one script: {error}") from None


def _codes(notebook: Notebook, counts: dict[int, int], keep: bool) -> dict[int, cells.Code]:
    """Carry over the code cells, by number. keep: shown values go to `Out` too."""
    found: dict[int, cells.Code] = {}
    bound: set[str] = set()
    for cell in notebook.cells:
        if cell.kind == "code":
            show = f"_nb_out({{}}, {counts[cell.number]})" if keep else "_nb_show({})"
            found[cell.number] = code = _code(cell, bound, show)
            bound |= code.names
    return found


def _block(cell: Cell, code: cells.Code | None) -> str:
    if code is None:
        kind = one_line(cell.kind)[:20]
        return f"# %% [{kind}] cell {cell.number}\n{commented(cell.source)}"
    return f"# %% cell {cell.number}\n{code.text}".rstrip()


def _quoted(number: int, note: cells.Note) -> NotCarried:
    text = one_line(note.text)[:MOST_QUOTED]
    return NotCarried(cell=number, line=note.line, text=text, reason=note.why)


def _code(cell: Cell, bound: Set[str], show: str) -> cells.Code:
    """Carry over one code cell."""
    if not cell.source.strip():
        return cells.Code("", [])
    if cell.language not in ("python", "python2"):
        language = one_line(cell.language)[:40]
        return cells.not_carried(cell.source, f"its language is {language}, not Python")
    if cell.tags & SKIPPED:
        return cells.not_carried(cell.source, SKIPPING)
    code = cells.to_code(cell.source, bound, show)
    if cell.tags & FAILING and syntax.has_statements(code.text):
        block = f"with _NbMayFail():\n{indented(code.text)}"
        try:
            syntax.parsed(block)
        except syntax.NotPython as error:
            return cells.not_carried(cell.source, f"it may fail, and in a block {error}")
        return code._replace(text=block)
    return code


def _counts(all_cells: list[Cell]) -> dict[int, int]:
    """Return cell number -> N in `Out[N]`: as stored, if the cells were run from top to bottom."""
    run = [cell for cell in all_cells if cell.kind == "code" and cell.source.strip()]
    stored = [cell.executed for cell in run if cell.executed is not None]
    if len(stored) == len(run) and stored == sorted(set(stored)):
        return {
            cell.number: count for cell, count in zip(run, stored, strict=True)
        } | dict.fromkeys((cell.number for cell in all_cells if not cell.source.strip()), 0)
    numbers = {cell.number: at for at, cell in enumerate(run, 1)}
    return {cell.number: numbers.get(cell.number, 0) for cell in all_cells}


def _history(notebook: Notebook) -> set[str]:
    """Return the names of earlier values and inputs that the code reads and never binds itself."""
    read: set[str] = set()
    bound: set[str] = set()
    for cell in notebook.cells:
        if cell.kind != "code" or not HISTORY.search(cell.source):
            continue
        code = cells.to_code(cell.source, frozenset(), "{}")
        for node in ast.walk(syntax.parsed(code.text)):
            if isinstance(node, ast.Name):
                (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
    return {name for name in read - bound if HISTORY.fullmatch(name)}


def _history_head(notebook: Notebook, counts: dict[int, int], used: set[str]) -> list[str]:
    """Return the lines that define what the code reads of the history."""
    lines = ["Out, _, __, ___ = {}, '', '', ''"]
    lines += ["_oh = Out"] if "_oh" in used else []
    inputs = {counts[cell.number]: cell.source for cell in notebook.cells if cell.kind == "code"}
    if used & {"In", "_ih"}:
        most = max(inputs, default=0)
        lines.append(f"In = _ih = {[inputs.get(at, '') for at in range(most + 1)]!r}")
    lines += [
        f"{name} = {inputs.get(int(name[2:]), '')!r}"
        for name in sorted(used)
        if re.fullmatch(r"_i\d{1,9}", name)
    ]
    return lines


def _unbound(body: str, bound: Set[str]) -> list[str]:
    """Return lines that define the names of IPython that a notebook has without an import."""
    stand_ins = {"display": "_nb_display", "get_ipython": '_NbIPython("IPython.get_ipython")'}
    read = {node.id for node in ast.walk(_as_one(body)) if isinstance(node, ast.Name)}
    return [f"{name} = {made}" for name, made in stand_ins.items() if name in read - bound]
