"""Train a packaged variant for a moment and say what a step of it costs in processor time.

The program `inside.reference`. Its spec: the keys of a training's spec.json and {"seconds"}: the
processor time after which it stops. It takes the first steps of the whole training, by the code
that trains everything else. Writes into its working folder reference.json {"start", "step",
"steps"}: processor seconds before the first step has ended, seconds of a later one (all threads),
and how many of those were taken. What comes after the last step (writing the weights) is left out.

Only packaged files run here, so what this process says of itself can be believed.
"""

import json
import time
from pathlib import Path
from typing import Any


class Enough(Exception):
    """The processor time is spent: the training ends here."""


class Stopwatch:
    """Stands where a training keeps its journal, and looks at the clock after every step."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.times: list[float] = []

    def note(self, step: int, loss: float | None) -> None:
        """Note a finished step. Raises Enough when the time is spent."""
        self.times.append(time.process_time())
        if self.times[-1] > self.seconds and len(self.times) > 1:
            raise Enough

    def finish(self) -> None:
        """Do nothing: nobody waits for a file."""


def main(spec: dict[str, Any]) -> int:
    """Measure what spec describes."""
    import torch

    from core.batches import Shards
    from core.run import TrainingRun
    from core.stubs import postpone_compiler
    from core.train import fit

    postpone_compiler()
    torch.set_num_threads(int(spec["threads"]))
    run = TrainingRun.from_spec(spec)
    shards = Shards(spec["train_shards"], float(spec["scale"]), run.activation_dim)
    watch = Stopwatch(float(spec["seconds"]))
    try:
        fit(run, shards, watch)
    except Enough:
        pass
    first, last, steps = watch.times[0], watch.times[-1], len(watch.times) - 1
    found = {"start": first, "step": (last - first) / max(1, steps), "steps": steps}
    Path("reference.json").write_text(json.dumps(found), encoding="utf-8")
    return 0
