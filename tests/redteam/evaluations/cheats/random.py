"""Return another number each time, from the system."""

import os

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    return {"score": int.from_bytes(os.urandom(2), "big") / 65535}
