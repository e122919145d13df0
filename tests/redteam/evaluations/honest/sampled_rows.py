"""Looks at some random rows, drawn from the seed that all SAEs share."""

import numpy as np

METRICS = {"overlap": {"title": "overlap", "better": "lower", "smallest_effect": 0.02}}


def evaluate(latents, context):
    draw = np.random.default_rng(context.seed)
    pairs = draw.integers(0, latents.rows, (300, 2))
    active = latents.csr() > 0
    both = active[pairs[:, 0]].multiply(active[pairs[:, 1]]).sum(1)
    either = (active[pairs[:, 0]] + active[pairs[:, 1]]).sum(1)
    return {"overlap": float(np.mean(both / np.maximum(either, 1)))}
