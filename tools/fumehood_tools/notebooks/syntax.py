"""Finish the Python of one cell by its syntax tree, with changes to the text as small as possible.

- The value of the last expression is printed, unless a semicolon ends it.
- Imports of IPython become stand-ins; imports from __future__ are taken out, for the script's head.
- Statements with `await`, `async for` or `async with` go into a function that an event loop runs.
  Their names are declared global, so that later cells see them.

The result is compiled as a script would be. Nothing is run.
"""

import __future__ as known_futures

import ast
from collections.abc import Iterator
from typing import NamedTuple

from fumehood_tools.notebooks.lexing import indented

# Calls whose value is None, which need not be printed.
SILENT = frozenset(
    [
        "print",
        "display",
        "_nb_shell",
        "_nb_cd",
        "_nb_run",
        "_nb_script",
        "_nb_write_file",
        "_nb_display",
    ]
)
# These need an event loop that is running, as in a notebook, though they are not awaited.
IN_LOOP = frozenset(["create_task", "ensure_future", "get_running_loop"])
DISPLAYED = [
    "display",
    "HTML",
    "Image",
    "Markdown",
    "Latex",
    "Math",
    "SVG",
    "Audio",
    "Video",
    "IFrame",
    "clear_output",
]
FUTURES = frozenset(known_futures.all_feature_names) - {"barry_as_FLUFL"}
SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
FAILURES = (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError)


class NotPython(Exception):
    """The text does not compile. line: from 1."""

    def __init__(self, error: BaseException) -> None:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        super().__init__(f"{said or type(error).__name__}"[:200])
        self.line = (error.lineno if isinstance(error, SyntaxError) else None) or 1


class Finished(NamedTuple):
    """A cell that compiles. notes: line and reason of what is only a stand-in."""

    text: str
    notes: list[tuple[int, str]]
    futures: frozenset[str]
    names: frozenset[str]


class Edit(NamedTuple):
    """Bytes start to end of the text are replaced."""

    start: int
    end: int
    text: str


class Places:
    """The byte at which a line and column of a syntax tree lie."""

    def __init__(self, text: str) -> None:
        self.data = text.encode("utf-8")
        self.starts = [0]
        for line in self.data.split(b"\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)

    def start(self, node: ast.stmt | ast.expr) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.stmt | ast.expr) -> int:
        return self.starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def edited(self, edits: list[Edit]) -> str:
        parts, done = [], 0
        for edit in sorted(edits):
            parts += [self.data[done : edit.start], edit.text.encode("utf-8")]
            done = edit.end
        return b"".join([*parts, self.data[done:]]).decode("utf-8")


