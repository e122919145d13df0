"""Use more memory than allowed."""

import numpy as np

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    held = []
    while True:
        held.append(np.ones(1 << 24))
