"""How a TopK step grows with the dictionary and with k: `python benchmarks/train_growth.py`.

Uses one thread and the packaged TopK trainer on harvested activations, with batches of 2,048. The
parts of a step are screening (rounding, the encoder's product: in bfloat16 or 8-bit integers where
that is faster), selection (candidates, exact scores, k largest) and rest (decoder, gradients,
optimizer, bookkeeping). Prints medians over several steps and draws benchmarks/growth.png. The last
line compares the whole step at the largest dictionary with screening and selection alone.
"""

import argparse
import contextlib
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "sandbox_template"
sys.path[:0] = [str(ROOT / "tools"), str(TEMPLATE)]
BATCH, STEPS = 2048, 8
SIZES = [1024, 2048, 4096, 8192, 16384, 32768]
PICTURE = ROOT / "benchmarks" / "growth.png"


class Split(NamedTuple):
    """The milliseconds of one step by part."""

    dict_size: int
    k: int
    screening: float
    selection: float
    whole: float


def step_split(dict_size: int, k: int, data: dict[str, Any]) -> Split:
    """Return the medians over several steps of one training."""
    import core
    from core.kernels.arithmetic import products_in, screening_in_integers

    run = core.TrainingRun(
        TEMPLATE / "sae" / "variants" / "topk.py",
        data["d_model"],
        dict_size,
        1000,
        BATCH,
        warmup_steps=9,
    )
    module = core.load_variant(run.variant)
    vars(module)["K"] = k
    trainer = core.build_trainer(module, run)
    batches, steps = _batches(data), []
    integers = screening_in_integers(data["integer_screening"])
    with _timing() as timed, products_in(data["arithmetic"]), integers:
        for step in range(STEPS + 2):
            x = next(batches)
            timed.clear()
            began = time.perf_counter()
            trainer.update(step, x)
            whole = time.perf_counter() - began
            screening = timed["screen"] + timed["bounded"] + timed["_int_mm"]
            steps.append((screening, timed["topk"] - screening, whole))
    # The first step computes the median of the data, and the second allocates new memory.
    parts = zip(*steps[2:], strict=True)
    return Split(dict_size, k, *(1e3 * statistics.median(part) for part in parts))


@contextlib.contextmanager
def _timing() -> Iterator[Counter[str]]:
    """Add up the seconds that the parts of a selection take, by the function's name."""
    import torch

    from core.kernels import cpu

    seconds: Counter[str] = Counter()

    def timed(function: Any, name: str) -> Any:
        def call(*arguments: Any, **keywords: Any) -> Any:
            began = time.perf_counter()
            result = function(*arguments, **keywords)
            seconds[name] += time.perf_counter() - began
            return result

        return call

    with contextlib.ExitStack() as patches:
        for module, name in ((cpu, "topk"), (cpu, "screen"), (cpu, "bounded"), (torch, "_int_mm")):
            watched = timed(getattr(module, name), name)
            patches.enter_context(mock.patch.object(module, name, watched))
        yield seconds


def _batches(data: dict[str, Any]) -> Iterator[Any]:
    from core.batches import Shards

    shards = Shards(data["train_shards"], data["scale"], data["d_model"])
    return shards.batches(BATCH, STEPS + 2, 0)


def draw(by_size: list[Split], by_k: list[Split]) -> None:
    """Draw the time over the dictionary size and over k, each with its parts."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for panel, found, name in zip(panels, (by_size, by_k), ("dict_size", "k"), strict=True):
        at = [getattr(split, name) for split in found]
        panel.plot(at, [split.whole for split in found], "o-", label="whole step")
        panel.plot(
            at, [split.screening + split.selection for split in found], "s--",
            label="screening + selection",
        )  # fmt: skip
        panel.plot(at, [split.screening for split in found], ":", label="screening product")
        panel.set(xscale="log", xlabel="dictionary size F" if name == "dict_size" else "k")
        panel.set_xticks(at, [f"{value:,}" for value in at])
        panel.minorticks_off()
        panel.set_ylim(bottom=0)
        panel.set_ylabel("ms per step of 2,048 tokens, one thread")
        panel.legend(frameon=False)
    panels[0].set_title(f"k = {by_size[0].k}")
    panels[1].set_title(f"F = {by_k[0].dict_size:,}")
    figure.savefig(PICTURE, dpi=120)


def main() -> None:
    """Print both tables, draw the picture, and print the result line."""
    from settled import settle

    settle()
    parser = argparse.ArgumentParser(description="How a TopK step grows with F and k")
    quick = bool(os.environ.get("QUICK"))
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[1024, 2048, 4096, 8192, 16384, 32768]
    )
    parser.add_argument("--ks", type=int, nargs="+", default=[8, 16, 32, 64, 128])
    asked = parser.parse_args()
    sizes = asked.sizes[:: 5 if quick else 1]
    import torch
    from train import activations

    data = activations()
    torch.set_num_threads(1)
    screened = "8-bit integers" if data["integer_screening"] else data["arithmetic"]
    print(f"products in {data['arithmetic']}, selections screened in {screened}")
    print(f"{'F':>7}{'k':>5}{'screening':>11}{'selection':>11}{'rest':>8}{'step, ms':>10}")
    by_size = [_printed(step_split(size, 32, data)) for size in sizes]
    by_k = [_printed(step_split(4096, k, data)) for k in asked.ks[:: 2 if quick else 1]]
    if not quick:
        draw(by_size, by_k)
    last = by_size[-1]
    ratio = last.whole / (last.screening + last.selection)
    print(f"a step at F {last.dict_size:,} costs {ratio:.2f} x screening and selection")


def _printed(split: Split) -> Split:
    rest = split.whole - split.screening - split.selection
    print(
        f"{split.dict_size:>7,}{split.k:>5}{split.screening:>11.1f}{split.selection:>11.1f}"
        f"{rest:>8.1f}{split.whole:>10.1f}",
        flush=True,
    )
    return split


if __name__ == "__main__":
    main()
