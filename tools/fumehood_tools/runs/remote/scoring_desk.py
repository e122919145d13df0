"""The scorer on one open machine, from our side: requests are left there, and answers fetched.

All state is over there, under names that are digests. So whoever comes next, after a crash of this
process, finds the scorer at work and the answers that it has given meanwhile.
"""

import contextlib
import posixpath
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from fumehood_tools.errors import RunFailed
from fumehood_tools.files import digest_of, sha256_of, write_json
from fumehood_tools.glass import STRENGTH, take_file, take_json
from fumehood_tools.pods.agent import JobSpec, JobStatus, collect
from fumehood_tools.pods.ssh import Shell, SshFailed, upload
from fumehood_tools.runs.remote.bringing import early_end, error_there
from fumehood_tools.runs.remote.messages import ANSWER_BYTES, ANSWER_FILE, in_working_folder
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.preparing import end_job, forget_job
from fumehood_tools.runs.remote.scoring_checks import check_answer, check_code
from fumehood_tools.runs.remote.scoring_data import key_of, setup_there
from fumehood_tools.runs.remote.scoring_messages import (
    ASKED,
    AWAITED,
    DONE,
    READY_FILE,
    REQUEST_FILE,
    RESULT_FILES,
    RESULTS_BYTES,
    SCORING,
    SETUP_FILE,
    ScoredThere,
    ScorerState,
    SentRequest,
)
from fumehood_tools.runs.scorer_line import AnswerThere
from fumehood_tools.runs.targets import PlaceLost
from fumehood_tools.scoring.requests import ScoringFailure, ScoringRequest, ScoringSetup
from fumehood_tools.settings import GlassLevel
from fumehood_tools.wings.table import POD_SCORING

SERVER = "fumehood_tools.runs.remote.scoring_server"
MOST_FILES, LIST_BYTES = 5, 1 << 20


class OnMachine(NamedTuple):
    """An open machine with our code and the data. code: an absolute folder there. level: its glass.

    name: of the place.
    """

    opened: OpenPlace
    name: str
    code: str
    level: GlassLevel


