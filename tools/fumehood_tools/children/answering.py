"""The child's side of `ask_once`: read one request, do the work, write the answer.

    if __name__ == "__main__":
        answer_once(draw)

The request arrives on stdin as JSON, {"request": …, "out": path}. On stdout the child writes lines
of two kinds: `progress 3 20` (three of twenty parts are done) and `error TEXT` (an expected
failure, which becomes the caller's error). When the child exits with 0, the file `out` contains the
answer. Anything that libraries print to stdout is redirected to stderr.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fumehood_tools.errors import FumehoodError

ReportProgress = Callable[[int, int], None]


def answer_once(work: Callable[[Any, Path, ReportProgress], str]) -> None:
    """Call `work` with the request on stdin and write its answer.

    work receives the request, a folder in which it may leave files for the caller, and a function
    that reports (done, total). If it raises a FumehoodError, the caller gets the error's text.
    """
    asked = json.load(sys.stdin)
    said = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    out = Path(asked["out"])

    def progress(done: int, total: int) -> None:
        print("progress", done, total, file=said)

    try:
        answer = work(asked["request"], out.parent, progress)
    except FumehoodError as error:
        print("error", " ".join(str(error).split()), file=said)
    else:
        out.write_text(answer, encoding="utf-8")
    said.flush()
