"""Train a packaged variant briefly and measure how long its whole training would take.

The program `fumehood_child.reference`. Its spec has the keys of a training's spec.json and
{"seconds"}, approximately how much processor time it may use. It first takes FEW steps to see how
many more there is time for. It then trains with a schedule of that many steps, in which every phase
of the real schedule (warm-up, loss of dead latents, learning-rate decay) has its proportional
share. It uses the same training code as every other run.

Writes reference.json {"start", "step", "steps"} into its working folder: seconds until the end of
the first step, seconds per later step, and the number of steps of the second schedule. Seconds are
processor time of all threads; with CUDA, where the processor mostly waits, wall clock.

Only packaged files run here, so this process can be trusted to report its own times.
"""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

FEW = 4


def main(spec: dict[str, Any]) -> int:
    """Measure the training that `spec` describes (see the module's docstring)."""
    import torch

    from core.batches import TrainingData
    from core.run import TrainingRun
    from core.stubs import postpone_compiler
    from core.train import Journal, fit

    class Stopwatch(Journal):
        """A training journal that also records the time after every step."""

        def note(self, step: int, loss: float | None) -> None:
            """Record a finished step and its time."""
            super().note(step, loss)
            times.append(now(run.device))

    postpone_compiler()
    torch.set_num_threads(int(spec["threads"]))
    run = TrainingRun.from_spec(spec)
    born = now(run.device) if run.device == "cuda" else 0.0
    data = TrainingData.of(spec, run.activation_dim)

    def seconds_of(steps: int) -> tuple[float, float]:
        """Train `steps` steps; return seconds until the first one ended, and per later step."""
        times.clear()
        shorter = dataclasses.replace(run, **shrunk(spec, steps))
        fit(shorter, data, Stopwatch(Path.cwd(), shorter))
        return times[0] - born, (times[-1] - times[0]) / max(1, steps - 1)

    times: list[float] = []
    steps = min(FEW, run.steps)
    start, step = seconds_of(steps)
    more = min(run.steps, int((spec["seconds"] - times[-1] + born) / max(step, 1e-6)))
    if more > steps:
        steps = more
        _, step = seconds_of(steps)
    found = {"start": start, "step": step, "steps": steps}
    Path("reference.json").write_text(json.dumps(found), encoding="utf-8")
    return 0


def now(device: str) -> float:
    """Return processor seconds of this process, or wall-clock seconds with CUDA."""
    if device != "cuda":
        return time.process_time()
    import torch

    torch.cuda.synchronize()
    return time.monotonic()


def shrunk(spec: dict[str, Any], steps: int) -> dict[str, Any]:
    """Return a schedule of `steps` steps whose phases have the same shares as in the spec."""
    share = steps / max(1, int(spec["steps"]))
    phases = ("warmup_steps", "sparsity_warmup_steps", "decay_start")
    return {"steps": steps, **{name: round(share * int(spec[name])) for name in phases}}
