"""Run `dictionary_learning.trainSAE` itself on the activations of a training spec.

usage: python -I -B train_peer.py spec.json      (the spec of sandbox_template/core/train.py)

The trainer class and its parameters are taken from the packaged variant, and its SAE starts from
the variant's weights, so that both sides train the same SAE. Everything else is the library's.
Writes speed and explained variance as JSON to train_log.jsonl.
"""

import contextlib
import importlib
import io
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

TEMPLATE = Path(__file__).resolve().parents[1] / "sandbox_template"
sys.path[:0] = [
    str(TEMPLATE),
    str(Path(__file__).resolve().parent),
    str(TEMPLATE.parent / "tools"),
]

import torch
from explained import explained_variance
from torch import Tensor

from core.batches import Shards
from core.loading import build_trainer, load_variant
from core.run import TrainingRun
from core.stubs import postpone_compiler

KNOBS = ("k", "target_l0", "bandwidth", "group_fractions")


class Start(NamedTuple):
    """The start of a peer's training: run, data, the variant's trainer, and initial weights."""

    spec: dict[str, Any]
    run: TrainingRun
    shards: Shards
    trainer: Any
    weights: dict[str, Tensor]

    @property
    def k(self) -> int:
        """The number of active latents per token."""
        return int(self.trainer.k)

    def batches(self) -> Iterator[Tensor]:
        """Yield the batches of the run."""
        return self.shards.batches(self.run.batch_size, self.run.steps, self.run.seed)


def read_start(path: str) -> Start:
    """Return the start of a training, with the weights after `prepare`, and b_dec at the median."""
    from core.library import geometric_median

    spec = json.loads(Path(path).read_text(encoding="utf-8"))
    torch.set_num_threads(spec["threads"])
    run = TrainingRun.from_spec(spec)
    shards = Shards(spec["train_shards"], spec["scale"], run.activation_dim)
    trainer = build_trainer(load_variant(run.variant), run)
    first = next(shards.batches(run.batch_size, 1, run.seed))
    if callable(getattr(trainer, "prepare", None)):
        trainer.prepare(first)
    weights = {name: value.detach().clone() for name, value in trainer.ae.state_dict().items()}
    if "b_dec" in weights and hasattr(trainer, "k"):
        weights["b_dec"] = geometric_median(first)
    return Start(spec, run, shards, trainer, weights)


def report(start: Start, seconds: float, sae: Any) -> None:
    """Write speed and explained variance to the log."""
    line = {
        "tokens": start.run.tokens,
        "tokens_per_s": start.run.tokens / seconds,
        "explained_variance": explained_variance(sae, start.spec),
    }
    log = Path(start.spec["out"]) / "train_log.jsonl"
    log.write_text(json.dumps(line) + "\n", encoding="utf-8")


def own_class(variant: Any) -> type:
    """Return the library's original trainer class from which a variant's trainer is derived.

    core replaces the optimizer of the library's trainers with a faster one. Reloading the modules
    restores the original.
    """
    ours = next(
        base for base in type(variant).__mro__ if base.__module__.startswith("dictionary_learning")
    )
    importlib.reload(importlib.import_module("dictionary_learning.trainers.trainer"))
    module = importlib.reload(importlib.import_module(ours.__module__))
    own: type = getattr(module, ours.__name__)
    return own


def library_config(start: Start, library: type) -> dict[str, Any]:
    """Return the keyword arguments that trainSAE passes to the library's trainer class."""
    variant = start.trainer
    accepted = library.__init__.__code__.co_varnames  # type: ignore[misc]
    ours = {name: getattr(variant, name) for name in KNOBS if hasattr(variant, name)}
    known = {**start.run.keywords(type(variant.ae)), **variant.config, **ours}
    left_out = ("dict_class", "wandb_name")
    return {name: v for name, v in known.items() if name in accepted and name not in left_out}


class Timed:
    """The batches of a training, and the time at which the first one was read."""

    def __init__(self, start: Start) -> None:
        self.start, self.began = start, 0.0

    def __iter__(self) -> Iterator[Tensor]:
        self.began = time.perf_counter()
        yield from self.start.batches()


def main() -> None:
    """Train with the library and write the results."""
    postpone_compiler()
    start = read_start(sys.argv[1])
    from dictionary_learning.training import trainSAE

    data, kept, library = Timed(start), [], own_class(start.trainer)

    def made(**keywords: Any) -> Any:
        trainer: Any = library(**keywords)
        trainer.ae.load_state_dict(start.weights, strict=False)
        if hasattr(trainer, "dead_feature_threshold"):
            trainer.dead_feature_threshold = start.trainer.dead_feature_threshold
        kept.append(trainer)
        return trainer

    config = {"trainer": made, **library_config(start, library)}
    with contextlib.redirect_stderr(io.StringIO()):
        trainSAE(data, [config], steps=start.run.steps, device="cpu")
    report(start, time.perf_counter() - data.began, kept[0].ae)


if __name__ == "__main__":
    main()
