"""One place at work, in a thread of its own: it takes orders and brings their results here.

    opened at the first order -> code and data sent once -> order after order -> given back

After a crash of this process the next one finds the trainings that are still running, and waits for
them instead of starting others: see `book`.
"""

import itertools
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import read_json, write_json
from fumehood_tools.pods.agent import Agent, JobSpec, JobState, JobStatus, collect
from fumehood_tools.pods.ssh import SshFailed, pack, upload
from fumehood_tools.quoting import quotable
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.remote.book import OrderBook
from fumehood_tools.runs.remote.code import INSTALL, code_files, wanted_packages
from fumehood_tools.runs.remote.messages import (
    ANSWER_FILE,
    DATA,
    FRACTION_FILE,
    OUT,
    RemoteAnswer,
    RemoteWork,
)
from fumehood_tools.runs.remote.places import OpenPlace, RemotePlace
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.runs.targets import Effort, PlaceLost
from fumehood_tools.runs.work import work_of

POLL_SECONDS, LOOK_SECONDS, IDLE_SECONDS = 1.0, 20.0, 90.0
MOST_OPENINGS = 4
"""How often a place is opened in one run: a lost machine is replaced three times."""
MOST_FILES = 20
SETUP_SECONDS, MARGIN_SECONDS = 1_200.0, 120.0
LOG_TAIL_BYTES = 4_000
USABLE: tuple[JobState, ...] = ("absent", "starting", "running", "succeeded")
"""The states in which it makes sense to wait for a job."""


class Server(threading.Thread):
    """Serves orders from a queue at one place until it is told to stop.

    failure: why it serves no more; None while it does.
    """

    def __init__(self, place: RemotePlace, orders: OrderBook, shards: Sequence[Path]) -> None:
        """shards: the training split of the run's activations, here."""
        super().__init__(name=f"place {place.name}", daemon=True)
        self.place = place
        self.failure: FumehoodError | None = None
        self._orders, self._shards = orders, shards
        self._stopping = threading.Event()
        self._open: OpenPlace | None = None
        self._code = ""
        self._looked = 0.0

    def stop(self) -> None:
        """Cancel what runs, give the place back, and end. Returns at once; join it."""
        self._stopping.set()

    def run(self) -> None:
        """Serve."""
        openings, last = 0, time.monotonic()
        while not self._stopping.is_set():
            trainee = self._orders.take(self.place.key, POLL_SECONDS)
            if trainee is None:
                if self._open is not None and time.monotonic() - last > IDLE_SECONDS:
                    self._release("nothing was left to train")
                continue
            try:
                if self._open is None:
                    openings += 1
                    self._open_and_prepare(trainee)
                self._serve(trainee)
            except FumehoodError as error:
                self._lose(trainee, error, openings)
            last = time.monotonic()
            if self.failure is not None:
                return
        self._release("the run ended")

    def _lose(self, trainee: RemoteTrainee, error: FumehoodError, openings: int) -> None:
        """Give up the machine; the order goes back to the run. Stop for good after some losses."""
        loss = error if isinstance(error, PlaceLost) else PlaceLost(self.place.name, str(error))
        log("place", self.place.name, f"lost: {loss.why}")
        may_help = isinstance(error, PlaceLost | SshFailed) and openings < MOST_OPENINGS
        is_hopeless = self._open is None or not may_help
        self._release(loss.why)
        if is_hopeless:
            self.failure = error
        trainee.lose(loss)

    def _release(self, why: str) -> None:
        if self._open is not None:
            self._open.agent.machine.close()
            self._open = None
        try:
            self._orders.forget(self.place.key)
            self.place.release(why)
        except FumehoodError as error:
            log("place", self.place.name, f"ALARM: {error}")
            self.failure = error

    def _open_and_prepare(self, trainee: RemoteTrainee) -> None:
        trainee.tell(f"waiting for {self.place.name}")
        opened = self.place.open()
        self._open = opened
        trainee.tell(f"sending code and data to {self.place.name}")
        with tempfile.TemporaryDirectory(prefix="fumehood-code-") as folder:
            packed = pack(code_files(), Path(folder) / "code.tar.gz")
            self._code = opened.agent.send_code(packed)
        for shard in self._shards:
            upload(opened.agent.machine, shard, f"{self._data(trainee)}/{shard.name}")
        self._install(opened, trainee)
        log("place", self.place.name, "is ready: code and data are there")

    def _data(self, trainee: RemoteTrainee) -> str:
        assert self._open is not None
        return f"{self._open.agent.root}/{DATA}/{trainee.order.recipe.activations[:32]}"

    def _install(self, opened: OpenPlace, trainee: RemoteTrainee) -> None:
        """Install what a training imports and the machine lacks. Raises RunFailed."""
        trainee.tell(f"looking for torch on {self.place.name}")
        spec = JobSpec(
            job=_usable(opened.agent, f"setup-{self._code[-24:]}"),
            argv=(opened.python, "-c", INSTALL, *wanted_packages()),
            env=opened.environment,
            timeout_s=SETUP_SECONDS,
        )
        status = self._until_over(opened.agent, spec, trainee)
        if status.state != "succeeded":
            raise RunFailed(
                f"{self.place.name} lacks packages that a training needs, and they could not be "
                f"installed there. The end of the log:\n{_tail(opened.agent, spec.job)}\nChoose "
                "another image, or install them there."
            )

    def _serve(self, trainee: RemoteTrainee) -> None:
        """Have one order trained, and bring its files here."""
        opened, order = self._open, trainee.order
        assert opened is not None
        trainee.tell(f"training {order.name} on {self.place.name}")
        job, root = self._job(opened.agent, order), opened.agent.root
        shards = tuple(path.name for path in self._shards)
        work = RemoteWork(order=order, shards=shards, threads=opened.threads)
        with tempfile.TemporaryDirectory(prefix="fumehood-order-") as folder:
            file = Path(folder) / f"{job}.json"
            write_json(file, work.model_dump(mode="json"))
            upload(opened.agent.machine, file, f"{root}/orders/{file.name}")
        module = "fumehood_tools.runs.remote.trainer"
        paths = (f"{root}/orders/{file.name}", self._data(trainee))
        spec = JobSpec(
            job=job,
            argv=(opened.python, "-P", "-m", module, *paths),
            env={**opened.environment, "PYTHONPATH": f"{root}/{self._code}"},
            timeout_s=order.recipe.limits.train_minutes * 60 + MARGIN_SECONDS,
        )
        status = self._until_over(opened.agent, spec, trainee)
        if trainee.has_ended:
            return
        self._bring(trainee, opened, job, status)

    def _job(self, agent: Agent, order: TrainingOrder) -> str:
        """Return the name of the job that trains an order, which is begun if it was not yet."""
        begun = self._orders.begun(self.place.key, order.digest)
        if begun is not None and agent.status(begun).state in USABLE:
            log("train", order.name, f"taken over: {self.place.name} began it before")
            return begun
        job = _usable(agent, f"train-{order.digest[:40]}", states=("absent",))
        self._orders.begin(self.place.key, order.digest, job)
        return job

    def _until_over(self, agent: Agent, spec: JobSpec, trainee: RemoteTrainee) -> JobStatus:
        """Start a job, unless it was started before; return its status when it is over."""
        status = agent.start(spec)
        while not status.is_over:
            if self._stopping.wait(POLL_SECONDS) or trainee.has_ended:
                return agent.cancel(spec.job)
            if time.monotonic() - self._looked > LOOK_SECONDS:
                self.place.look()
                self._looked = time.monotonic()
            status = agent.status(spec.job)
            trainee.progress(_fraction(agent, spec.job))
        return status

    def _bring(
        self, trainee: RemoteTrainee, opened: OpenPlace, job: str, status: JobStatus
    ) -> None:
        if status.state == "lost":
            raise PlaceLost(self.place.name, "its container was started again meanwhile")
        limits = trainee.order.recipe.limits
        if status.state != "succeeded":
            tail = _tail(opened.agent, job)
            trainee.fail(_reason(trainee.order.name, self.place.name, status, tail))
            return
        most = int(limits.scratch_gb * (1 << 30))
        collect(
            opened.agent,
            f"jobs/{job}/work/{OUT}",
            trainee.out,
            most_files=MOST_FILES,
            most_bytes=most,
        )
        try:
            answer = RemoteAnswer.model_validate(read_json(trainee.out / ANSWER_FILE))
        except ValidationError as error:
            raise PlaceLost(self.place.name, "its answer has no valid form") from error
        if answer.order != trainee.order.digest:
            raise PlaceLost(self.place.name, "it answered for another order")
        if answer.error is not None:
            trainee.fail(answer.error.as_error())
            return
        trainee.succeed(_effort(trainee.order, answer, opened), answer.started)


