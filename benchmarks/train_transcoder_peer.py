"""Run sparsify's SparseCoder as a transcoder on the activations and targets of a training spec.

usage: python -I -B train_transcoder_peer.py spec.json FOLDER-WITH-SPARSIFY

It starts from the weights of our TopK transcoder and uses the same schedule, Adam and batches; its
loss is sparsify's own. Writes speed and explained variance as JSON to train_log.jsonl. With `ours`
instead of a folder it only computes the explained variance of the weights in the spec's `out`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parents[1] / "sandbox_template"
sys.path[:0] = [str(TEMPLATE)]

import numpy as np
import torch
from torch import Tensor

from core.batches import TrainingData
from core.loading import build_trainer, load_variant
from core.run import TrainingRun


def main() -> None:
    """Train with sparsify, or evaluate what we have trained."""
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(spec["threads"])
    run = TrainingRun.from_spec(spec)
    trainer = build_trainer(load_variant(run.variant, run.form), run)
    log = Path(spec["out"]) / "train_log.jsonl"
    if sys.argv[2] == "ours":
        own = type(trainer.ae).from_pretrained(Path(spec["out"]) / run.form.weights_file)
        print(explained(own, spec))
        return
    sys.path.append(sys.argv[2])
    data = TrainingData.of(spec, run.activation_dim)
    trainer.prepare(*next(data.batches(run.batch_size, 1, run.seed)))
    coder, step = sparsify(run, trainer)
    began = time.perf_counter()
    for x, y in data.batches(run.batch_size, run.steps, run.seed):
        step(x, y)
    rate = run.tokens / (time.perf_counter() - began)
    found = explained(lambda x: coder(x, x).sae_out, spec)
    line = {"tokens_per_s": rate, "explained_variance": found}
    log.write_text(json.dumps(line) + "\n", encoding="utf-8")


def sparsify(run: TrainingRun, trainer: Any) -> tuple[Any, Any]:
    """Return a SparseCoder with the trainer's weights, and a function that does one step."""
    from dictionary_learning.trainers.trainer import get_lr_schedule
    from sparsify import SparseCoder, TranscoderConfig

    k, ours = int(trainer.ae.k), trainer.ae
    coder = SparseCoder(run.activation_dim, TranscoderConfig(num_latents=run.dict_size, k=k))
    with torch.no_grad():
        coder.encoder.weight.copy_(ours.encoder.weight)
        coder.encoder.bias.copy_(ours.encoder.bias)
        coder.W_dec.copy_(ours.decoder.weight.T)
        coder.b_dec.copy_(ours.decoder.bias)
    keywords = run.keywords(type(coder))
    adam = torch.optim.Adam(coder.parameters(), lr=run.lr)
    rate = get_lr_schedule(run.steps, keywords["warmup_steps"], keywords["decay_start"])
    scheduler = torch.optim.lr_scheduler.LambdaLR(adam, rate)

    def step(x: Tensor, y: Tensor) -> None:
        out = coder(x, y)
        (out.fvu + out.auxk_loss / 32).backward()
        adam.step()
        adam.zero_grad()
        scheduler.step()

    return coder, step


@torch.no_grad()
def explained(predict: Any, spec: dict[str, Any]) -> float:
    """Return the explained variance of y on the evaluation shards."""
    wrong, sums, squares, rows = 0.0, 0.0, 0.0, 0
    for first, second in zip(spec["eval_shards"], spec["eval_target_shards"], strict=True):
        x = torch.from_numpy(np.load(first).astype(np.float32)) / spec["scale"]
        y = torch.from_numpy(np.load(second).astype(np.float32)) / spec["target_scale"]
        wrong += float((y - predict(x)).pow(2).sum())
        sums, squares = sums + y.sum(dim=0), squares + float(y.pow(2).sum())
        rows += len(y)
    return 1 - wrong / (squares - float((sums / rows).pow(2).sum()) * rows)


main()
