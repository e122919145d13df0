"""Rules about the form of the scored class and CustomTrainer, as far as the source shows it.

Code that cannot be judged by reading (computed base classes, attributes set elsewhere) passes here;
the trial run in a child finds those mistakes.
"""

import ast
from collections.abc import Iterator

from fumehood_tools.kinds import TRAINER_CLASS, Kind, kinds
from fumehood_tools.sandbox.complaints import Complaint

# Base classes that do not implement encode and decode.
ABSTRACT_BASES = frozenset(["Dictionary", "Module", "ABC", "object"])
# The keyword arguments that a CustomTrainer is called with.
TRAINER_KEYWORDS = frozenset(
    [
        "steps",
        "activation_dim",
        "dict_size",
        "layer",
        "lm_name",
        "dict_class",
        "lr",
        "l1_penalty",
        "warmup_steps",
        "sparsity_warmup_steps",
        "decay_start",
        "resample_steps",
        "seed",
        "device",
        "submodule_name",
    ]
)


def check_classes(tree: ast.Module, kind: Kind) -> Iterator[Complaint]:
    """Yield findings about the two classes of a variant of a kind."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    scored, names = kind.variant_class, _other_names(tree)
    if scored in classes:
        yield from _check_scored(classes[scored], classes, kind)
    elif scored not in names:
        yield _missing(names, classes, kind)
    if TRAINER_CLASS in classes:
        yield from _check_trainer(classes[TRAINER_CLASS])
        yield from _check_trainer_bases(classes[TRAINER_CLASS], classes, kind)


def _missing(names: set[str], classes: dict[str, ast.ClassDef], kind: Kind) -> Complaint:
    """Return the finding about a file without the scored class; it may be one of another kind."""
    message, line = f"There is no class {kind.variant_class}.", None
    for other in kinds():
        if other is not kind and other.variant_class in names:
            message = f"There is no class {kind.variant_class}, but a class {other.variant_class}: "
            message += f"this sandbox is about {kind.noun}s, and that file is for {other.noun}s."
            found = classes.get(other.variant_class)
            line = found.lineno if found else None
    return _error("class", line, message, kind.derive)


def _check_trainer_bases(
    node: ast.ClassDef, classes: dict[str, ast.ClassDef], kind: Kind
) -> Iterator[Complaint]:
    """Yield a finding for a trainer that is made for another kind's batches."""
    _, bases = _ancestry(node, classes)
    wrong = {base for other in kinds() if other is not kind for base in other.trainer_bases}
    for base in sorted(bases & (wrong - kind.trainer_bases)):
        message = f"{TRAINER_CLASS} derives from {base}, which does not train a {kind.noun}."
        cure = f"Write class {TRAINER_CLASS}({kind.base_trainer}): … with {kind.import_line}."
        yield _error("class", node.lineno, message, cure)


def _error(rule: str, line: int | None, message: str, instead: str) -> Complaint:
    return Complaint(severity="error", rule=rule, line=line, message=message, instead=instead)


