"""Score SAEs on a machine that does not have the workspace, one after the other.

usage: python -m fumehood_tools.runs.remote.scoring_server FOLDER

The same code as on this machine: `fumehood_tools.scoring`, with the setup and the requests that
lie in FOLDER (scoring_messages.py). A request that was answered is not scored again. This program
outlives the connection and the controller; where nobody has touched the file `awaited` for
IDLE_SECONDS, it ends itself, so that the pod's watchdog can end the pod.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from fumehood_tools.children import LineChild
from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import read_json, sha256_of, write_json
from fumehood_tools.runs.remote.messages import ANSWER_FILE
from fumehood_tools.runs.remote.scoring_messages import (
    ASKED,
    AWAITED,
    DONE,
    MAKING,
    READY_FILE,
    REQUEST_FILE,
    SETUP_FILE,
    Evaluator,
    ScoredThere,
    ScorerState,
    SentRequest,
)
from fumehood_tools.runs.scorer_line import SCORER, ScorerLine
from fumehood_tools.scoring.requests import (
    ErrorReport,
    ScorerReady,
    ScoringAnswer,
    ScoringFailure,
    ScoringSetup,
)

LOOK_SECONDS, IDLE_SECONDS = 0.3, 600.0


class Awaited:
    """Whether somebody still waits for scores: the file `awaited` changes from time to time."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / AWAITED
        self._seen, self._since = 0, time.monotonic()

    def still(self) -> bool:
        """Return False once it has not changed for IDLE_SECONDS, by the monotonic clock."""
        changed = self._file.stat().st_mtime_ns if self._file.exists() else 0
        if changed != self._seen:
            self._seen, self._since = changed, time.monotonic()
        return time.monotonic() - self._since < IDLE_SECONDS


def serve(folder: Path, state: Path) -> None:
    """Score what is asked for in a folder until nobody waits for it. state: where READY_FILE goes.

    Raises RunFailed if a file is not the one that was sent, ChildEnded if the scorer ends.
    """
    code = Evaluator.here()
    setup = ScoringSetup.model_validate(read_json(folder / SETUP_FILE))
    for name in (ASKED, DONE):
        (folder / name).mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="scratch-", dir=folder) as scratch,
        LineChild(SCORER) as child,
    ):
        line = ScorerLine(child, setup.spec)
        try:
            line.prepare(setup.model_copy(update={"scratch": Path(scratch)}))
            line.next()
        except FumehoodError as error:
            _say(state, ScorerState(code=code, error=ErrorReport.of(error)))
            return
        _say(state, ScorerState(code=code))
        awaited = Awaited(folder)
        while awaited.still():
            for key in _waiting(folder):
                _score(line, folder, key, code)
            time.sleep(LOOK_SECONDS)


def main() -> None:
    """Serve the folder argv[1], from the working folder."""
    serve(Path(sys.argv[1]), Path.cwd())


def _say(state: Path, told: ScorerState) -> None:
    write_json(state / READY_FILE, told.model_dump(mode="json"))


def _waiting(folder: Path) -> list[str]:
    """Return the requests without an answer, the oldest first."""
    files = list((folder / ASKED).glob(f"*/{REQUEST_FILE}"))
    new = [path for path in files if not (folder / DONE / path.parent.name).exists()]
    return [path.parent.name for path in sorted(new, key=lambda path: path.stat().st_mtime_ns)]


def _score(line: ScorerLine, folder: Path, key: str, code: Evaluator) -> None:
    """Have one SAE scored. Its answer and its files appear together."""
    sent = SentRequest.model_validate(read_json(folder / ASKED / key / REQUEST_FILE))
    for path, sha256 in sent.files.items():
        if sha256_of(path) != sha256:
            raise RunFailed(f"{Path(path).name} is not the file that was sent. Send it again.")
    making = folder / MAKING / key
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    print(f"scoring {sent.request.name}", flush=True)
    line.ask(sent.request.model_copy(update={"out": making}))
    scored = _as_scored(line.next(), key, code)
    write_json(making / ANSWER_FILE, scored.model_dump(mode="json"))
    os.rename(making, folder / DONE / key)


def _as_scored(
    reply: ScorerReady | ScoringAnswer | ScoringFailure, key: str, code: Evaluator
) -> ScoredThere:
    if isinstance(reply, ScoringAnswer):
        return ScoredThere(request=key, code=code, answer=reply)
    assert isinstance(reply, ScoringFailure), "the scorer is ready only once"
    return ScoredThere(request=key, code=code, failure=reply)


if __name__ == "__main__":
    main()
