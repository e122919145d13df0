"""`python -m fumehood_tools.hunts`: the trusted process that answers questions about one SAE.

Reads a HuntSetup as a JSON line from stdin, then questions; prints one line for each: {"answer": …}
or {"error": {"code", "message"}}. It ends when stdin is closed, or after IDLE_SECONDS without a
question: then whoever asks starts another one. Writes nothing outside the setup's scratch folder.
"""

import json
import os
import select
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter

from fumehood_tools.errors import FumehoodError
from fumehood_tools.hunts.messages import (
    AskLatent,
    AskText,
    ChooseConcepts,
    HuntSetup,
    Question,
)
from fumehood_tools.scoring.requests import ErrorReport

if TYPE_CHECKING:
    from fumehood_tools.hunts.bench import HuntBench

IDLE_SECONDS = 600.0
_READ = 65_536
_QUESTION: TypeAdapter[Question] = TypeAdapter(Question)


def main() -> None:
    """Serve until standard input ends, or nothing was asked for a while."""
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lines = _lines(sys.stdin.fileno())

    def say(key: str, content: BaseModel) -> None:
        line = {key: content.model_dump(mode="json")}
        print(json.dumps(line), file=answers, flush=True)

    first = next(lines, None)
    if first is None:
        return
    try:
        from fumehood_tools.hunts.bench import HuntBench

        bench = HuntBench(HuntSetup.model_validate_json(first))
    except FumehoodError as error:
        say("error", ErrorReport.of(error))
        sys.exit(1)
    with bench:
        for line in lines:
            try:
                with bench.at_work():
                    say("answer", answer(bench, _QUESTION.validate_json(line)))
            except FumehoodError as error:
                say("error", ErrorReport.of(error))


def answer(bench: "HuntBench", asked: Question) -> BaseModel:
    """Return the answer to a question. Raises FumehoodError."""
    from fumehood_tools.hunts.measuring import score_answer

    if isinstance(asked, ChooseConcepts):
        return bench.choose(asked)
    if isinstance(asked, AskText):
        return bench.on_text(asked)
    if isinstance(asked, AskLatent):
        return bench.on_latent(asked)
    return score_answer(bench, asked)


def _lines(handle: int) -> Iterator[bytes]:
    """Yield lines until the end of the input, or until nothing came for IDLE_SECONDS."""
    rest = b""
    while select.select([handle], [], [], IDLE_SECONDS)[0]:
        chunk = os.read(handle, _READ)
        if not chunk:
            return
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole


if __name__ == "__main__":
    main()
