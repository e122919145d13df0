"""The content addresses of the code that decides on numbers: the template's core, the evaluator.

Comments, docstrings and layout are left out: they decide on nothing, and a score must not become
one of another setting because a sentence was fixed. Costs about 0.2 s, once per process.

EVALUATOR_PARTS is held against the imports of what trains, harvests and scores by
tests/tools/runs/test_code.py: a module that is imported there stands here, or in the test with the
reason why it decides on no number.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from fumehood_tools.files import data_path

EVALUATOR_PARTS = (
    "records/inertness.py",
    "records/work.py",
    "corpora",
    "glass",
    "harvest",
    "child_tuning.py",
    "machine.py",
    "runs/references.py",
    "runs/training.py",
    "runs/work.py",
    "sandbox/constants.py",
    "sandbox/declarations.py",
    "spec.py",
    "sandbox/variants.py",
    "scoring",
    "subjects",
)


@functools.cache
def template_sha256() -> str:
    """Return the content address of the template's core: what training runs on."""
    core = data_path("sandbox_template") / "sae" / "core"
    return code_sha256(core, core.rglob("*.py"))


@functools.cache
def evaluator_sha256() -> str:
    """Return the content address of the code that makes data, trains and scores."""
    package = Path(__file__).resolve().parents[1]
    parts = [package / part for part in EVALUATOR_PARTS]
    files = (path for part in parts for path in (part.rglob("*.py") if part.is_dir() else [part]))
    return code_sha256(package, files)


def code_sha256(root: Path, files: Iterable[Path]) -> str:
    """Return one hex sha256 over the names below root and the code of Python files.

    Raises SyntaxError for a file that is not Python.
    """
    digest = hashlib.sha256()
    for path in sorted(files):
        code = hashlib.sha256(bare_code(path.read_bytes()).encode()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()}\0{code}\n".encode())
    return digest.hexdigest()


def bare_code(source: bytes) -> str:
    """Return Python source without comments, docstrings and layout of its own."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented):
            # What stands alone as a string says something and does nothing.
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(line: ast.stmt) -> bool:
    value = line.value if isinstance(line, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
