"""Train a packaged variant for a moment and say what its whole training would cost.

The program `fumehood_child.reference`. Its spec: the keys of a training's spec.json and
{"seconds"}: about how much processor time it may use. First it takes FEW steps, which tell how many
more there is time for; then it trains with a schedule of so many steps, in which every phase of the
real one (warm-up, the loss of dead latents, the falling rate) has its share. All by the code that
trains everything else. Writes into its working folder reference.json {"start", "step", "steps"}:
seconds until the first step has ended, seconds of a later one, and how many of those were taken.
Seconds are processor time of all threads; on CUDA, where the processor only waits, wall clock.

Only packaged files run here, so what this process says of itself can be believed.
"""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

FEW = 4


def main(spec: dict[str, Any]) -> int:
    """Measure what spec describes."""
    import torch

    from core.batches import Shards
    from core.run import TrainingRun
    from core.stubs import postpone_compiler
    from core.train import Journal, fit

    class Stopwatch(Journal):
        """A training's journal that also looks at the clock after every step."""

        def note(self, step: int, loss: float | None) -> None:
            """Note a finished step."""
            super().note(step, loss)
            times.append(now(run.device))

    postpone_compiler()
    torch.set_num_threads(int(spec["threads"]))
    run = TrainingRun.from_spec(spec)
    born = now(run.device) if run.device == "cuda" else 0.0
    shards = Shards(spec["train_shards"], float(spec["scale"]), run.activation_dim)

    def seconds_of(steps: int) -> tuple[float, float]:
        """Return when the first of so many steps ended, and the seconds of a later one."""
        times.clear()
        shorter = dataclasses.replace(run, **shrunk(spec, steps))
        fit(shorter, shards, Stopwatch(Path.cwd(), shorter))
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
    """Return processor seconds of this process; on CUDA seconds of the clock on the wall."""
    if device != "cuda":
        return time.process_time()
    import torch

    torch.cuda.synchronize()
    return time.monotonic()


def shrunk(spec: dict[str, Any], steps: int) -> dict[str, Any]:
    """Return a schedule of so many steps with the phases of the spec's own."""
    share = steps / max(1, int(spec["steps"]))
    phases = ("warmup_steps", "sparsity_warmup_steps", "decay_start")
    return {"steps": steps, **{name: round(share * int(spec[name])) for name in phases}}
