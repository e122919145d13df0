"""Return what the environment, the arguments or other processes say."""

import os
import sys
from pathlib import Path

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    said = [*os.environ.values(), *sys.argv, *os.environ]
    for place in ("/proc/self/environ", "/proc/1/environ", f"/proc/{os.getppid()}/environ"):
        try:
            said.append(Path(place).read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    return {"score": float(any("TOLD-TAG" in one for one in said))}
