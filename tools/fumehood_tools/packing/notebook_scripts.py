"""The one place where packing asks for notebooks as scripts."""

from importlib import import_module
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.quoting import one_line

LONGEST = 200


class Script(NamedTuple):
    """A notebook as a script, and the lines that could not be carried over."""

    source: str
    not_carried: tuple[str, ...]


def script_of(notebook: bytes) -> Script | str:
    """Return a notebook as a script, or why it cannot be converted."""
    try:
        converter = import_module("fumehood_tools.notebooks")
        script = converter.to_script(notebook.decode("utf-8"))
    except ModuleNotFoundError:
        return "there is no converter"
    except (BadRequest, ValueError) as error:
        return one_line(str(error))[:LONGEST]
    return Script(script.source, tuple(one_line(str(it))[:LONGEST] for it in script.not_carried))