def _usable(agent: Agent, name: str, states: Sequence[JobState] = USABLE) -> str:
    """Return the first name of a job, by its number, that has one of the states on the machine.

    A machine runs no job twice, and hosts remember jobs that failed or were cancelled long ago.
    """
    names = (f"{name}-{number}" for number in itertools.count(1))
    return next(name for name in names if agent.status(name).state in states)


def _effort(order: TrainingOrder, answer: RemoteAnswer, opened: OpenPlace) -> Effort:
    return Effort(
        seconds=answer.seconds,
        work=work_of(order, answer.seconds, None),
        where=answer.where,
        arithmetic=order.recipe.arithmetic,
        usd=opened.usd(answer.seconds),
        rented=opened.rented,
    )


def _fraction(agent: Agent, job: str) -> float:
    path = f"{agent.root}/jobs/{job}/work/{FRACTION_FILE}"
    answer = agent.machine.again(lambda shell: shell.run(["cat", path], most_bytes=4_096))
    try:
        return min(1.0, max(0.0, float(answer.text)))
    except ValueError:
        return 0.0


def _tail(agent: Agent, job: str) -> str:
    path = f"{agent.root}/jobs/{job}/log.txt"
    words = ["tail", "-c", str(LOG_TAIL_BYTES), path]
    try:
        return quotable(agent.machine.again(lambda shell: shell.run(words)).text)
    except SshFailed as error:
        return f"(the log cannot be read: {error})"


def _reason(order: str, place: str, status: JobStatus, tail: str) -> RunFailed:
    told = status.reason or f"exit code {status.exit_code}"
    return RunFailed(
        f"{order}: training on {place} ended early ({told}). Its last output (quoted, "
        f"untrusted):\n{tail}\nCall check_variant, or train on this machine to compare."
    )
