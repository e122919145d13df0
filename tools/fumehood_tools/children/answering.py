"""The child's side of `ask_once`: read one request, do the work, leave the answer.

    if __name__ == "__main__":
        answer_once(draw)

The request comes on stdin as JSON, {"request": …, "out": path}. On stdout the child says, a line
each, `progress 3 20` (three of twenty parts are done) or `error TEXT` (a failure that was expected;
it becomes the caller's error). The answer lies in `out` when the child exits with 0. Whatever
libraries print to stdout goes to stderr.
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
    """Have `work` answer the request on stdin.

    work gets the request, a folder where it may leave files for whoever asks, and a function that
    reports (done, total). A FumehoodError that it raises reaches whoever asks as text.
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
