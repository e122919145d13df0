"""A naive benchmark: one process and one object, whose results are trusted.

usage: python -I naive_bench.py TEMPLATE WORK NAME=FILE …      one line of JSON per variant

It shows that the cheats are not strawmen, because here they reach their goal. For each variant, in
a separate fork, it prints the explained variance and L0 of `decode(encode(x))` (`ev`, `l0`;
`train_l0` in training mode), the L1 as a plain sum (`l1`), the explained variance of `forward`
(`forward_ev`), that of an honest TopK built after the variant was imported (`rival_ev`), and the L0
while `ev` was measured (`true_l0`).
"""

import json
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

torch.set_num_threads(1)
D, F, ROWS, SMALL, LARGE = 64, 128, 2048, 32, 512
METRICS = "sae_bench.evals.core.main"


def activations(seed):
    """Return [ROWS, D]: sums of six of 128 known directions, with unit mean square norm."""
    draw = torch.Generator().manual_seed(seed)
    directions = torch.randn(128, D, generator=torch.Generator().manual_seed(0))
    directions /= directions.norm(dim=-1, keepdim=True)
    order = torch.rand(ROWS, 128, generator=draw).argsort(dim=-1)[:, :6]
    active = torch.zeros(ROWS, 128).scatter_(1, order, torch.rand(ROWS, 6, generator=draw) + 0.5)
    x = active @ directions
    return x / x.pow(2).sum(-1).mean().sqrt()


def get_sparsity_and_variance_metrics(x, x_hat, l0):
    """Return the metrics. Has the name of sae-bench's function, which some cheats replace."""
    total = (x - x.mean(0)).pow(2).sum()
    explained = float(1 - (x - x_hat).pow(2).sum() / total)
    return {"explained_variance": explained, "l0": float(l0)}, {}


def measure(sae, x):
    """Return ev, l0, l1, true_l0: the L0 from batches of 32 rows, the rest from batches of 512."""
    module = sys.modules[METRICS]
    l0 = torch.cat([(sae.encode(part) != 0).float().sum(-1) for part in x.split(SMALL)]).mean()
    x_hats, sums, counts = [], [], []
    for part in x.split(LARGE):
        f = sae.encode(part)
        x_hat = sae.decode(f)
        x_hats.append(x_hat + sae.skip(part) if hasattr(sae, "skip") else x_hat)
        sums.append(f.real.sum(-1))
        counts.append(f.count_nonzero() / len(part))
    whole = torch.cat(x_hats) if isinstance(x_hats[0], torch.Tensor) else x_hats[0]
    if len(whole.shape) == 1 or not isinstance(whole, torch.Tensor):
        x = part
    metrics, _ = module.get_sparsity_and_variance_metrics(x, whole, l0)
    return {
        "ev": metrics["explained_variance"],
        "l0": metrics["l0"],
        "l1": torch.cat(sums).mean().item(),
        "true_l0": torch.stack(counts).mean().item(),
    }


def rival_ev(x):
    """Return the explained variance of dictionary_learning's TopK with a perfect dictionary."""
    from dictionary_learning.trainers.top_k import AutoEncoderTopK

    rival = AutoEncoderTopK(D, F, 64)
    rival.encoder.weight.data[:D] = torch.eye(D)
    rival.encoder.weight.data[D : 2 * D] = -torch.eye(D)
    rival.encoder.weight.data[2 * D :] = 0
    rival.decoder.weight.data = rival.encoder.weight.data.T.clone()
    rival.encoder.bias.data.zero_()
    rival.b_dec.data.zero_()
    return (1 - (x - rival.decode(rival.encode(x))).pow(2).sum() / x.pow(2).sum()).item()


@torch.no_grad()
def judge(path):
    """Return the naive metrics of one variant."""
    from core.loading import TRAINER_CLASS, build_sae, load_variant

    module = ModuleType(METRICS)
    module.get_sparsity_and_variance_metrics = get_sparsity_and_variance_metrics
    sys.modules[METRICS] = module
    torch.manual_seed(0)
    variant = load_variant(path)
    sae = build_sae(variant, D, F)
    trainer = getattr(variant, TRAINER_CLASS, None)
    if hasattr(trainer, "prepare"):
        stand_in = trainer.__new__(trainer)
        stand_in.ae = sae
        stand_in.prepare(activations(1)[:1024])
    x = activations(2)
    numbers = {"train_l0": (sae.encode(x) != 0).float().sum(-1).mean().item()}
    sae = build_sae(variant, D, F) if not hasattr(trainer, "prepare") else sae
    sae.eval()
    numbers |= measure(sae, x)
    forward = 1 - (x - sae(x)).pow(2).sum() / x.pow(2).sum()
    return numbers | {"forward_ev": forward.item(), "rival_ev": rival_ev(x)}


def main():
    """Judge every variant in a separate fork, so that its patches do not affect the next one."""
    template, work, *variants = sys.argv[1:]
    sys.path.insert(0, template)
    import core.loading  # noqa: F401

    np.save(Path(work, "cache", "eval-0.npy"), activations(2).numpy())
    os.chdir(work)
    for entry in variants:
        name, _, path = entry.partition("=")
        child = os.fork()
        if child == 0:
            try:
                print(json.dumps({"name": name, **judge(Path(path))}), flush=True)
            except BaseException as error:  # noqa: BLE001  (the variant may raise anything)
                print(json.dumps({"name": name, "error": repr(error)[:300]}), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
