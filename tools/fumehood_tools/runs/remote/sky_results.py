"""Bring the results of one order from the bucket. Nothing that lies there is trusted."""

from pathlib import Path

from pydantic import ValidationError

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import read_json
from fumehood_tools.pods.sky.bucket import Bucket, ResultsRefused
from fumehood_tools.quoting import quotable
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.remote.batches import MANIFEST, MOST_MANIFEST_BYTES, ResultsManifest
from fumehood_tools.runs.remote.messages import ANSWER_FILE, RemoteAnswer
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.runs.targets import Effort
from fumehood_tools.runs.work import work_of


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
        bucket.fetch(name, trainee.out / file.name, file.size, file.sha256)
    answer = _answer(trainee.out, order)
    if answer.error is not None:
        trainee.fail(answer.error.as_error())
        return True
    trainee.succeed(_effort(order, answer), answer.started)
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


def _answer(out: Path, order: TrainingOrder) -> RemoteAnswer:
    try:
        answer = RemoteAnswer.model_validate(read_json(out / ANSWER_FILE))
    except (FumehoodError, ValidationError) as error:
        raise ResultsRefused(f"The answer for {order.name} has no valid form.") from error
    if answer.order != order.digest:
        raise ResultsRefused(f"The answer for {order.name} is for another order.")
    return answer


def _effort(order: TrainingOrder, answer: RemoteAnswer) -> Effort:
    # SkyPilot's command does not say what a job costs.
    return Effort(
        seconds=answer.seconds,
        work=work_of(order, answer.seconds, None),
        where=answer.where,
        arithmetic=order.recipe.arithmetic,
    )
