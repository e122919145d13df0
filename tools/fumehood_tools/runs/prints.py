"""What libraries print in the children of a job: a file beside the log, quoted if one dies."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from fumehood_tools.children import ChildEnded
from fumehood_tools.files import last_lines

PRINTS = "libraries.log"
"""File beside the log with everything that sae-bench and other libraries print."""


@contextlib.contextmanager
def last_words(prints: Path) -> Iterator[None]:
    """If a child of the job ends early, copy the end of what it printed to the log."""
    try:
        yield
    except ChildEnded:
        print(last_lines(prints.read_text(encoding="utf-8", errors="replace"), 30), flush=True)
        raise