def parsed(text: str, awaits: bool = True) -> ast.Module:
    """Return the syntax tree of text that compiles, or raise NotPython.

    awaits: `await` is allowed outside of functions.
    """
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if awaits else 0
    try:
        compile(text, "<cell>", "exec", flags, dont_inherit=True)
        tree = compile(text, "<cell>", "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    except FAILURES as error:
        raise NotPython(error) from None
    assert isinstance(tree, ast.Module)
    return tree


def has_statements(text: str) -> bool:
    """Whether there is anything in it but comments."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.split("\n"))


def finish(text: str, show: str) -> Finished:
    """Finish a cell. show: the call that prints its last value, with `{}` for the value."""
    tree, places = parsed(text), Places(text)
    edits, notes, futures = _imports(tree, places)
    edits += _shown(tree, places, show)
    notes += [
        (node.lineno, "get_ipython() is a stand-in here, and does nothing")
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "get_ipython"
    ][:1]
    # Between cells of one script, `global x` would stand after uses of x, which is an error.
    edits += [
        Edit(places.start(node), places.end(node), "pass")
        for node in _same_scope(tree)
        if isinstance(node, ast.Global)
    ]
    awaiting = [node for node in tree.body if _awaits(node)]
    edits += [edit for node in awaiting for edit in _annotations(node, places)]
    done = places.edited(edits)
    if awaiting:
        done = _in_event_loop(done)
    parsed(done, awaits=False)
    return Finished(done, notes, futures, frozenset(bound(tree)))


def bound(tree: ast.AST) -> set[str]:
    """Return the names that code binds in its own scope."""
    found: set[str] = set()
    for node in _same_scope(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.alias) and node.name != "*":
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found.add(node.rest)
        elif isinstance(node, COMPREHENSIONS):
            # Their loop variables are their own, but `:=` binds outside.
            found |= {one.target.id for one in ast.walk(node) if isinstance(one, ast.NamedExpr)}
    return found


def _same_scope(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope: also definitions and comprehensions, but not what is in them."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if node is tree or not isinstance(node, SCOPES | COMPREHENSIONS):
            waiting += ast.iter_child_nodes(node)


def _awaits(statement: ast.stmt) -> bool:
    """Return whether a statement can only run inside an event loop."""
    if isinstance(statement, SCOPES):
        return False
    return any(
        isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)
        or (isinstance(node, COMPREHENSIONS) and any(map(_is_async, ast.walk(node))))
        or (isinstance(node, ast.Call) and _last_name(node.func) in IN_LOOP)
        for node in _same_scope(statement)
    )


def _is_async(node: ast.AST) -> bool:
    return isinstance(node, ast.Await) or (
        isinstance(node, ast.comprehension) and node.is_async > 0
    )


def _last_name(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def _shown(tree: ast.Module, places: Places, show: str) -> list[Edit]:
    """Print the last value, unless it cannot be seen in a notebook either."""
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or show == "{}":
        return []
    start, end = places.start(last), places.end(last)
    if places.data[end:].lstrip(b" \t").startswith(b";"):
        return []
    value = last.value
    if isinstance(value, ast.Call) and (
        (isinstance(value.func, ast.Name) and value.func.id in SILENT)
        or (isinstance(value.func, ast.Attribute) and _is_plt_show(value.func))
    ):
        return []
    before, after = show.split("{}")
    if isinstance(value, ast.Tuple):
        before, after = f"{before}(", f"){after}"
    return [Edit(start, start, before), Edit(end, end, after)]


def _is_plt_show(called: ast.Attribute) -> bool:
    return called.attr == "show" and isinstance(called.value, ast.Name) and called.value.id == "plt"


def _imports(
    tree: ast.Module, places: Places
) -> tuple[list[Edit], list[tuple[int, str]], frozenset[str]]:
    """Replace imports of IPython, and take out those from __future__."""
    edits: list[Edit] = []
    notes: list[tuple[int, str]] = []
    futures: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__" and not node.level:
            names = [alias.name for alias in node.names]
            futures |= FUTURES & set(names)
            text = "pass"
            if set(names) <= FUTURES and _alone(node, places):
                text = f"# (at the top) from __future__ import {', '.join(names)}"
            if not set(names) <= FUTURES:
                notes.append((node.lineno, "it changes the syntax of Python"))
        elif isinstance(node, ast.ImportFrom) and node.module == "tqdm.notebook":
            text = ast.unparse(node).replace("tqdm.notebook", "tqdm.auto", 1)
            notes.append((node.lineno, "tqdm.notebook draws with IPython; tqdm.auto replaces it"))
        elif isinstance(node, ast.Import | ast.ImportFrom) and _of_ipython(node):
            text, absent = _stand_ins(node)
            if absent:
                notes.append(
                    (node.lineno, f"a stand-in that does nothing replaces {', '.join(absent)}")
                )
        else:
            continue
        edits.append(Edit(places.start(node), places.end(node), text))
    return edits, notes, frozenset(futures)


def _alone(node: ast.stmt, places: Places) -> bool:
    """Whether nothing else is on the lines of a statement, so that it may become a comment."""
    before = places.data[places.starts[node.lineno - 1] : places.start(node)]
    after = places.data[places.end(node) : places.starts[node.end_lineno or node.lineno]]
    return (
        not before.strip()
        and after.strip()[:1] in (b"", b"#")
        and b"\n" not in (places.data[places.start(node) : places.end(node)])
    )


def _of_ipython(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.ImportFrom):
        return not node.level and (node.module or "").partition(".")[0] == "IPython"
    return any(alias.name.partition(".")[0] == "IPython" for alias in node.names)


def _stand_ins(node: ast.Import | ast.ImportFrom) -> tuple[str, list[str]]:
    """Return code instead of an import, and the names that do nothing in a script."""
    parts, absent = [], []
    for alias in node.names:
        if isinstance(node, ast.Import):
            if alias.name.partition(".")[0] != "IPython":
                parts.append(
                    f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                )
                continue
            path = alias.name if alias.asname else "IPython"
            parts.append(f'{alias.asname or "IPython"} = _NbIPython("{path}")')
            absent.append(alias.name)
            continue
        for name in DISPLAYED if alias.name == "*" else [alias.name]:
            known = name == "display" and node.module == "IPython.display"
            made = "_nb_display" if known else f'_NbIPython("{node.module}.{name}")'
            parts.append(f"{alias.asname or name} = {made}")
            absent += [] if known or name in ("clear_output", "get_ipython") else [name]
    return "; ".join(parts), absent


def _annotations(statement: ast.stmt, places: Places) -> list[Edit]:
    """Remove annotations of names that become global in a function: there they are no syntax."""
    edits = []
    for node in _same_scope(statement):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if node.value is None:
                edits.append(Edit(places.start(node), places.end(node), "pass"))
            else:
                equals = places.data.rindex(b"=", places.end(node.annotation), _value(node, places))
                edits.append(Edit(places.start(node), equals, f"{node.target.id} "))
    return edits


def _value(node: ast.AnnAssign, places: Places) -> int:
    assert node.value is not None
    return places.start(node.value)


def _in_event_loop(text: str) -> str:
    """Put each run of statements that await into a function that the event loop runs."""
    tree = parsed(text)
    lines = text.split("\n")
    runs: list[tuple[int, int, bool]] = []
    for node in tree.body:
        start, end, awaits = node.lineno - 1, node.end_lineno or node.lineno, _awaits(node)
        start = min([start, *(one.lineno - 1 for one in getattr(node, "decorator_list", []))])
        if runs and (runs[-1][2] == awaits or runs[-1][1] > start):
            start, awaits = runs[-1][0], awaits or runs[-1][2]
            runs.pop()
        runs.append((start, end, awaits))
    parts: list[str] = []
    done = 0
    for start, end, awaits in runs:
        parts += lines[done:start] if awaits else []
        block = "\n".join(lines[start if awaits else done : end])
        parts.append(_awaited(block) if awaits else block)
        done = end
    return "\n".join([*parts, *lines[done:]])


def _awaited(block: str) -> str:
    names = sorted(bound(parsed(block)))
    declared = f"    global {', '.join(names)}\n" if names else ""
    return f"async def _nb_cell():\n{declared}{indented(block)}\n\n\n_nb_await(_nb_cell())"
