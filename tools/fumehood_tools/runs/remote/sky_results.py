"""Bring the results of one order from the bucket. Nothing that lies there is trusted.

Nobody asks the nodes for their glass before a variant runs there, as is done with machines that are
reached by ssh. So the records name the weakest one, whatever a node says.
"""

from pathlib import Path

from pydantic import ValidationError

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.glass import take_json
from fumehood_tools.pods.sky.bucket import Bucket, ResultsRefused
from fumehood_tools.quoting import quotable
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.remote.batches import MANIFEST, MOST_MANIFEST_BYTES, ResultsManifest
from fumehood_tools.runs.remote.bringing import longest
from fumehood_tools.runs.remote.messages import ANSWER_BYTES, ANSWER_FILE, RemoteAnswer
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.runs.targets import Effort
from fumehood_tools.runs.training import keep_results
from fumehood_tools.runs.work import work_of
from fumehood_tools.settings import GlassLevel

GLASS: GlassLevel = "rlimits"
"""What the records say about the isolation of variants on a node."""


def bring(bucket: Bucket, folder: str, trainee: RemoteTrainee) -> bool:
    """Bring an order's files to trainee.out, and tell the trainee how it ended.

    folder: of the job, in the bucket. Returns False if its manifest is not there yet. Raises
    ResultsRefused if what is there is not what it should be, BucketFailed, StorageFailed.
    """
    order = trainee.order
    content = bucket.read(f"{folder}/{order.digest}/{MANIFEST}", MOST_MANIFEST_BYTES)
    if content is None:
        return False
    manifest = _manifest(content, order)
    if manifest.failure is not None:
        trainee.fail(
            RunFailed(
                f"{order.name}: training on a node of SkyPilot ended early. What the node says "
                f"(quoted, untrusted): {quotable(manifest.failure)}\nCall check_variant, or train "
                "on this machine to compare."
            )
        )
        return True
    for file in manifest.files:
        name = f"{folder}/{order.digest}/{file.name}"
        bucket.fetch(name, trainee.arrived / file.name, file.size, file.sha256)
    answer = _answer(trainee.arrived, order)
    effort = _effort(order, answer)
    if trainee.started is None:
        trainee.begin()  # its job was never seen running between two looks
    try:
        if answer.error is not None:
            raise answer.error.as_error()
        keep_results(order, trainee.arrived, trainee.out)
    except FumehoodError as error:
        trainee.fail(error, effort)
        return True
    trainee.succeed(effort)
    return True


def _manifest(content: bytes, order: TrainingOrder) -> ResultsManifest:
    try:
        manifest = ResultsManifest.model_validate_json(content)
    except ValidationError as error:
        raise ResultsRefused(f"The manifest of {order.name} has no valid form.") from error
    names = [file.name for file in manifest.files]
    if manifest.order != order.digest or len(set(names)) < len(names):
        raise ResultsRefused(
            f"The manifest of {order.name} is for another order, or has a file twice."
        )
    size, most = sum(file.size for file in manifest.files), order.recipe.limits.scratch_gb
    if size > most * (1 << 30):
        raise ResultsRefused(
            f"The results of {order.name} have {size:,} bytes, and limits.scratch_gb is {most:g}."
        )
    return manifest


def _answer(arrived: Path, order: TrainingOrder) -> RemoteAnswer:
    try:
        answer = RemoteAnswer.model_validate(take_json(arrived, ANSWER_FILE, ANSWER_BYTES))
    except (FumehoodError, ValidationError) as error:
        raise ResultsRefused(f"The answer for {order.name} has no valid form.") from error
    if answer.order != order.digest:
        raise ResultsRefused(f"The answer for {order.name} is for another order.")
    return answer


def _effort(order: TrainingOrder, answer: RemoteAnswer) -> Effort:
    # No training runs for longer, whatever a node says. SkyPilot does not say what a job costs.
    seconds = min(answer.seconds, longest(order))
    return Effort(
        seconds=seconds,
        work=work_of(order, seconds, None),
        where=answer.where.model_copy(update={"glass": GLASS}),
        arithmetic=order.recipe.arithmetic,
        usd=None,
    )
