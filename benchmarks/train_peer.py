"""`dictionary_learning.trainSAE` itself on the activations of a training spec.

usage: python -I -B train_peer.py spec.json      (the spec of sandbox_template/sae/core/train.py)

The trainer class and its knobs are read off the packaged variant, so that both sides train the
same SAE; everything else is the library's. Appends its speed and what it explains, as JSON, to
train_log.jsonl.
"""

import contextlib
import io
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parents[1] / "sandbox_template" / "sae"
sys.path[:0] = [str(TEMPLATE), str(Path(__file__).resolve().parent)]

from core.stubs import postpone_compiler, stub_unused

postpone_compiler()
stub_unused()

import torch
from dictionary_learning.training import trainSAE
from explained import explained_variance
from torch import Tensor

from core.batches import Shards
from core.loading import build_trainer, load_variant
from core.run import TrainingRun

KNOBS = ("k", "target_l0", "sparsity_penalty", "bandwidth", "group_fractions")


class Timed:
    """The batches of a training, with the time from the first one to the end."""

    def __init__(self, shards: Shards, run: TrainingRun) -> None:
        self.shards, self.run = shards, run
        self.started = 0.0

    def __iter__(self) -> Iterator[Tensor]:
        self.started = time.perf_counter()
        yield from self.shards.batches(self.run.batch_size, self.run.steps, self.run.seed)


def library_config(run: TrainingRun) -> dict[str, Any]:
    """Return the trainer's config for trainSAE: the library's class, the variant's knobs."""
    variant = build_trainer(load_variant(run.variant), run)
    library = next(
        base for base in type(variant).__mro__ if base.__module__.startswith("dictionary_learning")
    )
    config: dict[str, Any] = {"trainer": library}
    accepted = library.__init__.__code__.co_varnames  # type: ignore[misc]
    ours = {name: getattr(variant, name) for name in KNOBS if hasattr(variant, name)}
    known = {**run.keywords(type(variant.ae)), **variant.config, **ours}
    left_out = ("dict_class", "wandb_name")
    return config | {n: v for n, v in known.items() if n in accepted and n not in left_out}


def main() -> None:
    """Train with the library and write what the benchmark compares."""
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    out = Path(spec["out"])
    torch.set_num_threads(spec["threads"])
    run = TrainingRun.from_spec(spec)
    data = Timed(Shards(spec["train_shards"], spec["scale"], run.activation_dim), run)
    kept: list[Any] = []
    config = library_config(run)
    library = config["trainer"]

    def remember(**keywords: Any) -> Any:
        kept.append(library(**keywords))
        return kept[0]

    config["trainer"] = remember
    with contextlib.redirect_stderr(io.StringIO()):
        trainSAE(data, [config], steps=run.steps, device="cpu")
    seconds = time.perf_counter() - data.started
    line = {
        "tokens": run.tokens,
        "tokens_per_s": run.tokens / seconds,
        "explained_variance": explained_variance(kept[0].ae, spec),
    }
    (out / "train_log.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")


main()
