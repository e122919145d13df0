"""A scorer on another machine, in place of the one on this machine. See runs.scorer_line.Scorer.

    pod rented for this alone (it may have harvested) -> code, packages -> glass looked at
    -> data sent, unless they are there -> scorer started -> SAE after SAE

Worth it where the subject is large: it is neither downloaded here nor fit into this memory. The pod
never runs a variant outside of the scorer's glass: its journal is asked, and its own agent refuses.
What comes back is the pod's word, and is signed here: so the provider has to be trusted as much as
this machine. A lost pod is replaced, and what it had not answered is asked again.

A host of the user's scores too. It is trusted as this machine is, on which variants are trained and
scored side by side: that needs glass which keeps them in, and no weaker one was ever seen of it.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.pods.agent import JobSpec, JobStatus
from fumehood_tools.pods.ssh import SshFailed
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.remote.bringing import not_installed
from fumehood_tools.runs.remote.glass_there import GlassThere
from fumehood_tools.runs.remote.places import OpenPlace, RemotePlace
from fumehood_tools.runs.remote.preparing import (
    forget_job,
    installing,
    send_code,
    started,
    status_of,
)
from fumehood_tools.runs.remote.scoring_checks import (
    check_may_leave,
    check_separates,
    scoring_packages,
)
from fumehood_tools.runs.remote.scoring_data import send_data
from fumehood_tools.runs.remote.scoring_desk import OnMachine, ScoringDesk
from fumehood_tools.runs.scorer_line import AnswerThere, Scorer
from fumehood_tools.runs.targets import PlaceLost
from fumehood_tools.scoring.requests import (
    ScorerReady,
    ScoringAnswer,
    ScoringFailure,
    ScoringRequest,
    ScoringSetup,
)

POLL_SECONDS, LOOK_SECONDS, END_SECONDS = 1.0, 20.0, 600.0
MOST_OPENINGS = 4
"""How often a pod is opened in one run: a lost one is replaced three times."""
Reply = ScorerReady | ScoringAnswer | ScoringFailure


class ScorerThere(threading.Thread):
    """Scores on one place, in a thread of its own that starts with the setup."""

    def __init__(self, place: RemotePlace, glass: GlassThere) -> None:
        """place: a pod on which nothing but our own code has run, or a host of the user's. glass:
        what is known of machines."""
        super().__init__(name="scoring there", daemon=True)
        self._place, self._glass = place, glass
        self._setup: ScoringSetup | None = None
        self._changed = threading.Condition()
        self._waiting: list[ScoringRequest] = []
        self._replies: list[Reply] = []
        self._failure: FumehoodError | None = None
        self._stopping = threading.Event()
        self._said_ready = False
        self._looked = 0.0

    def prepare(self, setup: ScoringSetup) -> None:
        """See Scorer. Raises BadRequest for a sealed holdout."""
        check_may_leave(setup)
        self._setup = setup
        self.start()

    def ask(self, request: ScoringRequest) -> None:
        """See Scorer."""
        with self._changed:
            self._waiting.append(request)

    def receive(self, seconds: float, *, owed: bool = True) -> list[Reply]:
        """See Scorer."""
        with self._changed:
            if not self._replies and self._failure is None:
                self._changed.wait(seconds)
            replies, self._replies = self._replies, []
            if not replies and self._failure is not None:
                raise self._failure
            return replies

    def close(self) -> None:
        """End the scoring, and the pod."""
        self._stopping.set()
        if self.ident is not None:
            self.join(END_SECONDS)

    def run(self) -> None:
        """Score until it is told to stop. Whatever happens here, the run hears of it."""
        is_crash = True
        try:
            self._serve_until_stopped()
            is_crash = False
        except FumehoodError as error:
            self._fail(error)
            is_crash = False
        finally:
            if is_crash:
                # Its traceback follows in the log.
                self._fail(
                    RunFailed(
                        "The code that lets a pod score has failed: see the job's log. Start the "
                        "same run again, or set FUMEHOOD_POD_SCORING=here."
                    )
                )
            self._release("the run ended")

    def _serve_until_stopped(self) -> None:
        for left in reversed(range(MOST_OPENINGS)):
            try:
                self._serve()
                return
            except (PlaceLost, SshFailed) as error:
                log("score", self._place.name, f"lost: {error}")
                self._release(str(error))
                if not left or self._stopping.is_set():
                    raise

    def _serve(self) -> None:
        """Open a pod and let it score until the run ends. Raises why it cannot go on."""
        desk = self._opened()
        try:
            self._serve_at(desk)
        finally:
            desk.end()

    def _serve_at(self, desk: ScoringDesk) -> None:
        desk.open()
        while not desk.is_ready():
            desk.check_runs()
            self._pause()
            self._look(desk)
        if not self._said_ready:
            self._said_ready = True
            self._reply(ScorerReady())
        asked: list[ScoringRequest] = []
        while not self._stopping.is_set():
            for request in self._new(asked):
                desk.ask(request)
                asked.append(request)
            for request in desk.answered(asked) if asked else ():
                reply = desk.answer(request)
                asked.remove(request)
                self._answered(request, reply)
            self._look(desk)
            if asked:
                desk.check_runs()
            self._stopping.wait(POLL_SECONDS)

    def _opened(self) -> ScoringDesk:
        """Return a pod with all that its scorer needs. Raises why there is none."""
        assert self._setup is not None
        opened, name = self._place.open(), self._place.name
        code = send_code(opened)
        self._install(opened, installing(opened, name, code, scoring_packages(self._setup.spec)))
        level = self._glass.ask(opened.agent, opened.python, code.folder)
        check_separates(name, level, self._setup.spec.limits.glass, host=opened.host)
        data = send_data(self._setup, opened)
        told = f"has all {data.files} files of data, {data.sent} of them sent from here"
        log("score", name, f"{told}; variants have the glass {level} there")
        return ScoringDesk(OnMachine(opened, name, code.folder, level), self._setup)

    def _install(self, opened: OpenPlace, spec: JobSpec) -> JobStatus:
        status = started(opened.agent, spec)
        while not status.is_over:
            self._pause()
            self._look()
            status = status_of(opened.agent, spec.job, self._place.name)
        if status.state != "succeeded":
            raise not_installed(opened, self._place.name, spec.job)
        forget_job(opened.agent, spec.job)
        return status

    def _look(self, desk: ScoringDesk | None = None) -> None:
        """Every few seconds, look after the pod. Raises PlaceLost if it is gone."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._place.look()
        if desk is not None:
            desk.wait_on()
        self._looked = time.monotonic()

    def _pause(self) -> None:
        if self._stopping.wait(POLL_SECONDS):
            raise PlaceLost(self._place.name, "the run ended")

    def _new(self, asked: list[ScoringRequest]) -> list[ScoringRequest]:
        """Return the requests without an answer that were not sent to this pod."""
        with self._changed:
            return [request for request in self._waiting if request not in asked]

    def _answered(self, request: ScoringRequest, reply: AnswerThere | ScoringFailure) -> None:
        with self._changed:
            self._waiting.remove(request)
        self._reply(reply)

    def _reply(self, reply: Reply) -> None:
        with self._changed:
            self._replies.append(reply)
            self._changed.notify_all()

    def _fail(self, error: FumehoodError) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def _release(self, why: str) -> None:
        try:
            self._place.release(why)
        except FumehoodError as error:
            log("score", self._place.name, f"ALARM: {error}")
            self._fail(error)


@contextlib.contextmanager
def scorer_there(place: RemotePlace, state: Path) -> Iterator[Scorer]:
    """Yield a scorer at a place, which is given back when the block ends.

    state: the workspace's .fumehood.
    """
    scorer = ScorerThere(place, GlassThere(state))
    try:
        yield scorer
    finally:
        scorer.close()
        # Also where the scorer was never asked: the pod may have harvested.
        place.release("the run ended")
