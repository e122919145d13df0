"""The child process that reads a PDF: `python -m fumehood_tools.reading.pdf`.

It is started by children.ask_once with the request {"path", "password", "max_pages", "name"}, and
answers with the Document as JSON. It ends without taking its modules apart, which would take a
tenth of the time that reading a paper of three pages takes.
"""

import os
from pathlib import Path
from typing import Any

from fumehood_tools.child_tuning import importing
from fumehood_tools.children import ReportProgress, answer_once


def _answer(request: Any, folder: Path, progress: ReportProgress) -> str:
    with importing():
        from fumehood_tools.reading.pdf.opening import read_document
    document = read_document(
        Path(request["path"]),
        name=request["name"],
        password=request["password"],
        max_pages=request["max_pages"],
        on_page=progress,
    )
    return document.model_dump_json()


if __name__ == "__main__":
    answer_once(_answer)
    os._exit(0)
