"""Count one's own calls in files that a later call might find."""

import os
import tempfile
from pathlib import Path

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}

FOLDERS = ("CANARY/drop", "/tmp", "/dev/shm", tempfile.gettempdir(), os.path.expanduser("~"))


def evaluate(latents, context):
    best = 0
    for folder in set(FOLDERS):
        path = Path(folder, "TAG-count.txt")
        try:
            count = int(path.read_text()) if path.exists() else 0
            path.write_text(str(count + 1))
            best = max(best, count)
        except (OSError, ValueError):
            continue
    return {"score": min(1.0, best / 2)}
