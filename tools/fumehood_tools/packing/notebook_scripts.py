"""The one place where packing asks for notebooks as scripts."""

from importlib import import_module
from typing import NamedTuple


class Script(NamedTuple):
    """A notebook as a script, and the lines that could not be carried over."""

    source: str
    not_carried: tuple[str, ...]


def script_of(notebook: bytes) -> Script | None:
    """Return a notebook as a Python script, or None if it cannot be converted."""
    try:
        converter = import_module("fumehood_tools.notebooks")
        script = converter.to_script(notebook.decode("utf-8"))
    except (ModuleNotFoundError, ValueError):
        return None
    return Script(script.source, tuple(map(str, script.not_carried)))
