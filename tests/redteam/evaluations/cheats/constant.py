"""Return what it was told to, whatever the latents."""

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    return {"score": 1.0}