class ScoringDesk:
    """The scorer of one setup on one machine."""

    def __init__(self, there: OnMachine, setup: ScoringSetup) -> None:
        self.there = there
        self._agent = there.opened.agent
        self._key = key_of(setup)
        self._setup = setup
        self._folder = posixpath.join(SCORING, self._key)
        self._job = f"score-{self._key}"
        self._sent: dict[str, str] = {}

    def open(self) -> JobStatus:
        """Start the scorer, unless it runs. Raises SshFailed if this machine may not score."""
        before = self._agent.status(self._job)
        if before.is_over:
            forget_job(self._agent, self._job)
        setup = setup_there(self._setup, self._agent.root, self.there.level)
        self._put_json(setup.model_dump(mode="json"), SETUP_FILE)
        self.wait_on()
        return self._agent.start(
            JobSpec(
                job=self._job,
                argv=(self.there.opened.python, "-P", "-m", SERVER, self._at()),
                env={"PYTHONPATH": self.there.code},
                # A host of the user's trains too, which its glass has to make harmless.
                purpose="own" if self._is_own else "scoring",
            )
        )

    def end(self) -> None:
        """End the scorer on a host of the user's, and remove its files. A pod is ended as a whole.

        Where it cannot be reached, the scorer ends itself after a while.
        """
        if self._is_own:
            with contextlib.suppress(SshFailed):
                end_job(self._agent, self._job)
                self._run("rm", "-rf", "--", self._at())

    def is_ready(self) -> bool:
        """Whether the scorer has its data. Raises why it never will, RunFailed for other code."""
        content = self._read(in_working_folder(self._job, READY_FILE))
        if content is None:
            return False
        try:
            state = ScorerState.model_validate_json(content)
        except ValidationError as error:
            raise PlaceLost(self.there.name, "its scorer's state has no valid form") from error
        check_code(self.there.name, state.code)
        if state.error is not None:
            there = self.there
            raise error_there(state.error, there.name, there.opened, POD_SCORING.variable)
        return True

    def wait_on(self) -> None:
        """Let the scorer know that somebody still waits for it."""
        self._run("mkdir", "-p", "--", self._at())
        self._run("touch", "--", self._at(AWAITED))

    def check_runs(self) -> JobStatus:
        """Return the state of the scorer's job, started again if it had nothing to do for long.

        Raises PlaceLost if it was lost with its container, RunFailed if it ended early.
        """
        status = self._agent.status(self._job)
        if status.state in ("lost", "cancelled", "absent"):
            raise PlaceLost(self.there.name, f"its scorer is {status.state}")
        if status.state == "failed":
            name, opened = self.there.name, self.there.opened
            raise early_end("the scorer", name, opened, self._job, status)
        return self.open() if status.is_over else status

    def ask(self, request: ScoringRequest) -> None:
        """Leave a request, with its files, on the machine. Raises SshFailed."""
        files = [request.variant, request.weights, *([request.parent] if request.parent else [])]
        sums = {path: sha256_of(path) for path in files}
        told = request.model_dump(mode="json", exclude={"variant", "weights", "out", "parent"})
        parent = None if request.parent is None else sums[request.parent]
        key = digest_of([told, sums[request.variant], sums[request.weights], parent])
        self._sent[request.name] = key
        there = {path: self._at(ASKED, key, _name(path, request)) for path in files}
        for path, target in there.items():
            upload(self._agent.machine, path, target)
        sent = request.model_copy(
            update={
                "variant": Path(there[request.variant]),
                "weights": Path(there[request.weights]),
                "parent": None if request.parent is None else Path(there[request.parent]),
                "out": Path(self._at(DONE, key)),
            }
        )
        by_path = {there[path]: sums[path] for path in files}
        content = SentRequest(request=sent, files=by_path).model_dump(mode="json")
        self._put_json(content, ASKED, key, REQUEST_FILE)

    def answered(self, asked: Sequence[ScoringRequest]) -> list[ScoringRequest]:
        """Return those requests that have an answer."""
        words = ["ls", "--", self._at(DONE)]
        listed = self._agent.machine.again(lambda shell: shell.run(words, most_bytes=LIST_BYTES))
        done = set(listed.text.split())
        return [request for request in asked if self._sent[request.name] in done]

    def answer(self, request: ScoringRequest) -> AnswerThere | ScoringFailure:
        """Return the answer to a request, with its files in request.out.

        Raises PlaceLost for one that no honest machine gives, RunFailed for one about other weights
        or by another evaluator, SshFailed.
        """
        key = self._sent[request.name]
        done = posixpath.join(self._folder, DONE, key)
        with tempfile.TemporaryDirectory(prefix="fumehood-score-") as folder:
            arrived = Path(folder) / "arrived"
            most = RESULTS_BYTES + ANSWER_BYTES
            collect(self._agent, done, arrived, most_files=MOST_FILES, most_bytes=most)
            reply = self._checked(request, arrived, key)
            if isinstance(reply, AnswerThere):
                _keep(arrived, request.out)
        self._run("rm", "-rf", "--", self._at(ASKED, key))
        return reply

    def _checked(
        self, request: ScoringRequest, arrived: Path, key: str
    ) -> AnswerThere | ScoringFailure:
        name, opened = self.there.name, self.there.opened
        try:
            found = ScoredThere.model_validate(take_json(arrived, ANSWER_FILE, ANSWER_BYTES))
        except (RunFailed, ValidationError) as error:
            raise PlaceLost(name, "its answer has no valid form") from error
        check_code(name, found.code)
        if found.request != key:
            raise PlaceLost(name, "it answered another request")
        if found.failure is not None:
            report = found.failure.error
            message = opened.without_paths(report.message)
            error_here = report.model_copy(update={"message": message})
            return ScoringFailure(name=request.name, error=error_here)
        if found.answer is None:
            raise PlaceLost(name, "its answer is neither a score nor a failure")
        answer = found.answer
        check_answer(name, request, sha256_of(request.weights), answer)
        glass = min(self.there.level, answer.where.glass, key=STRENGTH.__getitem__)
        where = answer.where.model_copy(update={"glass": glass})
        by = {"rented": opened.rented, "host": opened.host}
        return AnswerThere.model_validate({**answer.model_dump(), "where": where, **by})

    @property
    def _is_own(self) -> bool:
        return self.there.opened.rented is None

    def _at(self, *parts: str) -> str:
        return posixpath.join(self._agent.root, self._folder, *parts)

    def _run(self, *words: str) -> None:
        def run(shell: Shell) -> None:
            shell.check(words)

        self._agent.machine.again(run)

    def _read(self, path: str) -> str | None:
        """Return the text of a small file below the agent's folder, None if it is not there."""
        words = ["cat", "--", posixpath.join(self._agent.root, path)]
        most = ANSWER_BYTES
        found = self._agent.machine.again(lambda shell: shell.run(words, most_bytes=most))
        return found.text if found.exit_code == 0 else None

    def _put_json(self, content: object, *parts: str) -> None:
        with tempfile.TemporaryDirectory(prefix="fumehood-put-") as folder:
            file = Path(folder) / parts[-1]
            write_json(file, content)
            upload(self._agent.machine, file, self._at(*parts))


def _name(path: Path, request: ScoringRequest) -> str:
    """Return the name of a file of a request over there. A parent may have the variant's name."""
    return f"parent/{path.name}" if path == request.parent else path.name


def _keep(arrived: Path, out: Path) -> None:
    for name in RESULT_FILES:
        content = take_file(arrived, name, RESULTS_BYTES)
        if content is not None:
            (out / name).write_bytes(content)
