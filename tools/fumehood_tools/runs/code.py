"""Hashes of the code that determines scores: the template's core, and the evaluator.

Comments, docstrings and layout are not hashed, because they cannot change a score: rewording a
sentence must not make old scores incomparable with new ones. Costs about 0.2 s, once per process.

tests/tools/runs/test_code.py compares EVALUATOR_PARTS with the imports of the code that harvests,
trains and scores. A module imported there must be listed here, or in the test with the reason why
it cannot change a score.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from fumehood_tools.kinds import core_folder

EVALUATOR_PARTS = (
    "records/inertness.py",
    "records/work.py",
    "corpora",
    "glass",
    "harvest",
    "kinds",
    "child_tuning.py",
    "machine.py",
    "runs/orders.py",
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
    """Return the hash of the core that all templates share, which trainings run on."""
    core = core_folder()
    return code_sha256(core, core.rglob("*.py"))


@functools.cache
def evaluator_sha256() -> str:
    """Return the hash of the code that produces data, trains and scores."""
    package = Path(__file__).resolve().parents[1]
    parts = [package / part for part in EVALUATOR_PARTS]
    files = (path for part in parts for path in (part.rglob("*.py") if part.is_dir() else [part]))
    return code_sha256(package, files)


def code_sha256(root: Path, files: Iterable[Path]) -> str:
    """Return one hex sha256 of the files' code and their paths relative to `root`.

    Raises SyntaxError if a file is not valid Python.
    """
    digest = hashlib.sha256()
    for path in sorted(files):
        code = hashlib.sha256(bare_code(path.read_bytes()).encode()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()}\0{code}\n".encode())
    return digest.hexdigest()


def bare_code(source: bytes) -> str:
    """Return Python source without comments and docstrings, in standard layout."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented):
            # A string that is a statement by itself is documentation.
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(line: ast.stmt) -> bool:
    value = line.value if isinstance(line, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
