"""Rules that are checked by reading a variant: syntax, imports, calls, the form of the classes.

These rules are early advice with a line number, for honest authors. They do not protect the
evaluator; the isolated process that a variant runs in (glass) does.
"""

import ast
from collections.abc import Iterator

from fumehood_tools.kinds import SAE, Kind
from fumehood_tools.sandbox.class_rules import check_classes
from fumehood_tools.sandbox.complaints import Complaint, error, warning
from fumehood_tools.sandbox.declarations import check_declarations
from fumehood_tools.sandbox.imported import Imported
from fumehood_tools.sandbox.meddling_rules import check_meddling
from fumehood_tools.sandbox.refusals import (
    ALLOWED_IMPORTS,
    REFUSED_ATTRIBUTES,
    REFUSED_CALLS,
    REFUSED_IMPORTS,
    REFUSED_NAMES,
)
from fumehood_tools.sandbox.variants import text_fault

MOST_BYTES = 400_000


def check_source(source: bytes, name: str, kind: Kind = SAE) -> list[Complaint]:
    """Return the findings about a source, in line order. name: the variant's, for messages.

    kind: of the sandbox that it is for.
    """
    tree = _parse(source, name)
    if isinstance(tree, Complaint):
        return [tree]
    try:
        imported = Imported(tree)
        findings = [
            *_imports(tree),
            *_names(tree, imported),
            *check_meddling(tree, imported),
            *check_declarations(tree, kind),
            *check_classes(tree, kind),
        ]
    except RecursionError:
        return [_too_deep(name)]
    if not ast.get_docstring(tree):
        message = "The file has no docstring, so tables cannot describe it"
        cure = "Begin it with one line about the idea, then the equation and its source"
        findings.append(warning("docstring", 1, message, cure))
    findings = list(dict.fromkeys(findings))
    return sorted(findings, key=lambda finding: finding.line or 0)


def _parse(source: bytes, name: str) -> ast.Module | Complaint:
    if len(source) > MOST_BYTES:
        size = f"{name}.py is too large to be read: it has {len(source):,} bytes"
        return error("size", None, size, "keep only code in the file, no weights or data")
    if fault := text_fault(source):
        line, said = fault
        return error("syntax", line, f"{name}.py {said}", "save it as UTF-8")
    try:
        return ast.parse(source)
    except SyntaxError as problem:
        message = f"Not valid Python: {problem.msg}"
        return error("syntax", problem.lineno, message, "fix the syntax on that line")
    except (RecursionError, MemoryError):
        return _too_deep(name)
    except ValueError as problem:
        return error("syntax", None, f"Not valid Python: {problem}", "save it as UTF-8 text")


def _too_deep(name: str) -> Complaint:
    message = f"{name}.py nests its expressions too deeply to be parsed"
    return error("syntax", None, message, "write a loop, or several statements")


def _imports(tree: ast.Module) -> Iterator[Complaint]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _judge_import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                cure = REFUSED_IMPORTS["custom_saes"]
                yield error("import", node.lineno, "A relative import does not work here", cure)
                continue
            module = node.module or ""
            findings = list(_judge_import(module, node.lineno))
            yield from findings
            for alias in node.names if not findings else []:
                yield from _judge_name(f"{module}.{alias.name}", node.lineno)


def _judge_import(module: str, line: int) -> Iterator[Complaint]:
    top = module.partition(".")[0]
    if top in REFUSED_IMPORTS:
        yield error("import", line, f"A variant may not import {top}", REFUSED_IMPORTS[top])
    elif top not in ALLOWED_IMPORTS:
        message = f"{top} may be missing where the variant is trained or scored"
        cure = "Use torch, numpy, einops, dictionary_learning and the standard math modules"
        yield warning("import", line, message, cure)
    else:
        yield from _judge_name(module, line)


def _names(tree: ast.Module, imported: Imported) -> Iterator[Complaint]:
    """Find refused builtins, attributes and library names, whether they are called or only read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if imported.is_builtin(node.id):
                message = f"A variant may not call {node.id}()"
                yield error("call", node.lineno, message, REFUSED_CALLS[node.id])
        elif isinstance(node, ast.Attribute):
            if node.attr in REFUSED_ATTRIBUTES:
                message = f"A variant may not use {node.attr}"
                yield error("call", node.lineno, message, REFUSED_ATTRIBUTES[node.attr])
            elif (whole := imported.dotted(node)) is not None:
                yield from _judge_name(whole, node.lineno)
        elif isinstance(node, ast.Call) and len(node.args) > 1:
            yield from _asked_for(node, imported)


def _asked_for(node: ast.Call, imported: Imported) -> Iterator[Complaint]:
    """Treat getattr(torch, "load") like torch.load."""
    owner, name = imported.dotted(node.args[0]), node.args[1]
    is_getattr = isinstance(node.func, ast.Name) and node.func.id == "getattr"
    text = name.value if isinstance(name, ast.Constant) else None
    if owner is not None and is_getattr and isinstance(text, str):
        yield from _judge_name(f"{owner}.{text}", node.lineno)


def _judge_name(whole: str, line: int) -> Iterator[Complaint]:
    """Yield a finding if a dotted name, or one of the names above it, is refused."""
    parts = whole.split(".")
    for length in range(2, len(parts) + 1):
        name = ".".join(parts[:length])
        if name in REFUSED_NAMES:
            yield error("call", line, f"A variant may not use {name}", REFUSED_NAMES[name])
            return
