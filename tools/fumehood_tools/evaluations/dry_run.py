"""Try evaluations on random latents behind the glass, before any SAE is evaluated.

Costs about 6 s for the first file and a second for each more. Nothing is recorded. Finds what
fails, returns other metrics than declared, or differs between two processes.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError
from fumehood_tools.evaluations.judging import Metrics, Runner
from fumehood_tools.evaluations.profile import EVALUATION, limits_of
from fumehood_tools.evaluations.source import EvaluationFile
from fumehood_tools.files import write_bytes
from fumehood_tools.glass import GlassLevel, Nursery, scratch_folder
from fumehood_tools.spec import SandboxSpec

MADE_UP = (512, 32, 64, 6)
"""Rows, d_model, dictionary size and L0 of the random latents."""
WALL_SECONDS = 20.0


class Tried(NamedTuple):
    """One file: its metrics on random latents, or what is wrong with it."""

    name: str
    metrics: Metrics
    problem: str | None
    seconds: float


def dry_run(files: Sequence[EvaluationFile], spec: SandboxSpec, level: GlassLevel) -> list[Tried]:
    """Return how each file does. Raises RunFailed if the glass cannot be started."""
    with (
        scratch_folder(None, "fumehood-evaluate-") as folder,
        Nursery(folder.resolve(), level=level, profile=EVALUATION) as nursery,
    ):
        return [_tried(file, spec, nursery, folder.resolve()) for file in files]


def _tried(file: EvaluationFile, spec: SandboxSpec, nursery: Nursery, folder: Path) -> Tried:
    path = folder / "given" / f"{file.name}.py"
    write_bytes(path, file.source)
    limits = limits_of(spec.limits)
    limits = limits.model_copy(update={"wall_seconds": min(limits.wall_seconds, WALL_SECONDS)})

    def new_folder() -> Path:
        return Path(tempfile.mkdtemp(dir=folder, prefix="run-"))

    runner = Runner(nursery, path, file.metrics, limits, new_folder)
    given = {"data": None, "given": None, "made_up": MADE_UP}
    try:
        metrics = runner.run(given)
        runner.compare_repeat(metrics, runner.run(given))
    except FumehoodError as error:
        return Tried(file.name, {}, str(error), runner.seconds)
    return Tried(file.name, metrics, None, runner.seconds)
