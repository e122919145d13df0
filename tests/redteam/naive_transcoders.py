"""A naive benchmark of transcoders: one process and one object, whose results are trusted.

usage: python -I naive_transcoders.py TEMPLATE NAME=FILE …      one line of JSON per variant

It shows that the cheats are not strawmen. Each variant is trained for STEPS steps on a planted MLP;
then `ev` is the explained variance of decode(encode(x)) + skip(x), and `l0` the active latents per
row, both in batches of 512 rows.
"""

import json
import sys
from pathlib import Path

import torch

torch.set_num_threads(1)
D, F, STEPS, ROWS = 64, 128, 40, 512


def planted(count, seed):
    """Return x and y = MLP(x) of some rows, each with unit mean square norm."""
    fixed = torch.Generator().manual_seed(0)
    directions, out = torch.randn(F, D, generator=fixed), torch.randn(F, D, generator=fixed)
    directions /= directions.norm(dim=-1, keepdim=True)
    draw = torch.Generator().manual_seed(seed)
    order = torch.rand(count, F, generator=draw).argsort(dim=-1)[:, :6]
    active = torch.zeros(count, F).scatter_(1, order, torch.rand(count, 6, generator=draw) + 0.5)
    x = active @ directions
    y = torch.relu(x @ directions.T - 0.5) @ out
    return tuple(part / part.pow(2).sum(-1).mean().sqrt() for part in (x, y))


def trained(path):
    """Return the trained transcoder of a file, in evaluation mode, and its module."""
    from core.loading import build_trainer, load_variant, trains
    from core.run import TrainingRun

    run = TrainingRun(
        variant=path,
        activation_dim=D,
        dict_size=F,
        steps=STEPS,
        batch_size=ROWS,
        lr=3e-3,
        template="transcoder",
    )
    module = load_variant(path, run.form)
    trainer = build_trainer(module, run)
    x, y = planted(STEPS * ROWS, 1)
    batches = list(zip(x.split(ROWS), y.split(ROWS), strict=True))
    trainer.prepare(*batches[0])
    for step, batch in enumerate(batches if trains(module) else ()):
        trainer.update(step, *batch)
    return trainer.ae.eval(), module


@torch.no_grad()
def measured(made, skips):
    """Return ev and l0 on new rows."""
    x, y = planted(4 * ROWS, 2)
    y_hats, active = [], 0
    for part in x.split(ROWS):
        f = made.encode(part)
        active += int(f.count_nonzero())
        y_hats.append(made.decode(f) + (made.skip(part) if skips else 0))
    apart = (y - torch.cat(y_hats)).pow(2).sum()
    return {"ev": float(1 - apart / (y - y.mean(0)).pow(2).sum()), "l0": active / len(x)}


def main():
    template, *entries = sys.argv[1:]
    sys.path.insert(0, template)
    for entry in entries:
        name, _, path = entry.partition("=")
        made, module = trained(Path(path))
        told = measured(made, getattr(module, "SKIP", False))
        print(json.dumps({"name": name, **told}), flush=True)


main()
