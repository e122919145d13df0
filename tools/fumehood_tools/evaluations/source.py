"""Evaluation files: what one declares, read from its source without running it.

A file is `evaluations/<name>.py` in a sandbox, or one of those that are shipped. Its METRICS and
NEEDS are literals at the top level. A sandbox's own file takes precedence over a shipped one of
the same name, and counts as the sandbox's.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from fumehood_tools.errors import UnknownName, VariantRejected
from fumehood_tools.evaluations.sae_bench import PREFIX
from fumehood_tools.files import data_path
from fumehood_tools.plain_files import read_plain
from fumehood_tools.registry.declared import is_name, metrics_of
from fumehood_tools.sandbox.constants import judge_source
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.spec import LimitsSpec

FOLDER = "evaluations"
ALL = "all"

Need = Literal["planted", "siblings", "vocabulary", "probing", "linear"]
NEEDS: tuple[Need, ...] = get_args(Need)

RESERVED = "sae_bench_"
"""How names of sae-bench's evaluations begin. A sandbox has no file of such a name."""


class EvaluationFile(NamedTuple):
    """One evaluation, as its source declares it. metrics: name -> its declared fields."""

    name: str
    source: bytes
    metrics: Mapping[str, Any]
    needs: tuple[Need, ...]
    shipped: bool

    @property
    def is_trusted(self) -> bool:
        """Whether it is a part of fumehood that has sae-bench evaluate, outside the glass."""
        return self.name.startswith(RESERVED)

    @property
    def sha256(self) -> str:
        """The digest of the file: another file is another evaluation."""
        return hashlib.sha256(self.source).hexdigest()


def shipped_folder() -> Path:
    """Return the folder with the evaluations that are shipped."""
    return data_path("examples") / FOLDER


def known_evaluations(box: Sandbox) -> dict[str, Path]:
    """Return name -> file of every evaluation that can be run in a sandbox, own files first."""
    found: dict[str, Path] = {}
    for folder in (box.folder / FOLDER, shipped_folder()):
        for path in sorted(folder.glob("*.py")):
            if not path.stem.startswith("_"):
                found.setdefault(path.stem, path)
    return found


def chosen_evaluations(box: Sandbox, names: Sequence[str]) -> list[EvaluationFile]:
    """Return the evaluations with these names, without duplicates; "all" or nothing: every one.

    Raises UnknownName, VariantRejected for a file that breaks a rule, StorageFailed for one that is
    not a regular file, and IntegrityFailed for one with too much data in it.
    """
    known = known_evaluations(box)
    wanted = list(known) if not names or ALL in names else []
    wanted += [one for one in map(file_name, names) if one != ALL and one not in wanted]
    known |= {path.stem: path for path in Path(__file__).parent.glob(f"{RESERVED}*.py")}
    found = []
    for name in dict.fromkeys(one.removesuffix(".py") for one in wanted):
        if name not in known:
            step = f"Write {FOLDER}/<name>.py in the sandbox, or choose one of these."
            raise UnknownName("evaluation", name, known, step)
        is_shipped = known[name].parent != box.folder / FOLDER
        found.append(read_evaluation(known[name], is_shipped, box.spec.limits))
    return found


def file_name(name: str) -> str:
    """Return the name of an evaluation's file: `sae-bench:absorption` is sae_bench_absorption."""
    return f"{RESERVED}{name.removeprefix(PREFIX)}" if name.startswith(PREFIX) else name


def read_evaluation(path: Path, shipped: bool, limits: LimitsSpec) -> EvaluationFile:
    """Return an evaluation that keeps the rules. Raises as `chosen_evaluations` does."""
    source, shown = read_plain(path), f"{FOLDER}/{path.name}"
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        raise VariantRejected(shown, line, f"it is not valid Python ({error})", "fix it") from error
    if not is_name(path.stem):
        raise _broken(shown, None, "its name must be lowercase words joined by _", "rename it")
    if path.stem.startswith(RESERVED) and not shipped:
        raise _broken(
            shown, None, f"names that start with {RESERVED} are reserved for sae-bench", "rename it"
        )
    _check_evaluate(tree, shown)
    found = {name: (node, line) for name, node, line in _assigned(tree)}
    metrics, line = _literal(found, "METRICS", shown)
    try:
        metrics_of(path.stem, metrics)
    except ValueError as error:
        cure = (
            'write METRICS = {"recall": {"title": "recall", "better": "higher", '
            '"smallest_effect": 0.02, "digits": 3}}'
        )
        raise _broken(shown, line, str(error), cure) from error
    needs, line = _literal(found, "NEEDS", shown) if "NEEDS" in found else ((), 1)
    if not isinstance(needs, tuple | list) or any(need not in NEEDS for need in needs):
        raise _broken(
            shown, line, "NEEDS must be a list of known names", f"choose among {', '.join(NEEDS)}"
        )
    judge_source(source, limits)
    return EvaluationFile(path.stem, source, metrics, tuple(needs), shipped)


def _check_evaluate(tree: ast.Module, shown: str) -> None:
    cure = "write def evaluate(latents, context): … that returns a dict of metrics"
    named = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "evaluate"]
    if not named:
        raise _broken(shown, None, "it has no function evaluate", cure)
    taken = named[-1].args
    if len(taken.posonlyargs) + len(taken.args) != 2 or taken.vararg or taken.kwonlyargs:
        raise _broken(shown, named[-1].lineno, "evaluate must take exactly two arguments", cure)


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr, int]]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if isinstance(target, ast.Name) and value is not None:
                yield target.id, value, node.lineno


def _literal(found: Mapping[str, tuple[ast.expr, int]], name: str, shown: str) -> tuple[Any, int]:
    """Return the value of a constant and its line. Raises VariantRejected if it is no literal."""
    if name not in found:
        raise _broken(shown, None, f"it does not declare {name}", f"write {name} = {{…}} on top")
    node, line = found[name]
    try:
        return ast.literal_eval(node), line
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        cure = "write out its value: it is read without running the file"
        raise _broken(shown, line, f"{name} is not a literal", cure) from error


def _broken(shown: str, line: int | None, rule: str, instead: str) -> VariantRejected:
    return VariantRejected(shown, line, rule, instead)
