"""Write the head of a script: the parts of `runtime.py` that it uses, and nothing else."""

import ast
import functools
import re
from importlib import resources

# Two lines of our own come first: Python looks for the encoding of a file in its first two lines.
FIRST_LINES = '''#!/usr/bin/env python3
"""Converted from a Jupyter notebook{name}. It runs without IPython."""'''
NAME = re.compile(r"\b_(?:nb|Nb)\w*")


@functools.cache
def parts() -> dict[str, str]:
    """Return name -> text of every function and class of runtime.py, in their order."""
    text = resources.files(__package__).joinpath("runtime.py").read_text(encoding="utf-8")
    return {
        node.name: ast.get_source_segment(text, node) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


@functools.cache
def imports() -> dict[str, tuple[str, str]]:
    """Return name -> module and name in it ("" for the module) of the imports of runtime.py."""
    text = resources.files(__package__).joinpath("runtime.py").read_text(encoding="utf-8")
    return {
        alias.name: (node.module or "", alias.name)
        if isinstance(node, ast.ImportFrom)
        else (alias.name, "")
        for node in ast.parse(text).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def import_lines(code: str) -> list[str]:
    """Return the import statements that parts of runtime.py need."""
    used = [one for word, one in imports().items() if re.search(rf"\b{word}\b", code)]
    modules = sorted({module for module, _ in used})
    names = {module: sorted(name for one, name in used if one == module) for module in modules}
    return [f"import {module}" for module in modules if names[module] == [""]] + [
        f"from {module} import {', '.join(names[module])}"
        for module in modules
        if names[module] != [""]
    ]


def needed(code: str) -> list[str]:
    """Return the names of the parts that the code uses, and those that these use."""
    found: set[str] = set()
    waiting = set(NAME.findall(code)) & parts().keys()
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= (set(NAME.findall(parts()[name])) & parts().keys()) - found
    return [name for name in parts() if name in found]


def head(name: str, futures: list[str], code: str, more: list[str]) -> str:
    """Return everything that stands before the first cell.

    futures: names to import from __future__. more: lines to add, such as `get_ipython = …`.
    """
    quoted = name.replace("\\", "/").replace('"', "'")
    blocks = [FIRST_LINES.format(name=f" ({quoted})" if quoted else "")]
    if futures:
        blocks.append(f"from __future__ import {', '.join(sorted(futures))}")
    texts = [parts()[one] for one in needed(code + "\n".join(more))]
    if lines := import_lines("\n".join(texts)):
        blocks.append("\n".join(lines))
    return "\n\n\n".join(["\n\n".join(blocks), *texts, *(["\n".join(more)] if more else [])])
