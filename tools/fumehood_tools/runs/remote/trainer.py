"""Train one order on a machine that does not have the workspace.

usage: python -m fumehood_tools.runs.remote.trainer WORK_FILE DATA_FOLDER

Trains as a run on this machine would: the same code, behind the strongest glass that is there. In
the working folder it leaves out/ (the weights, config.json, train_log.jsonl, answer.json) and,
while it trains, the file `fraction`. An order that fails has its reason in answer.json; the exit
code is not 0 only where the machine is to blame.

It measures no work: what the machine says about its own time is not worth a verdict. Only the
wall clock of the order's limits ends a training.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from fumehood_tools.errors import FumehoodError
from fumehood_tools.files import read_json, write_json, write_text
from fumehood_tools.glass import Nursery, choose_level, compiled_kernels
from fumehood_tools.runs.remote.messages import (
    ANSWER_FILE,
    CACHE,
    FRACTION_FILE,
    OUT,
    RemoteAnswer,
    RemoteWork,
)
from fumehood_tools.runs.training import Place, Training
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.where import here

LOOK_SECONDS = 0.2


def train(work: RemoteWork, data: Path, folder: Path) -> RemoteAnswer:
    """Train the order in a folder of its own; return the answer. Its files are in folder/out."""
    recipe, shards = work.order.recipe, [data / name for name in work.shards]
    targets = [data / name for name in work.targets]
    level = choose_level("auto", recipe.limits.glass)
    threads = work.threads or _cores()
    where, began = here(recipe.device, threads, level), time.monotonic()
    error, seconds = None, 0.0
    with (
        tempfile.TemporaryDirectory(prefix="training-", dir=folder) as scratch,
        Nursery(
            Path(scratch),
            level=level,
            readable=[data],
            cuda=recipe.device == "cuda",
            gpu=work.gpu,
            # Compiled at the first order, for all orders on this machine.
            kernels=compiled_kernels(data.parents[1] / CACHE),
        ) as glass,
    ):
        try:
            place = Place(Path(scratch) / "training", glass, threads)
            with Training(work.order, shards, place, targets=targets) as training:
                while (outcome := training.finished()) is None:
                    write_text(folder / FRACTION_FILE, f"{training.fraction():.4f}")
                    time.sleep(LOOK_SECONDS)
                seconds = outcome.seconds
                _hand_over(training.out, folder / OUT)
        except FumehoodError as failure:
            error, seconds = ErrorReport.of(failure), time.monotonic() - began
    return RemoteAnswer(order=work.order.digest, seconds=seconds, where=where, error=error)


def main() -> None:
    """Train what the file argv[1] asks for on the data in argv[2], in the working folder."""
    work, folder = RemoteWork.model_validate(read_json(Path(sys.argv[1]))), Path.cwd()
    (folder / OUT).mkdir(exist_ok=True)
    answer = train(work, Path(sys.argv[2]), folder)
    write_json(folder / OUT / ANSWER_FILE, answer.model_dump(mode="json"))


def _hand_over(made: Path, out: Path) -> None:
    for path in made.iterdir():
        shutil.copyfile(path, out / path.name)


def _cores() -> int:
    import psutil

    cores = len(psutil.Process().cpu_affinity()) if sys.platform == "linux" else psutil.cpu_count()
    return cores or 1


if __name__ == "__main__":
    main()
