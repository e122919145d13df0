"""The texts of a package beside its modules: read within limits, notebooks as scripts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError
from fumehood_tools.notebooks import to_script
from fumehood_tools.plain_files import open_plain
from fumehood_tools.surveys.models import FileKind

MOST_TEXT = 1_000_000
MOST_TEXTS = 8_000_000
ORDER: tuple[FileKind, ...] = ("readme", "example", "notebook", "docs", "test", "changelog")
_SUFFIXES = (".py", ".md", ".rst", ".markdown", ".txt", ".ipynb", ".pyi", "")


class Text(NamedTuple):
    """A text file. has_outputs: a notebook with stored outputs. form: md, rst, py."""

    path: str
    kind: FileKind
    text: str
    has_outputs: bool = False
    form: str = ""


def texts_of(folder: Path, kinds: dict[str, FileKind], metadata: str = "") -> Iterator[Text]:
    """Yield the readable texts: README, examples, notebooks, docs, tests, changelog.

    metadata: the file whose body is the README, which a wheel does not contain otherwise.
    """
    left = MOST_TEXTS
    if metadata and "readme" not in kinds.values():
        yield from _description(folder, metadata)
    ordered = sorted(
        (it for it in kinds.items() if it[1] in ORDER), key=lambda it: (ORDER.index(it[1]), it[0])
    )
    for path, kind in ordered:
        suffix = Path(path).suffix.lower()
        if suffix not in _SUFFIXES or left <= 0:
            continue
        try:
            with open_plain(folder / path, MOST_TEXT) as file:
                content = file.read(MOST_TEXT)
        except OSError:
            continue
        left -= len(content)
        text = content.decode("utf-8", "replace")
        yield from (
            _notebook(path, text)
            if suffix == ".ipynb"
            else [Text(path, kind, text, form=suffix[1:])]
        )


def _description(folder: Path, metadata: str) -> Iterator[Text]:
    try:
        with open_plain(folder / metadata, MOST_TEXT) as file:
            text = file.read(MOST_TEXT).decode("utf-8", "replace")
    except OSError:
        return
    head, _, body = text.partition("\n\n")
    form = "rst" if "text/x-rst" in head else "md"
    # The lines of the head are kept as empty ones, so that numbers of lines fit the file.
    yield Text(metadata, "readme", "\n" * (head.count("\n") + 2) + body, form=form)


def _notebook(path: str, text: str) -> Iterator[Text]:
    try:
        script = to_script(text).source
        cells = json.loads(text).get("cells", [])
        has_outputs = any(isinstance(it, dict) and it.get("outputs") for it in cells)
    except (FumehoodError, ValueError, AttributeError, TypeError, RecursionError):
        return
    yield Text(path, "notebook", script, has_outputs, "py")