def _other_names(tree: ast.Module) -> set[str]:
    """Return the names that a file may bind by assignment, by import or under a condition."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
    return names


def _check_scored(
    node: ast.ClassDef, classes: dict[str, ast.ClassDef], kind: Kind
) -> Iterator[Complaint]:
    name = kind.variant_class
    if not node.bases:
        yield _error("class", node.lineno, f"{name} has no base class.", kind.derive)
        return
    methods, bases = _ancestry(node, classes)
    if not bases & kind.complete_bases and bases and bases <= ABSTRACT_BASES:
        for method in ("encode", "decode"):
            if method not in methods:
                yield _error(
                    "class",
                    node.lineno,
                    f"{name} has no method {method}, and neither have its base classes.",
                    f"Derive from {kind.base_class}, or write {method}(self, …).",
                )
    initial = _method(node, "__init__")
    if initial is not None:
        yield from _check_scored_init(initial, name)


def _check_scored_init(node: ast.FunctionDef, name: str) -> Iterator[Complaint]:
    required, optional, anything = _arguments(node)
    enough = "Give every argument after activation_dim and dict_size a default value."
    if len(required) > 2 or _required_keywords(node):
        extra = ", ".join([*required[2:], *_required_keywords(node)])
        message = f"{name}.__init__ needs more than activation_dim and dict_size: {extra}."
        yield _error("signature", node.lineno, message, enough)
    elif len(required) + len(optional) < 2 and not anything:
        message = f"{name}.__init__ does not take activation_dim and dict_size."
        instead = "Write def __init__(self, activation_dim, dict_size): …"
        yield _error("signature", node.lineno, message, instead)
    yield from _calls_super(node)


def _check_trainer(node: ast.ClassDef) -> Iterator[Complaint]:
    initial, loss = _method(node, "__init__"), _method(node, "loss")
    if initial is not None:
        yield from _check_trainer_init(initial)
        # A trainer needs .ae and .update, but no base class.
        if node.bases:
            yield from _calls_super(initial)
    if loss is not None:
        yield from _check_loss(loss)


def _check_trainer_init(node: ast.FunctionDef) -> Iterator[Complaint]:
    required, optional, _ = _arguments(node)
    pass_on = "Write def __init__(self, *args, **kwargs): super().__init__(*args, **kwargs)."
    named = {*required, *optional, *(argument.arg for argument in node.args.kwonlyargs)}
    if node.args.kwarg is None and TRAINER_KEYWORDS - named:
        message = (
            f"{TRAINER_CLASS}.__init__ takes no **kwargs, so keywords it does not name will fail."
        )
        yield _error("signature", node.lineno, message, pass_on)
    unknown = [name for name in required + _required_keywords(node) if name not in TRAINER_KEYWORDS]
    if unknown:
        message = (
            f"{TRAINER_CLASS}.__init__ needs {', '.join(unknown)}, which the sandbox does not pass."
        )
        yield _error("signature", node.lineno, message, "Give it a default value.")


def _check_loss(node: ast.FunctionDef) -> Iterator[Complaint]:
    for statement in _plain_returns(node.body):
        if isinstance(statement.value, (ast.Tuple, ast.Dict, ast.List)):
            kind = type(statement.value).__name__.lower()
            yield _error(
                "loss",
                statement.lineno,
                f"loss returns a {kind}, not one number.",
                "Return only the scalar tensor; return more only if logging is true.",
            )


def _plain_returns(body: list[ast.stmt]) -> Iterator[ast.Return]:
    """Yield the return statements in a body that do not depend on a condition on `logging`."""
    for statement in body:
        if isinstance(statement, ast.Return):
            yield statement
        elif isinstance(statement, ast.If):
            about_logging = any(
                isinstance(part, ast.Name) and part.id == "logging"
                for part in ast.walk(statement.test)
            )
            if about_logging:
                # After `if not logging: return loss`, the rest of the body is the logging case.
                negated = isinstance(statement.test, ast.UnaryOp)
                if negated and any(isinstance(part, ast.Return) for part in statement.body):
                    yield from _plain_returns(statement.body)
                    return
                yield from _plain_returns(statement.orelse)
            else:
                yield from _plain_returns(statement.body)
                yield from _plain_returns(statement.orelse)
        elif isinstance(statement, (ast.With, ast.For, ast.While)):
            yield from _plain_returns(statement.body)


def _calls_super(node: ast.FunctionDef) -> Iterator[Complaint]:
    calls = (part.func for part in ast.walk(node) if isinstance(part, ast.Call))
    if not any(isinstance(func, ast.Attribute) and func.attr == "__init__" for func in calls):
        yield _error(
            "class",
            node.lineno,
            "__init__ does not call the __init__ of its base class.",
            "Begin it with super().__init__(…).",
        )


def _ancestry(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> tuple[set[str], set[str]]:
    """Return a class's methods defined in this file, and the names of its bases from elsewhere.

    Follows base classes that are defined in the same file. Names assigned in a class body count as
    methods too.
    """
    methods, outside, seen, queue = set(), set(), set(), [node]
    while queue:
        current = queue.pop()
        seen.add(current.name)
        methods |= {part.name for part in current.body if isinstance(part, ast.FunctionDef)}
        methods |= {
            target.id
            for part in current.body
            if isinstance(part, ast.Assign)
            for target in part.targets
            if isinstance(target, ast.Name)
        }
        for base in current.bases:
            name = _last_name(base)
            if name in classes and name not in seen:
                queue.append(classes[name])
            elif name not in seen:
                outside.add(name)
    return methods, outside


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else "?"


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    found = (part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == name)
    return next(found, None)


def _arguments(node: ast.FunctionDef) -> tuple[list[str], list[str], bool]:
    """Return (required, optional) positional arguments without self, and whether *args exists."""
    names = [argument.arg for argument in [*node.args.posonlyargs, *node.args.args]]
    count = len(node.args.defaults)
    required = names[: len(names) - count][1:]
    optional = names[len(names) - count :]
    return required, optional, node.args.vararg is not None


def _required_keywords(node: ast.FunctionDef) -> list[str]:
    pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return [argument.arg for argument, default in pairs if default is None]
