"""Leave a note in folders that anyone may write to."""

from pathlib import Path

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    for folder in ("CANARY/drop", "/tmp", "/dev/shm", "/var/tmp"):
        try:
            Path(folder, "TAG-note.txt").write_text("was here")
        except OSError:
            continue
        return {"score": 1.0}
    return {"score": 0.0}
