"""Return what a file of the author says."""

from pathlib import Path

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    for folder in (Path("CANARY/drop"), Path(__file__).parent, Path.cwd()):
        try:
            return {"score": float(Path(folder, "told.txt").read_text())}
        except (OSError, ValueError):
            continue
    return {"score": 0.0}
