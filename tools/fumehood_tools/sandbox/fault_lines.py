"""Find the line of a variant that is at fault, by reading its source.

The child that runs a variant knows in which method something failed. What led to it may be
elsewhere: a parameter that is made too late, a tensor that is changed in place, a seed that is set.
Nothing here runs the variant. A line is a good guess, and None where there is none.
"""

import ast
import re
from collections.abc import Iterator

from fumehood_tools.kinds import SAE, TRAINER_CLASS, Kind
from fumehood_tools.sandbox.complaints import Complaint

SEEDING = frozenset(["manual_seed", "manual_seed_all", "seed", "default_rng", "RandomState"])
MADE_LATE = re.compile(r"(?P<names>[\w., ]+): made after the trainer was built")
UNEXPECTED = re.compile(r"Unexpected key\(s\) in state_dict: (?P<names>[^;]+?)\.? ?$")
INERT = re.compile(r"The parameter (?P<names>[\w.]+) does not change")
IN_PLACE = "inplace operation", "in place"
MAKE_EARLY = (
    "make it in {owner}.__init__, and only set its numbers here: with torch.no_grad(): "
    "self.ae.{name}.copy_(…)"
)


class Source:
    """The syntax tree of one variant, to be asked for lines."""

    def __init__(self, source: bytes) -> None:
        """`source` must be valid Python."""
        self.tree = ast.parse(source)

    def constant(self, name: str) -> int | None:
        """Return the line at the top of the file that sets a constant."""
        for node in self.tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return node.lineno
        return None

    def method(self, owner: str, name: str) -> int | None:
        """Return the line of a method, or else of its class."""
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == owner:
                found = (part for part in node.body if isinstance(part, ast.FunctionDef))
                return next((part.lineno for part in found if part.name == name), node.lineno)
        return None

    def late(self, parameter: str) -> int | None:
        """Return the line outside the scored class's __init__ that makes or replaces it."""
        return self._assigning(parameter, besides_init=True)

    def made(self, parameter: str) -> int | None:
        """Return the line that makes a parameter, in any method."""
        return self._assigning(parameter, besides_init=False)

    def _assigning(self, parameter: str, besides_init: bool) -> int | None:
        name = parameter.split(".")[0]
        for function in self._functions(besides_init):
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and any(
                    isinstance(target, ast.Attribute) and target.attr == name
                    for target in node.targets
                ):
                    return node.lineno
        return None

    def in_place(self) -> int | None:
        """Return the first line of a forward or loss that changes a tensor in place."""
        for function in self._functions(besides_init=True):
            if function.name == "prepare":
                continue
            if lines := [_line(node) for node in _without_no_grad(function) if _is_in_place(node)]:
                return min(lines)
        return None

    def seed(self) -> int | None:
        """Return the first line that sets a seed to a number of the file's own."""
        lines = [_line(node) for node in ast.walk(self.tree) if _sets_seed(node)]
        return min(lines, default=None)

    def _functions(self, besides_init: bool) -> Iterator[ast.FunctionDef]:
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef):
                for part in node.body:
                    is_init = node.name != TRAINER_CLASS and getattr(part, "name", "") == "__init__"
                    if isinstance(part, ast.FunctionDef) and not (besides_init and is_init):
                        yield part


def at_fault(source: bytes, finding: Complaint, kind: Kind = SAE) -> Complaint:
    """Return a finding of the child with the line that is at fault, and the remedy for it."""
    lines, message = Source(source), finding.message
    for pattern in (MADE_LATE, UNEXPECTED):
        if (found := pattern.search(message)) is not None:
            name = found["names"].split(",")[0].strip().strip('"')
            if (line := lines.late(name)) is not None:
                said = f"{name} is made on this line, after the trainer was built: it is never "
                said += f"trained, and the scorer's {kind.variant_class} has no such weight."
                cure = f"{MAKE_EARLY.format(owner=kind.variant_class, name=name)}."
                return finding.model_copy(
                    update={"line": line, "message": said, "instead": cure.capitalize()}
                )
    if (found := INERT.search(message)) is not None:
        line = lines.late(found["names"]) or lines.made(found["names"])
        return finding.model_copy(update={"line": line or finding.line})
    if any(part in message for part in IN_PLACE):
        return finding.model_copy(update={"line": lines.in_place() or finding.line})
    return finding


def _line(node: ast.AST) -> int:
    line: int = getattr(node, "lineno", 0)
    return line


def _without_no_grad(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes of a function, except those under `with torch.no_grad()`."""
    queue: list[ast.AST] = list(function.body)
    while queue:
        node = queue.pop(0)
        if isinstance(node, ast.With) and any(
            "no_grad" in ast.unparse(item.context_expr) for item in node.items
        ):
            continue
        yield node
        queue += ast.iter_child_nodes(node)


def _is_in_place(node: ast.AST) -> bool:
    if isinstance(node, ast.AugAssign):
        return not isinstance(node.value, ast.Constant) or isinstance(node.target, ast.Subscript)
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Subscript) for target in node.targets)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = node.func.attr
        return name.endswith("_") and not name.endswith("__")
    return False


def _sets_seed(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        named = any(word.arg == "seed" and _is_number(word.value) for word in node.keywords)
        own = _last_name(node.func) in SEEDING and any(map(_is_number, node.args))
        return named or own
    if isinstance(node, ast.Assign):
        return _is_number(node.value) and any(_is_seed(target) for target in node.targets)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return any(
            isinstance(key, ast.Constant) and key.value == "seed" and _is_number(value)
            for key, value in pairs
        )
    return False


def _is_seed(target: ast.expr) -> bool:
    """Return True for kwargs["seed"] and self.seed, but not for a constant SEED of the file."""
    if isinstance(target, ast.Subscript):
        return isinstance(target.slice, ast.Constant) and target.slice.value == "seed"
    return isinstance(target, ast.Attribute) and target.attr == "seed"


def _is_number(node: ast.expr) -> bool:
    """Return True for a number, and for a name in capitals, which is a constant of the file."""
    if isinstance(node, ast.Name):
        return node.id.isupper()
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
