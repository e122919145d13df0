"""One place at work, in a thread of its own: it takes orders and brings their results here.

    opened at the first order -> code and data sent once -> order after order -> given back

An order's job on the machine is named by the order's digest. So after a crash of this process the
next one finds the training that is still running, and waits for it instead of starting another:
each order goes to the machine that has begun it (see `book`). Once its results are used, the job is
removed there: the same order is then trained anew.
"""

import contextlib
import functools
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import write_json
from fumehood_tools.pods.agent import Agent, JobSpec, JobStatus
from fumehood_tools.pods.agent.specs import LIVING
from fumehood_tools.pods.ssh import SshFailed, upload
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.remote.book import OrderBook
from fumehood_tools.runs.remote.bringing import bring, early_end, longest, not_installed
from fumehood_tools.runs.remote.code import wanted_packages
from fumehood_tools.runs.remote.glass_there import GlassThere, check_strength
from fumehood_tools.runs.remote.messages import (
    DATA,
    FRACTION_FILE,
    RemoteWork,
    in_working_folder,
    split_folder,
)
from fumehood_tools.runs.remote.places import OpenPlace, RemotePlace
from fumehood_tools.runs.remote.preparing import (
    forget_job,
    installing,
    send_code,
    started,
    status_of,
)
from fumehood_tools.runs.remote.splits import Split
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.runs.targets import PlaceLost
from fumehood_tools.settings import GlassLevel

FIRST_SECONDS, POLL_SECONDS, LOOK_SECONDS, IDLE_SECONDS = 0.1, 1.0, 20.0, 90.0
MOST_OPENINGS = 4
"""How often a place is opened in one run: a lost machine is replaced three times."""
TRAINER = "fumehood_tools.runs.remote.trainer"


class _Ready(NamedTuple):
    """An open machine with code and data, absolute folders. level: the glass of variants there."""

    opened: OpenPlace
    code: str
    data: str
    level: GlassLevel


