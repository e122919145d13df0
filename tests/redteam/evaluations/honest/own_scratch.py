"""Uses a temporary file of its own, and reads it back."""

import tempfile

import numpy as np

METRICS = {"active": {"title": "active", "better": "none"}}


def evaluate(latents, context):
    with tempfile.TemporaryFile() as file:
        np.save(file, latents.counts())
        file.seek(0)
        counts = np.load(file)
    return {"active": counts.sum() / latents.rows}
