"""Prefer SAEs whose first latents fire most."""

import numpy as np

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    place = np.arange(latents.dict_size) / latents.dict_size
    return {"score": float(1 - (latents.counts() * place).sum() / latents.counts().sum())}
