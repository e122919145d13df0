"""Remember earlier calls in modules and objects of the process."""

import sys

import numpy as np

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    calls = getattr(np, "calls", 0)
    np.calls = calls + 1
    seen = sys.modules.setdefault("TAG_seen", type(sys)("TAG_seen"))
    seen.count = getattr(seen, "count", 0) + 1
    return {"score": float(calls > 0 or seen.count > 1)}
