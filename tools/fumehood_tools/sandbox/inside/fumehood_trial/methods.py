"""Methods of a file that nothing calls, such as a hook whose name is misspelled."""

import ast
import difflib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from core.forms import TRAINER_CLASS, form_of
from core.loading import TRAINERS

# Hooks that core calls if they are there, though no base class has them.
SCORED_HOOKS, TRAINER_HOOKS = ("encode", "decode", "skip"), ("prepare", "update", "loss")
CLOSE = 0.7


def unused_methods(module: ModuleType) -> list[dict[str, Any]]:
    """Return the methods of the two classes that override nothing and that the file never names.

    Each is {"owner", "name", "line", "near"}; near: the hook with nearly the same name, or None.
    """
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8-sig"))
    named = _names(tree)
    found = []
    for owner, hooks in _hooks_by_class(module).items():
        cls = getattr(module, owner, None)
        if not isinstance(cls, type):
            continue
        bases = cls.__mro__[1:]
        for name, value in vars(cls).items():
            known = name in hooks or any(name in vars(base) for base in bases)
            if known or name in named or name.startswith("__") or not inspect.isfunction(value):
                continue
            near = difflib.get_close_matches(name, _hooks(module, owner, cls), 1, CLOSE)
            line = value.__code__.co_firstlineno
            found.append(
                {"owner": owner, "name": name, "line": line, "near": near[0] if near else None}
            )
    return found


def _hooks_by_class(module: ModuleType) -> dict[str, tuple[str, ...]]:
    return {form_of(module).variant_class: SCORED_HOOKS, TRAINER_CLASS: TRAINER_HOOKS}


def _hooks(module: ModuleType, owner: str, cls: type) -> list[str]:
    """Return the methods of core's base classes that a file may override, and the hooks."""
    names = {
        name
        for base in cls.__mro__[1:]
        if base.__module__.startswith(("core.", "dictionary_learning."))
        for name, value in vars(base).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    if owner == TRAINER_CLASS and len(cls.__mro__) == 2:
        usual = TRAINERS[form_of(module).name]
        names |= {name for name in vars(usual) if not name.startswith("_")}
    return sorted(names | set(_hooks_by_class(module)[owner]))


def _names(tree: ast.Module) -> set[str]:
    """Return all names that the file reads: variables, attributes and strings."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found
