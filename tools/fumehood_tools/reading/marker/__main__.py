"""The worker: `python -m fumehood_tools.reading.marker`, as reading/children.py asks it.

It opens the file itself first, so that a damaged or locked one costs no import of marker, then has
marker convert it once, and writes the Document as JSON. It downloads nothing.
"""

import json
import os
import sys
from pathlib import Path

import pypdfium2


def main() -> None:
    """Answer the request on stdin."""
    request = json.load(sys.stdin)
    # Whatever libraries print must not be taken for an answer.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    try:
        with pypdfium2.PdfDocument(request["path"]) as file:
            pages = len(file)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).casefold()
        why = (
            "is locked by a password, which marker can't take" if locked else f"is no PDF: {error}"
        )
        answer.write(f"error {Path(request['path']).name} {why}. Try another source.\n")
        return
    answer.write(f"page 0 {pages}\n")
    from fumehood_tools.reading.marker.convert import convert
    from fumehood_tools.reading.marker.mapping import document_of

    mode = request["mode"]
    output = convert(
        request["path"], mode=mode, conversion=request["conversion"], ocr=request["ocr"]
    )
    answer.write(f"page {pages} {pages}\n")
    source = "marker" if mode == "models" else "marker-layout"
    document = document_of(output, source, levels_known=mode == "layout")
    Path(request["out"]).write_text(document.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
