"""Look for the latents of other SAEs and the other runs beside one's own."""

from pathlib import Path

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    own = [Path(latents.value.filename).parent, Path.cwd()]
    seen = 0
    for folder in own:
        try:
            seen += len([one for one in folder.parent.iterdir() if one not in own])
        except OSError:
            continue
    return {"score": float(seen > 0)}
