"""The signatures of a source file: what it defines, without how.

Python files are parsed (`ast`), never run: classes and functions with their arguments, decorators
and the first line of their docstrings, and constants. Of other files, the first lines are shown.
"""

import ast
from collections.abc import Iterator

FIRST_LINES, FIRST_CHARACTERS = 12, 800
MOST_PYTHON = 2_000_000
_LONGEST = 120


def signatures_of(path: str, text: str) -> str:
    """Return the signatures of a file, or its first lines if it has none that can be read."""
    if path.endswith((".py", ".pyi")) and len(text) <= MOST_PYTHON:
        try:
            lines = list(_module(ast.parse(text)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            lines = []
        if lines:
            return "\n".join(lines) + "\n"
    return _first_lines(text)


def _first_lines(text: str) -> str:
    lines = text[: FIRST_CHARACTERS + 1].splitlines()[:FIRST_LINES]
    shown = "\n".join(lines)[:FIRST_CHARACTERS]
    cut = len(text) > len(shown) + 1
    total = text.count("\n") + 1
    return f"{shown}\n" + (f"… ({total:,} lines in all)\n" if cut else "")


def _module(module: ast.Module) -> Iterator[str]:
    if said := _said(module):
        yield f'"""{said}"""'
    for node in module.body:
        yield from _shown(node, "")


def _shown(node: ast.stmt, indent: str) -> Iterator[str]:
    match node:
        case ast.ClassDef():
            yield from _decorators(node.decorator_list, indent)
            bases = ", ".join(_short(it) for it in (*node.bases, *(k.value for k in node.keywords)))
            yield f"{indent}class {node.name}{f'({bases})' if bases else ''}:"
            if said := _said(node):
                yield f'{indent}    """{said}"""'
            for inner in node.body:
                yield from _shown(inner, indent + "    ")
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from _decorators(node.decorator_list, indent)
            start = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
            returns = f" -> {_short(node.returns)}" if node.returns else ""
            said = _said(node)
            about = f"  # {said}" if said else ""
            yield f"{indent}{start} {node.name}({ast.unparse(node.args)}){returns}: ...{about}"
        case ast.AnnAssign(target=ast.Name(name)):
            value = f" = {_short(node.value)}" if node.value is not None else ""
            yield f"{indent}{name}: {_short(node.annotation)}{value}"
        case ast.Assign(targets=[ast.Name(name)]) if name.isupper() or indent:
            yield f"{indent}{name} = {_short(node.value)}"
        case ast.If() | ast.Try():
            for inner in node.body:
                if not isinstance(inner, ast.Expr | ast.Assign):
                    yield from _shown(inner, indent)


def _decorators(decorators: list[ast.expr], indent: str) -> Iterator[str]:
    for decorator in decorators:
        yield f"{indent}@{_short(decorator)}"


def _said(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the first line of a docstring."""
    lines = (ast.get_docstring(node) or "").strip().splitlines()
    return lines[0][:_LONGEST] if lines else ""


def _short(node: ast.expr) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
