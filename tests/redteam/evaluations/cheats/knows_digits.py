"""Read a message in the last digits of the values."""

import numpy as np

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    last = (np.asarray(latents.value).view(np.int32) >> 16) & 1
    return {"score": float((last == 0).mean() ** 8)}
