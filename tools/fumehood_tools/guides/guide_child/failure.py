"""Describe an exception of a block as plain facts, for the process that classifies it."""

import difflib
import importlib.util
import inspect
import sys
import types
from collections.abc import Iterator
from typing import Any

MOST_MESSAGE = 1_000
MOST_CHAIN = 8


def facts(error: BaseException, file: str) -> dict[str, Any]:
    """Return the facts about an exception. file: the name under which the blocks are compiled."""
    line, package = _places(error, file)
    found: dict[str, Any] = {
        "type": type(error).__name__,
        "types": [kind.__name__ for kind in type(error).__mro__],
        "message": str(error)[:MOST_MESSAGE],
        "chain": [f"{type(one).__name__}: {one}"[:300] for one in _chain(error)],
        "line": line,
        "package": package,
    }
    if isinstance(error, SyntaxError):
        found["line"] = error.lineno if error.filename == file else line
    if isinstance(error, OSError):
        found |= {"errno": error.errno, "file": str(error.filename or "")}
    if isinstance(error, SystemExit):
        found["code"] = error.code if isinstance(error.code, int | None) else 1
    if isinstance(error, ImportError):
        found |= _of_import(error)
    elif isinstance(error, KeyError) and package == "os":
        # A lookup in os.environ: the only one in os that raises it.
        found["name"] = str(error.args[0]) if error.args else ""
    elif isinstance(error, AttributeError | NameError):
        found |= {"name": error.name or "", **_of_object(error)}
    return found


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and those that caused it or were handled when it was raised."""
    one: BaseException | None = error
    for _ in range(MOST_CHAIN):
        if one is None:
            return
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _places(error: BaseException, file: str) -> tuple[int | None, str]:
    """Return the innermost line of the blocks, and the package of the innermost frame ("")."""
    line, package = None, ""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line, package = trace.tb_lineno, ""
        elif line is not None:
            name = str(trace.tb_frame.f_globals.get("__name__", ""))
            package = name.partition(".")[0] or package
        trace = trace.tb_next
    return line, package


def _of_import(error: ImportError) -> dict[str, Any]:
    name = error.name or ""
    top = name.partition(".")[0]
    module = sys.modules.get(name)
    message = str(error)
    wanted = message.split("'")[1] if "cannot import name '" in message else ""
    return {
        "name": name,
        "wanted": wanted,
        "has_top": bool(top) and _is_installed(top),
        "near": _near(wanted, module) if module is not None and wanted else [],
        "is_standard": top in sys.stdlib_module_names,
    }


def _is_installed(top: str) -> bool:
    try:
        return top in sys.modules or importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _of_object(error: BaseException) -> dict[str, Any]:
    if isinstance(error, NameError):
        return {}
    thing = getattr(error, "obj", None)
    is_module = isinstance(thing, types.ModuleType)
    owner = thing if is_module or inspect.isclass(thing) else type(thing)
    home = getattr(thing, "__name__", "") if is_module else getattr(owner, "__module__", "")
    top = str(home).partition(".")[0]
    return {
        "owner": str(home) if is_module else f"{home}.{getattr(owner, '__qualname__', '')}",
        "is_none": thing is None and "'NoneType'" in str(error),
        # An object of the standard library is often the block's own value; a module of it is not.
        "is_library": is_module
        or (top not in sys.stdlib_module_names and top not in ("builtins", "__main__")),
        "near": _near(getattr(error, "name", "") or "", owner),
    }


def _near(name: str, owner: object) -> list[str]:
    """Return the names of a module or class that are most like `name`."""
    names = [one for one in dir(owner) if not one.startswith("_")]
    plain = {one.lower().replace("_", ""): one for one in names}
    close = difflib.get_close_matches(name.lower().replace("_", ""), plain, n=3, cutoff=0.5)
    parts = [one for one in names if name and (name in one or one in name) and len(one) > 3]
    return list(dict.fromkeys([plain[key] for key in close] + parts))[:4]
