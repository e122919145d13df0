"""The worker: `python -m fumehood_tools.reading.marker`, as reading/children.py asks it.

It opens the file itself first, so that a damaged or locked one costs no import of marker, then has
marker convert it once, and writes the Document as JSON. It downloads nothing.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.marker.sizes import with_own_sizes
from fumehood_tools.reading.pdf.opening import MOST_PAGES, opened


def main() -> None:
    """Answer the request on stdin."""
    request = json.load(sys.stdin)
    # Whatever libraries print must not be taken for an answer.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    try:
        _read(request, answer)
    except Unreadable as error:
        print("error", " ".join(str(error).split()), file=answer)
    for stream in (answer, sys.stdout, sys.stderr):
        stream.flush()
    # An orderly end of torch takes a second, and its file is written.
    os._exit(0)


def _read(request: dict[str, Any], answer: TextIO) -> None:
    path, mode = Path(request["path"]), request["mode"]
    with opened(path, path.name, None, MOST_PAGES) as pdf:
        pages = len(pdf)
        whole = with_own_sizes(pdf, path, Path(request["out"]).parent)
    print("page", 0, pages, file=answer)
    from fumehood_tools.reading.marker.convert import convert
    from fumehood_tools.reading.marker.mapping import document_of

    converted = convert(str(whole), mode=mode, conversion=request["conversion"], ocr=request["ocr"])
    print("page", pages, pages, file=answer)
    document = document_of(
        converted.output,
        "marker" if mode == "models" else "marker-layout",
        hidden=converted.hidden,
        levels_known=mode == "layout",
    )
    Path(request["out"]).write_text(document.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
