"""Scores that the evaluator's own recorder stores of SAEs that were never trained."""

from collections.abc import Mapping
from pathlib import Path

from fumehood_tools.files import sha256_of, write_bytes
from fumehood_tools.records.integrity import Integrity
from fumehood_tools.records.scores import Data, RentedPlace
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.runs.scorer_line import AnswerThere
from fumehood_tools.runs.targets import Effort
from fumehood_tools.scoring.requests import ScoringAnswer
from fumehood_tools.where import here

WEIGHTS, TRANSCODER = "sae.safetensors", "transcoder.safetensors"


def record_score(
    recorder: Recorder,
    item: RunItem,
    metrics: Mapping[str, float],
    out: Path,
    files: Mapping[str, bytes],
    data: Data | None = None,
    rented: RentedPlace | None = None,
    weights: str = WEIGHTS,
    integrity: Integrity | None = None,
) -> Path:
    """Have the recorder store a score; return its folder.

    files: what training and scoring left in the folder `out`, by name, with the weights. rented:
    the pod that scored for a second; None: this machine. weights: the name of their file.
    """
    for name, content in files.items():
        write_bytes(out / name, content)
    answer = ScoringAnswer(
        name=item.name,
        metrics=dict(metrics),
        weights_sha256=sha256_of(out / weights),
        seconds=1.0,
        where=here("cpu", 2, "landlock"),
        integrity=integrity,
    )
    if rented is not None:
        answer = AnswerThere.model_validate({**answer.model_dump(), "rented": rented})
    recorder.start(item)
    data = data or Data(digest="digest", train_tokens=1_000, eval_tokens=100)
    recorder.score(item, out, data, answer, Effort(1.0, None, here("cpu", 1, "rlimits")))
    return item.folder
