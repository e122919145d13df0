"""Take the results of a training over from its machine, and judge what the machine says of it."""

from pydantic import ValidationError

from fumehood_tools.errors import FumehoodError, PartMissing, RunFailed
from fumehood_tools.glass import STRENGTH, take_json
from fumehood_tools.pods.agent import JobStatus, collect
from fumehood_tools.pods.ssh import SshFailed
from fumehood_tools.quoting import quotable
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.remote.messages import (
    ANSWER_BYTES,
    ANSWER_FILE,
    MOST_WORD,
    OUT,
    RemoteAnswer,
    in_working_folder,
)
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.runs.targets import Effort, PlaceLost
from fumehood_tools.runs.training import MOST_BYTES, keep_results
from fumehood_tools.runs.work import work_of
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.settings import GlassLevel

MOST_FILES = 20
MARGIN_SECONDS = 120.0
"""What a training's job may take beyond the limit of the training itself."""
LOG_TAIL_BYTES = 4_000


def longest(order: TrainingOrder) -> float:
    """Return the seconds after which the job of an order is ended."""
    return order.recipe.limits.train_minutes * 60 + MARGIN_SECONDS


def bring(
    trainee: RemoteTrainee, name: str, opened: OpenPlace, level: GlassLevel, job: str
) -> None:
    """Take over how a job that succeeded has trained: its SAE, or the reason why there is none.

    name: of the place. level: the glass that variants have there. Raises PlaceLost if the answer is
    none, SshFailed.
    """
    order = trainee.order
    most = int(order.recipe.limits.scratch_gb * (1 << 30)) + sum(MOST_BYTES.values())
    folder = in_working_folder(job, OUT)
    collect(opened.agent, folder, trainee.arrived, most_files=MOST_FILES, most_bytes=most)
    answer = _answer(trainee, name)
    effort = _effort(order, answer, opened, level)
    if STRENGTH[effort.where.glass] < STRENGTH[order.recipe.limits.glass]:
        raise PlaceLost(name, f"it trained with weaker glass than asked for: {effort.where.glass}")
    if answer.error is not None:
        report = answer.error
        message = opened.without_paths(report.message)
        trainee.fail(report.model_copy(update={"message": message}).as_error(), effort)
        return
    try:
        keep_results(order, trainee.arrived, trainee.out)
    except RunFailed as error:
        trainee.fail(error, effort)
        return
    trainee.succeed(effort)


def early_end(order: str, place: str, opened: OpenPlace, job: str, status: JobStatus) -> RunFailed:
    """Return the error for a training whose job did not succeed. order: its name."""
    told = quotable((status.reason or f"exit code {status.exit_code}")[:MOST_WORD])
    return RunFailed(
        f"{order}: training on {place} ended early ({told}). Its last output (quoted, "
        f"untrusted):\n{tail(opened, job)}\nCall check_variant, or train on this machine to "
        "compare."
    )


def not_installed(opened: OpenPlace, name: str, job: str) -> RunFailed:
    """Return the error for a machine that lacks packages. name: of the place; job: which failed."""
    return RunFailed(
        f"{name} lacks packages that it needs, and they could not be installed there. The end of "
        f"the log:\n{tail(opened, job)}\nChoose another image, or install them there."
    )


def error_there(report: ErrorReport, name: str, opened: OpenPlace, setting: str) -> FumehoodError:
    """Return the reason why a machine cannot work with the subject, as it is raised here.

    setting: the variable that has this work done here instead.
    """
    message = opened.without_paths(report.message)
    if report.code == PartMissing.code:
        message += (
            f" That was said on {name}: no token of yours goes there, so a subject whose license "
            f"has to be accepted cannot be had. Set {setting}=here to do it on this machine."
        )
    return report.model_copy(update={"message": message}).as_error()


def tail(opened: OpenPlace, job: str) -> str:
    """Return the end of a job's log, safe to show."""
    agent = opened.agent
    words = ["tail", "-c", str(LOG_TAIL_BYTES), f"{agent.root}/jobs/{job}/log.txt"]
    try:
        text = agent.machine.again(lambda shell: shell.run(words)).text
    except SshFailed as error:
        return f"(the log cannot be read: {error})"
    return opened.without_paths(quotable(text))


def _answer(trainee: RemoteTrainee, name: str) -> RemoteAnswer:
    try:
        answer = RemoteAnswer.model_validate(take_json(trainee.arrived, ANSWER_FILE, ANSWER_BYTES))
    except (RunFailed, ValidationError) as error:
        raise PlaceLost(name, "its answer has no valid form") from error
    if answer.order != trainee.order.digest:
        raise PlaceLost(name, "it answered for another order")
    if answer.where.device != trainee.order.recipe.device:
        raise PlaceLost(name, f"it trained on {answer.where.device}, which was not asked for")
    return answer


def _effort(
    order: TrainingOrder, answer: RemoteAnswer, opened: OpenPlace, level: GlassLevel
) -> Effort:
    # No job runs for longer, whatever the machine says.
    seconds = min(answer.seconds, longest(order))
    glass = min(level, answer.where.glass, key=STRENGTH.__getitem__)
    return Effort(
        seconds=seconds,
        work=work_of(order, seconds, None),
        where=answer.where.model_copy(update={"glass": glass}),
        arithmetic=order.recipe.arithmetic,
        usd=opened.usd(seconds),
        rented=opened.rented,
    )
