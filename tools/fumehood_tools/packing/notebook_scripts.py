"""Notebooks as the scripts that stand for them in a pack."""

from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.notebooks import NotCarried, to_script
from fumehood_tools.quoting import one_line

LONGEST = 200


class Script(NamedTuple):
    """A notebook as a script, and the lines that could not be carried over, with their reasons."""

    source: str
    not_carried: tuple[str, ...]


def script_of(notebook: bytes) -> Script | str:
    """Return a notebook as a script, or why it cannot be converted."""
    try:
        script = to_script(notebook.decode("utf-8"))
    except (BadRequest, UnicodeDecodeError) as error:
        return one_line(str(error))[:LONGEST]
    return Script(script.source, tuple(_note(it) for it in script.not_carried))


def _note(one: NotCarried) -> str:
    text = f"cell {one.cell}, line {one.line}: {one.reason}: {one.text}"
    return one_line(text)[:LONGEST]
