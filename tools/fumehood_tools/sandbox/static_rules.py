"""Rules that can be checked by reading a variant: syntax, imports, calls, the form of the classes.

A rule here is advice given early, with the line: it keeps honest authors out of trouble. It is not
what protects the evaluator; that is the process a variant runs in.
"""

import ast
from collections.abc import Iterator

from fumehood_tools.sandbox.class_rules import check_classes
from fumehood_tools.sandbox.findings import Finding

MOST_BYTES = 400_000

ALLOWED_IMPORTS = frozenset(
    [
        "__future__",
        "abc",
        "bisect",
        "collections",
        "contextlib",
        "copy",
        "core",
        "dataclasses",
        "dictionary_learning",
        "einops",
        "enum",
        "functools",
        "heapq",
        "itertools",
        "jaxtyping",
        "logging",
        "math",
        "numbers",
        "numpy",
        "operator",
        "random",
        "re",
        "statistics",
        "string",
        "textwrap",
        "time",
        "torch",
        "types",
        "typing",
        "typing_extensions",
        "warnings",
    ]
)
NO_FILES = "keep state in parameters and register_buffer; all that a variant needs is handed to it"
NO_SYSTEM = "leave it out: seeds, threads and devices are set by the sandbox"
NO_MAGIC = "write it out in plain Python"
REFUSED_IMPORTS = {
    **dict.fromkeys(("os", "sys", "platform", "resource", "signal"), NO_SYSTEM),
    **dict.fromkeys(
        ("io", "pathlib", "shutil", "tempfile", "glob", "fileinput", "mmap", "sqlite3"), NO_FILES
    ),
    **dict.fromkeys(("pickle", "marshal", "shelve", "joblib", "dill", "cloudpickle"), NO_FILES),
    **dict.fromkeys(("subprocess", "multiprocessing", "threading", "concurrent"), NO_SYSTEM),
    **dict.fromkeys(
        ("socket", "http", "urllib", "requests", "httpx", "ssl", "asyncio"),
        "leave it out: there is no network in a sandbox",
    ),
    **dict.fromkeys(
        ("ctypes", "cffi", "importlib", "builtins", "gc", "inspect", "runpy", "code"), NO_MAGIC
    ),
    **dict.fromkeys(
        ("fumehood", "fumehood_tools", "sae_bench", "sae_lens", "transformer_lens"),
        "leave it out: scoring happens outside, by the evaluator",
    ),
    "safetensors": "leave it out: weights are saved by the sandbox",
    "custom_saes": "from core import BaseSAE, BaseTrainer",
    "variants": "copy what you need into this file: a variant is one file",
}
REFUSED_CALLS = {
    "open": NO_FILES,
    "eval": NO_MAGIC,
    "exec": NO_MAGIC,
    "compile": NO_MAGIC,
    "__import__": "use an import statement at the top of the file",
    "input": "leave it out: nobody is there to answer",
    "breakpoint": "leave it out: nobody is there to answer",
    "exit": "raise an error instead",
    "quit": "raise an error instead",
}
# (module, attribute): what reads or writes files, or loads code.
REFUSED_ATTRIBUTES = frozenset(
    (module, name)
    for module, names in {
        "torch": "load save hub from_file ops classes",
        "numpy": "load save savez savetxt loadtxt fromfile memmap genfromtxt ctypeslib",
        "np": "load save savez savetxt loadtxt fromfile memmap genfromtxt ctypeslib",
    }.items()
    for name in names.split()
)
REFUSED_DUNDERS = frozenset(
    [
        "__subclasses__",
        "__globals__",
        "__builtins__",
        "__code__",
        "__closure__",
        "__loader__",
        "__reduce__",
    ]
)


def check_source(source: bytes, name: str) -> list[Finding]:
    """Return the findings about a source, in order of lines."""
    tree = _parse(source, name)
    if isinstance(tree, Finding):
        return [tree]
    findings = [*_imports(tree), *_calls(tree), *check_classes(tree)]
    if not ast.get_docstring(tree):
        findings.append(
            Finding(
                severity="warning",
                rule="docstring",
                line=1,
                message="The file has no docstring: tables will not say what it is.",
                instead="Open it with one line on the idea, then the equation and its source.",
            )
        )
    return sorted(findings, key=lambda finding: finding.line or 0)


def error(rule: str, line: int | None, message: str, instead: str) -> Finding:
    """Return a finding of severity error; stops are added."""
    return Finding(
        severity="error",
        rule=rule,
        line=line,
        message=f"{message.rstrip('.')}.",
        instead=f"{instead.rstrip('.')}.",
    )


def _parse(source: bytes, name: str) -> ast.Module | Finding:
    if len(source) > MOST_BYTES:
        size = f"{name}.py holds {len(source):,} bytes"
        return error("size", None, size, "keep code, and no weights or data, in the file")
    try:
        return ast.parse(source)
    except SyntaxError as problem:
        message = f"Not valid Python: {problem.msg}"
        return error("syntax", problem.lineno, message, "mend the syntax on that line")
    except (ValueError, RecursionError, MemoryError) as problem:
        return error("syntax", None, f"Not valid Python: {problem}", "save it as UTF-8 text")


def _imports(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _judge_import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                cure = REFUSED_IMPORTS["custom_saes"]
                yield error("import", node.lineno, "A relative import finds nothing here", cure)
                continue
            module = node.module or ""
            yield from _judge_import(module, node.lineno)
            for alias in node.names:
                if (module, alias.name) in REFUSED_ATTRIBUTES:
                    yield _refused_attribute(f"{module}.{alias.name}", node.lineno)


def _judge_import(module: str, line: int) -> Iterator[Finding]:
    top = module.partition(".")[0]
    if top in REFUSED_IMPORTS:
        yield error("import", line, f"A variant may not import {top}", REFUSED_IMPORTS[top])
    elif top not in ALLOWED_IMPORTS:
        yield Finding(
            severity="warning",
            rule="import",
            line=line,
            message=f"{top} may be missing where the variant is trained or scored.",
            instead="Use torch, numpy, einops, dictionary_learning and the standard maths modules.",
        )


def _calls(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = node.func.id
            if called in REFUSED_CALLS:
                message = f"A variant may not call {called}()"
                yield error("call", node.lineno, message, REFUSED_CALLS[called])
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if (owner, node.attr) in REFUSED_ATTRIBUTES:
                yield _refused_attribute(f"{owner}.{node.attr}", node.lineno)
            elif node.attr in REFUSED_DUNDERS:
                message = f"A variant may not use {node.attr}"
                yield error("call", node.lineno, message, NO_MAGIC)


def _refused_attribute(name: str, line: int) -> Finding:
    return error("call", line, f"A variant may not use {name}", NO_FILES)
