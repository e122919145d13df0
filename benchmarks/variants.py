"""Cost of a training step of every variant relative to Standard: `python benchmarks/variants.py`.

Uses one thread, F 4,096, batch 1,024 and harvested activations, for the packaged variants and those
in examples/. Steps of a variant and of Standard alternate, so that both see the same load. Times
are CPU seconds of this process, so that other processes are not counted. ms: median of a step;
ratio: median over pairs of adjacent steps. Takes 2 to 6 minutes for 33 files. QUICK=1 runs a third
of the steps. The last line is the result.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "sandbox_template"
sys.path[:0] = [str(ROOT / "tools"), str(TEMPLATE)]
FOLDERS = (TEMPLATE / "sae" / "variants", ROOT / "examples" / "variants")
STANDARD = TEMPLATE / "sae" / "variants" / "standard.py"
DICT_SIZE, BATCH = 4096, 1024
# The first step computes the median of the data, and the next ones allocate new memory.
UNCOUNTED = 3
MOST_TIMES_STANDARD = 3.0


class Cost(NamedTuple):
    """A step of one variant: CPU milliseconds, and the ratio to a step of Standard."""

    ms: float
    ratio: float


class Contender:
    """A variant in the middle of its training."""

    def __init__(self, path: Path, data: dict[str, Any], steps: int) -> None:
        import core
        from core.batches import Shards
        from core.loading import arithmetic_of

        run = core.TrainingRun(
            path, data["d_model"], DICT_SIZE, 10 * steps, BATCH,
            warmup_steps=1, sparsity_warmup_steps=1, arithmetic=data["arithmetic"],
        )  # fmt: skip
        module = core.load_variant(path)
        self.trainer, self.arithmetic = core.build_trainer(module, run), arithmetic_of(module, run)
        shards = Shards(data["train_shards"], data["scale"], data["d_model"])
        self.batches: Iterator[Any] = shards.batches(BATCH, steps, 0)
        self.step = 0

    def take_step(self) -> float:
        """Do one step; return its CPU seconds."""
        from core.kernels.arithmetic import products_in

        x = next(self.batches)
        prepare = getattr(self.trainer, "prepare", None)
        if self.step == 0 and prepare is not None:
            prepare(x)
        with products_in(self.arithmetic):
            began = time.process_time()
            self.trainer.update(self.step, x)
            took = time.process_time() - began
        self.step += 1
        return took


def cost_of(path: Path, data: dict[str, Any], steps: int) -> Cost:
    """Return the cost of a variant's step, measured alternately with Standard's."""
    variant, standard = (Contender(one, data, steps) for one in (path, STANDARD))
    pairs = [(variant.take_step(), standard.take_step()) for _ in range(steps)][UNCOUNTED:]
    return Cost(
        1e3 * statistics.median(mine for mine, _ in pairs),
        statistics.median(mine / theirs for mine, theirs in pairs),
    )


def trained_variants() -> list[Path]:
    """Return the paths of all variants that are trained."""
    import core
    from core.loading import trains

    paths = [path for folder in FOLDERS for path in sorted(folder.glob("*.py"))]
    return [path for path in paths if trains(core.load_variant(path))]


def main() -> None:
    """Print the table and the result line."""
    from settled import settle

    settle()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=6 if os.environ.get("QUICK") else 18)
    parser.add_argument("--variants", nargs="+", help="names (default: all)")
    asked = parser.parse_args()
    import torch
    from train import activations

    data = activations()
    torch.set_num_threads(1)
    known = {path.stem: path for path in trained_variants()}
    if unknown := sorted(set(asked.variants or ()) - known.keys()):
        parser.error(f"no variant {', '.join(unknown)}; there are {', '.join(known)}")
    print(
        f"D {data['d_model']}, F {DICT_SIZE}, batch {BATCH}, 1 thread, {data['arithmetic']}, "
        f"{asked.steps} steps each"
    )
    print(f"{'variant':30}{'ms per step':>12}{'x standard':>12}")
    found = {}
    for name in asked.variants or known:
        found[name] = cost = cost_of(known[name], data, UNCOUNTED + asked.steps)
        print(f"{name:30}{cost.ms:>12.1f}{cost.ratio:>12.2f}", flush=True)
    print(result(found))


def result(found: dict[str, Cost]) -> str:
    """Return the last line: the most expensive variant, and the number above the limit."""
    dearest = max(found, key=lambda name: found[name].ratio)
    above = sum(cost.ratio > MOST_TIMES_STANDARD for cost in found.values())
    return (
        f"{len(found)} variants, {above} above {MOST_TIMES_STANDARD:.0f} x standard; "
        f"dearest: {dearest}, {found[dearest].ratio:.2f} x"
    )


if __name__ == "__main__":
    main()
