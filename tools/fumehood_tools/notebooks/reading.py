"""Read a notebook: its cells in order, and the language of each.

nbformat brings the formats 1 to 3 to format 4, which puts the cells of all worksheets in one list.
What it loses is read before: the language that each cell of an old notebook states. Outputs are
dropped while the JSON is read, so a notebook full of images takes little memory.

Not done: no validation against the schema, because a notebook with small faults can be read well.
"""

import json
from typing import Any, NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.quoting import one_line

MOST_CHARACTERS = 100_000_000
MOST_CODE = 2_000_000
MOST_CELLS = 20_000
NEWEST_FORMAT = 4
# Keys that must not be there twice: each reader would take another of the two values.
KEYS = frozenset(
    [
        "cell_type",
        "cells",
        "code",
        "input",
        "kernelspec",
        "language",
        "language_info",
        "metadata",
        "nbformat",
        "nbformat_minor",
        "source",
        "text",
        "worksheets",
    ]
)
SKIPPED = {"skip", "skip-execution", "skip_execution", "no-execute"}
FAILING = {"raises-exception", "nbval-raises-exception"}


class Cell(NamedTuple):
    """A cell. number: its place in the notebook, from 1; executed: the number in `In [4]`."""

    number: int
    kind: str
    source: str
    language: str
    tags: frozenset[str]
    executed: int | None


class Notebook(NamedTuple):
    """The cells. language: in lower case; format: the number that the file stated."""

    cells: list[Cell]
    language: str
    language_stated: bool
    format: int


def read_notebook(text: str) -> Notebook:
    """Read the text of an .ipynb file. Raises BadRequest for what is not a notebook."""
    if len(text) > MOST_CHARACTERS:
        raise unreadable(
            f"it has {len(text):,} characters, and at most {MOST_CHARACTERS:,} are read",
            "Clear its outputs (jupyter nbconvert --clear-output), then call again",
        )
    try:
        found = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        said = "its values are nested too deeply" if isinstance(error, RecursionError) else error
        raise unreadable(f"it is not JSON that can be read: {said}") from None
    major = _checked(found)
    stated = _languages_of_cells(found)
    cells, metadata = _format_4(found, major)
    if len(cells) > MOST_CELLS:
        raise unreadable(f"it has {len(cells):,} cells, and at most {MOST_CELLS:,} are read")
    length = sum(len(str(cell.get("source"))) for cell in cells if cell["cell_type"] == "code")
    if length > MOST_CODE:
        raise unreadable(f"its code has {length:,} characters, and at most {MOST_CODE:,} are read")
    language = _language(metadata) or next((one for one in stated if one), "")
    read = [
        _cell(number, cell, (stated[number - 1] if stated else "") or language or "python")
        for number, cell in enumerate(cells, 1)
    ]
    return Notebook(read, language or "python", bool(language), major)


def unreadable(why: str, next_step: str = "") -> BadRequest:
    """Return the error for a notebook that cannot be read."""
    step = next_step or "Open and save it in Jupyter, or read the file as plain text"
    return BadRequest(f"This notebook cannot be read: {one_line(why)[:300]}. {step}.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted(name for name in KEYS & set(names) if names.count(name) > 1)
        if twice:
            raise ValueError(f"the key {twice[0]!r} occurs twice in one object")
    if "outputs" in found:
        found["outputs"] = []
    return found


def _checked(found: object) -> int:
    """Check the outer shape, on which nbformat relies, and return the format's number."""
    if not isinstance(found, dict):
        raise unreadable("the file holds JSON, but no object")
    # Without a number nbformat takes it as format 1 and silently loses the text of its cells.
    major = found.get("nbformat", NEWEST_FORMAT if "cells" in found else None)
    if isinstance(major, bool) or not isinstance(major, int):
        raise unreadable("the file is JSON, but no notebook: it states no `nbformat` number")
    if not 1 <= major <= NEWEST_FORMAT:
        raise unreadable(
            f"it has format {major}, and formats 1 to {NEWEST_FORMAT} are known",
            "Save it in format 4 (jupyter nbconvert --to notebook --nbformat 4), then call again",
        )
    lists = [found] if major in (1, NEWEST_FORMAT) else found.get("worksheets")
    if not isinstance(lists, list) or not all(
        isinstance(one, dict) and isinstance(one.get("cells"), list) for one in lists
    ):
        raise unreadable("it has no list of cells")
    found.setdefault("metadata", {})
    found["nbformat"] = major
    for one in lists:
        for number, cell in enumerate(one["cells"], 1):
            if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
                raise unreadable(f"cell {number} is not an object with a cell_type")
            cell.setdefault("metadata", {})
            if cell["cell_type"] == "code":
                cell.setdefault("outputs", [])
    return major


def _languages_of_cells(found: dict[str, Any]) -> list[str]:
    """Return what each cell of format 2 or 3 states as its language, and [] for others."""
    return [
        str(cell.get("language", "")).lower() if cell["cell_type"] == "code" else ""
        for sheet in found.get("worksheets", [])
        for cell in sheet["cells"]
    ]


def _format_4(found: dict[str, Any], major: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the cells and metadata, in format 4."""
    # Imported here, because it takes a tenth of a second and brings jsonschema with it.
    import nbformat

    try:
        read = nbformat.versions[major].to_notebook_json(found)
        read = nbformat.convert(read, NEWEST_FORMAT)
        cells, metadata = read["cells"], read["metadata"]
    except RecursionError:
        raise unreadable("its values are nested too deeply") from None
    except (ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError) as error:
        raise unreadable(f"it is not valid in its format {major}: {error}") from None
    return cells, metadata if isinstance(metadata, dict) else {}


def _language(metadata: dict[str, Any]) -> str:
    """Return the language that the metadata state, or "": `python2` for the old Python."""
    kernel, info, main = (
        one if isinstance(one := metadata.get(key), dict) else {}
        for key in ("kernelspec", "language_info", "jupytext")
    )
    # The kernel decides: Sage's files say "python" in language_info, and its syntax is another.
    found = str(
        kernel.get("language") or info.get("name") or main.get("main_language") or ""
    ).lower()
    name = str(kernel.get("name") or "").lower()
    if not found and name.startswith("python"):
        found = "python"
    if found in ("python", "ipython"):
        old = name == "python2" or str(info.get("version", "")).startswith("2.")
        return "python2" if old else "python"
    return found


def _cell(number: int, cell: dict[str, Any], language: str) -> Cell:
    source, metadata = cell.get("source"), cell.get("metadata")
    if isinstance(source, list):
        source = "".join(map(str, source))
    metadata = metadata if isinstance(metadata, dict) else {}
    tags = metadata.get("tags")
    editor = metadata.get("vscode")
    if isinstance(editor, dict) and editor.get("languageId"):
        language = str(editor["languageId"]).lower()
    count = cell.get("execution_count")
    return Cell(
        number,
        cell["cell_type"],
        source if isinstance(source, str) else "",
        language,
        frozenset(map(str, tags)) if isinstance(tags, list) else frozenset(),
        count if isinstance(count, int) else None,
    )
