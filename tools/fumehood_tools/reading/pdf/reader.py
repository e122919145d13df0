"""Run the child process that reads a PDF, and explain clearly what cannot be read.

Costs one child process, 0.2 s, and about 0.02 s per page. The file is never changed, and nothing
is cached. Not covered: a file that makes pdfium write outside its own memory; the child has the
rights of the current user.
"""

from collections.abc import Callable
from pathlib import Path

from fumehood_tools.children import ChildTask, ask_once
from fumehood_tools.errors import StorageFailed, Unreadable
from fumehood_tools.quoting import quotable
from fumehood_tools.reading.document import Document

MODULE = "fumehood_tools.reading.pdf"
SECONDS = 300.0
MEMORY = 3_000_000_000
MOST_PAGES = 2000
MOST_BYTES = 300_000_000
ANOTHER_SOURCE = "The file may be damaged or hostile; try another source of this paper."
_HEAD = 1024


def read_pdf(
    path: Path,
    *,
    password: str | None = None,
    seconds: float = SECONDS,
    memory: int = MEMORY,
    max_pages: int = MOST_PAGES,
    max_bytes: int = MOST_BYTES,
    on_progress: Callable[[int, int], None] | None = None,
) -> Document:
    """Return a PDF as a document.

    on_progress: called with the pages done and the total number of pages. Raises Unreadable if the
    file is not a PDF, damaged beyond repair, protected by a password, scanned without text, empty,
    too large, too long or too slow to read, or if the child process dies. Raises StorageFailed if
    the file cannot be accessed.
    """
    name = quotable(path.name)
    _check(path, name, max_bytes)
    task = ChildTask(
        doing=f"Reading {name}",
        remedy=ANOTHER_SOURCE,
        seconds=seconds,
        memory=memory,
        failure=Unreadable,
    )
    answer = ask_once(
        MODULE,
        {"path": str(path.resolve()), "password": password, "max_pages": max_pages, "name": name},
        task,
        on_progress=on_progress or (lambda done, total: None),
    )
    return Document.model_validate_json(answer)


def _check(path: Path, name: str, max_bytes: int) -> None:
    """Reject files that can be rejected without a child process.

    Raises Unreadable, StorageFailed.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {name}") from error
    if not size:
        raise Unreadable(f"{name} is empty (0 bytes). Fetch it again.")
    if size > max_bytes:
        raise Unreadable(
            f"{name} has {size / 1e6:.0f} MB, over the limit of {max_bytes / 1e6:.0f} MB. Split "
            "it, or read another source of this paper."
        )
    if b"%PDF-" not in head:
        looks = "a web page" if b"<html" in head.lower() or b"<!doctype" in head.lower() else "else"
        what = "It looks like a web page" if looks == "a web page" else "It has no PDF header"
        raise Unreadable(f"{name} is not a PDF. {what}: check the address that it came from.")
