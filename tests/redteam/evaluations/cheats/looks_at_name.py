"""Prefer the variant with a certain name, wherever it may be written."""

import gc
import os
import sys
from pathlib import Path

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    said = [__file__, latents.value.filename, os.getcwd(), " ".join(sys.argv), repr(vars(context))]
    said += list(sys.path)
    said += [repr(one)[:2000] for one in gc.get_objects() if isinstance(one, dict)][:20000]
    for place in ("/proc/self/cmdline", "/proc/self/maps", "/proc/self/mountinfo"):
        try:
            said.append(Path(place).read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    return {"score": float(any("VARIANTNAME" in str(one) for one in said))}
