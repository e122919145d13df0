"""The worker process: `python -m fumehood_tools.reading.marker`, started by children.ask_once.

It opens the file itself before it imports marker, so that a damaged or password-protected file
fails quickly. It then has marker convert the file once, and writes the Document as JSON. It
downloads nothing.
"""

import os
import sys
from pathlib import Path
from typing import Any

from fumehood_tools.children import ReportProgress, answer_once
from fumehood_tools.reading.marker.sizes import with_own_sizes
from fumehood_tools.reading.pdf.opening import MOST_PAGES, opened


def main() -> None:
    """Answer the request on stdin, then exit."""
    answer_once(_read)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # The answer is written. Skip interpreter shutdown, which takes a second with torch loaded.
    os._exit(0)


def _read(request: dict[str, Any], folder: Path, progress: ReportProgress) -> str:
    path, mode = Path(request["path"]), request["mode"]
    with opened(path, path.name, None, MOST_PAGES) as pdf:
        pages = len(pdf)
        whole = with_own_sizes(pdf, path, folder)
    progress(0, pages)
    from fumehood_tools.reading.marker.convert import convert
    from fumehood_tools.reading.marker.mapping import document_of

    converted = convert(str(whole), mode=mode, conversion=request["conversion"], ocr=request["ocr"])
    progress(pages, pages)
    document = document_of(
        converted.output,
        "marker" if mode == "models" else "marker-layout",
        hidden=converted.hidden,
        levels_known=mode == "layout",
    )
    return document.model_dump_json()


if __name__ == "__main__":
    main()