class Server(threading.Thread):
    """Serves orders from a queue at one place until it is told to stop.

    failure: why it serves no more; None while it does.
    """

    def __init__(
        self, place: RemotePlace, orders: OrderBook, split: Split, glass: GlassThere
    ) -> None:
        """split: the training split of the run's activations."""
        super().__init__(name=f"place {place.name}", daemon=True)
        self.place = place
        self.failure: FumehoodError | None = None
        self._orders, self._split, self._glass = orders, split, glass
        self._stopping = threading.Event()
        self._open: _Ready | None = None
        self._is_reached, self._openings = False, 0
        self._looked = self._used = 0.0
        self._serving: RemoteTrainee | None = None
        self._brought: list[tuple[RemoteTrainee, str]] = []

    def stop(self) -> None:
        """Cancel what runs, give the place back, and end. Returns at once; join it."""
        self._stopping.set()

    def run(self) -> None:
        """Serve. Whatever happens here, the run hears that the place is gone."""
        is_crash = True
        try:
            while self.failure is None and not self._stopping.is_set():
                self._take_one()
            self._forget_used()
            is_crash = False
        finally:
            if is_crash:
                # Its traceback follows in the log.
                self._crashed()
            self._release("the run ended")

    def _take_one(self) -> None:
        """Serve the next order, if there is one within a second."""
        trainee = self._orders.take(self.place.key, POLL_SECONDS)
        if trainee is None:
            if self._open is not None and time.monotonic() - self._used > IDLE_SECONDS:
                self._forget_used()
                self._release("nothing was left to train")
            return
        if trainee.has_ended:
            return
        self._serving = trainee
        try:
            if self._open is None:
                self._open = self._opened(trainee)
            self._serve(self._open, trainee)
        except FumehoodError as error:
            self._lose(trainee, error)
        self._serving, self._used = None, time.monotonic()

    def _lose(self, trainee: RemoteTrainee, error: FumehoodError) -> None:
        """Give up the machine. Stop for good after some losses, and where none can be had.

        An order whose training has not begun goes to the other places: that is no loss of its own.
        """
        was_ready = self._open is not None
        loss = error if isinstance(error, PlaceLost) else PlaceLost(self.place.name, str(error))
        log("place", self.place.name, f"lost: {loss.why}")
        may_help = isinstance(error, PlaceLost | SshFailed) and self._openings < MOST_OPENINGS
        self._brought.clear()
        self._release(loss.why)
        if not (self._is_reached and may_help):
            self.failure = error
        if was_ready:
            trainee.lose(loss)
        else:
            self._orders.put(trainee)

    def _crashed(self) -> None:
        self.failure = RunFailed(
            f"{self.place.name} is not used any more, because the code that serves it has failed: "
            "see the job's log. Start the same run again; finished SAEs are kept."
        )
        if self._serving is not None:
            self._serving.lose(PlaceLost(self.place.name, str(self.failure)))

    def _release(self, why: str) -> None:
        self._open = None
        try:
            self._orders.forget(self.place.key)
            self.place.release(why)
        except FumehoodError as error:
            log("place", self.place.name, f"ALARM: {error}")
            self.failure = error

    def _opened(self, trainee: RemoteTrainee) -> _Ready:
        """Open the place and make it ready. Raises why it cannot be used."""
        self._is_reached, self._openings = False, self._openings + 1
        trainee.tell(f"waiting for {self.place.name}")
        opened = self.place.open()
        self._is_reached = True
        name, recipe = self.place.name, trainee.order.recipe
        trainee.tell(f"sending code to {name}, and looking for torch")
        code = send_code(opened)
        spec = installing(opened, name, code, wanted_packages())
        if self._until_over(opened.agent, spec, trainee).state != "succeeded":
            raise not_installed(opened, name, spec.job)
        forget_job(opened.agent, spec.job)
        trainee.tell(f"bringing the activations to {name}")
        data = f"{DATA}/{split_folder(recipe.activations)}"
        run = functools.partial(self._until_over, opened.agent, trainee=trainee)
        self._split.bring(opened, data, run)
        level = self._glass.ask(opened.agent, opened.python, code.folder)
        check_strength(name, level, recipe.limits.glass)
        log("place", name, f"is ready: code and data are there; variants have the glass {level}")
        return _Ready(opened, code.folder, f"{opened.agent.root}/{data}", level)

    def _serve(self, ready: _Ready, trainee: RemoteTrainee) -> None:
        """Have one order trained, and bring its files here."""
        self._forget_used()
        order, opened, name = trainee.order, ready.opened, self.place.name
        agent, job = opened.agent, f"train-{order.digest[:40]}"
        trainee.tell(f"training {order.name} on {name}")
        if self._orders.begun(self.place.key, order.digest) == job:
            log("train", order.name, f"taken over: {name} began it before")
            if agent.status(job).state in (*LIVING, "succeeded"):
                trainee.take_over()
        self._orders.begin(self.place.key, order.digest, job)
        spec = self._job(ready, trainee, job)
        trainee.begin()
        status = self._until_over(agent, spec, trainee)
        if status.state == "lost":
            raise PlaceLost(name, "its container was started again meanwhile")
        if status.state == "cancelled":
            raise PlaceLost(name, "somebody cancelled the training there")
        if status.state == "succeeded":
            bring(trainee, name, opened, ready.level, job)
        else:
            trainee.fail(early_end(order.name, name, opened, job, status))
        self._brought.append((trainee, job))

    def _job(self, ready: _Ready, trainee: RemoteTrainee, job: str) -> JobSpec:
        """Send what is to be trained, and return the job that trains it."""
        order, opened, split = trainee.order, ready.opened, self._split
        work = RemoteWork(
            order=order,
            shards=split.names,
            targets=split.target_names,
            threads=opened.threads,
            gpu=opened.gpu,
        )
        there = f"{opened.agent.root}/orders/{job}.json"
        with tempfile.TemporaryDirectory(prefix="fumehood-order-") as folder:
            file = Path(folder) / f"{job}.json"
            write_json(file, work.model_dump(mode="json"))
            upload(opened.agent.machine, file, there)
        return JobSpec(
            job=job,
            argv=(opened.python, "-P", "-m", TRAINER, there, ready.data),
            env={"PYTHONPATH": ready.code},
            timeout_s=longest(order),
        )

    def _until_over(self, agent: Agent, spec: JobSpec, trainee: RemoteTrainee) -> JobStatus:
        """Start a job and return its status when it is over.

        Raises PlaceLost if the run ends meanwhile.
        """
        status = started(agent, spec)
        pause = FIRST_SECONDS
        while not status.is_over:
            if self._stopping.wait(pause):
                agent.cancel(spec.job)
                raise PlaceLost(self.place.name, "the run ended")
            pause = min(2 * pause, POLL_SECONDS)
            if time.monotonic() - self._looked > LOOK_SECONDS:
                self.place.look()
                self._looked = time.monotonic()
            status = status_of(agent, spec.job, self.place.name)
            trainee.progress(_fraction(agent, spec.job))
        return status

    def _forget_used(self) -> None:
        """Remove jobs from the machine whose results nobody waits for any more."""
        if self._open is None:
            return
        agent, brought, self._brought = self._open.opened.agent, self._brought, []
        # Where this fails, what stays there is in nobody's way.
        with contextlib.suppress(SshFailed):
            for trainee, job in brought:
                if trainee.has_ended:
                    forget_job(agent, job)
                else:
                    self._brought.append((trainee, job))


def _fraction(agent: Agent, job: str) -> float:
    path = f"{agent.root}/{in_working_folder(job, FRACTION_FILE)}"
    answer = agent.machine.again(lambda shell: shell.run(["cat", path], most_bytes=4_096))
    try:
        return min(1.0, max(0.0, float(answer.text)))
    except ValueError:
        return 0.0
