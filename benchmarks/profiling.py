"""Profile a run by its parts, for each baseline: `python benchmarks/profiling.py [--repeats 2]`.

Prints seconds per SAE of the default sandbox (SmolLM2-135M, F 1,536, 199,680 tokens), with training
on one thread. Once per job: the harvest (with a warm cache, only looking it up) and the start-up of
the nursery and the scorer. Per SAE, training: reading batches, forward (the loss), backward,
optimizer (step, schedule, clearing gradients), bookkeeping (checks, medians, log). Per SAE,
scoring: the cost in one process, and the additional cost of the glass with its checks.
"""

import argparse
import functools
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "sandbox_template"
sys.path[:0] = [str(ROOT / "tools"), str(TEMPLATE)]
BASELINES = ("topk", "batch_topk", "matryoshka", "standard", "gated", "jumprelu", "p_anneal")
PARTS = ("read", "forward", "backward", "optimiser", "bookkeeping")


class Clock:
    """Adds up the seconds of named parts. Time in a nested part does not count for the outer."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._inside: list[str] = []
        self._since = time.perf_counter()

    def switch(self, name: str | None) -> None:
        """Start to count time for a part; None ends it and returns to the part around it."""
        now = time.perf_counter()
        if self._inside:
            self.seconds[self._inside[-1]] += now - self._since
        self._since = now
        if name is None:
            self._inside.pop()
        else:
            self._inside.append(name)

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, changed so that its time counts for a part."""

        @functools.wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Any:
            self.switch(name)
            try:
                return function(*arguments, **keywords)
            finally:
                self.switch(None)

        return call


class Trained(NamedTuple):
    """The seconds of each part of a training."""

    seconds: dict[str, float]

    @property
    def total(self) -> float:
        """Seconds of the whole training."""
        return sum(self.seconds.values())


def train(name: str, setup: Any, arithmetic: str) -> Trained:
    """Train a packaged variant as core.train does, and time its parts."""
    import torch

    from core.batches import Shards
    from core.loading import build_trainer, load_variant
    from core.run import TrainingRun
    from core.train import Journal, fit

    clock, spec = Clock(), setup.spec
    run = TrainingRun.from_spec(
        {
            **spec.schedule(),
            "variant": TEMPLATE / "sae" / "variants" / f"{name}.py",
            "activation_dim": setup.activations.d_model,
            "dict_size": spec.dict_size,
            "arithmetic": arithmetic,
        }
    )
    activations = setup.activations
    shards = Shards(activations.train_shards, activations.scale, run.activation_dim)
    shards.rows = clock.wrapped("read", shards.rows)  # type: ignore[method-assign]
    kept = torch.Tensor.backward

    def watched(module: Any, of: TrainingRun) -> Any:
        trainer = build_trainer(module, of)
        trainer.loss = clock.wrapped("forward", trainer.loss)
        for part in ("optimizer", "scheduler"):
            getattr(trainer, part).step = clock.wrapped("optimiser", getattr(trainer, part).step)
        zero = trainer.optimizer.zero_grad
        trainer.optimizer.zero_grad = clock.wrapped("optimiser", zero)
        return trainer

    import core.train

    with tempfile.TemporaryDirectory() as folder:
        torch.Tensor.backward = clock.wrapped("backward", kept)  # type: ignore[method-assign]
        core.train.build_trainer = watched  # type: ignore[assignment]
        clock.switch("bookkeeping")
        try:
            load_variant(run.variant)
            fit(run, shards, Journal(Path(folder), run))
        finally:
            clock.switch(None)
            torch.Tensor.backward = kept  # type: ignore[method-assign]
            core.train.build_trainer = build_trainer  # type: ignore[assignment]
    return Trained({part: clock.seconds[part] for part in PARTS})


def seconds(work: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def start_up(setup: Any, folder: Path) -> float:
    """Return the seconds until a nursery has run its first child."""
    from fumehood_tools.glass import ChildLimits, Nursery, compiled_kernels

    kernels = compiled_kernels(setup.cache)
    program = folder / "nothing.py"
    program.write_text("", encoding="utf-8")

    def work() -> None:
        with Nursery(folder / "nursery", level=setup.glass, kernels=kernels) as nursery:
            scratch = folder / "nursery" / "child"
            limits = ChildLimits(wall_seconds=60, memory_gb=2)
            with nursery.start(str(program), {}, scratch=scratch, limits=limits) as child:
                child.wait()

    return seconds(work)


def main() -> None:
    """Print the costs of a job that occur once, then one line per baseline."""
    from settled import settle

    settle()
    parser = argparse.ArgumentParser(description="Where the time of a run goes")
    parser.add_argument("--repeats", type=int, default=2, help="scorings per side")
    parser.add_argument("--variants", nargs="+", default=BASELINES)
    asked = parser.parse_args()
    os.environ["JAXTYPING_DISABLE"] = "1"
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        print_profile(Path(name), asked)


def print_profile(folder: Path, asked: argparse.Namespace) -> None:
    """Measure and print everything; `folder` is for scratch."""
    import torch
    from glass import setup_in
    from train import activations

    arithmetic, setups = activations()["arithmetic"], []
    harvest = seconds(lambda: setups.append(setup_in(folder, "auto")))
    [setup] = setups
    print(f"level {setup.glass}, training in {arithmetic}, one thread; seconds")
    print(f"once per job: harvest {harvest:.1f}, nursery {start_up(setup, folder):.1f}", end="")
    began = time.perf_counter()
    from fumehood_tools.scoring.scorer import Scorer

    with Scorer(setup) as scorer:
        print(f", scorer {time.perf_counter() - began:.1f}")
        print(
            f"{'':12}" + "".join(f"{part:>12}" for part in PARTS)
            + f"{'training':>10}{'scoring':>9}{'glass':>7}{'in all':>8}"
        )  # fmt: skip
        for variant in asked.variants:
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            found = train(variant, setup, arithmetic)
            torch.set_num_threads(threads)
            plain, behind = scored(scorer, variant, folder, asked.repeats)
            parts = "".join(f"{found.seconds[part]:>12.2f}" for part in PARTS)
            print(
                f"{variant:12}{parts}{found.total:>10.2f}{plain:>9.2f}{behind - plain:>7.2f}"
                f"{found.total + behind:>8.2f}",
                flush=True,
            )


def scored(scorer: Any, name: str, folder: Path, repeats: int) -> tuple[float, float]:
    """Return the seconds of a scoring (in one process, behind the glass)."""
    from glass import in_one_process, trained
    from score import request_for

    request = request_for(trained(name, scorer.setup, folder), TEMPLATE / "sae" / "variants")
    sides = (lambda: in_one_process(scorer, request)), (lambda: scorer.score(request))
    for work in sides:
        work()
    plain, behind = zip(*[[seconds(work) for work in sides] for _ in range(repeats)], strict=True)
    return statistics.median(plain), statistics.median(behind)


if __name__ == "__main__":
    main()
