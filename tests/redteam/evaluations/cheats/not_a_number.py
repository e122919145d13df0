"""Return NaN, which every comparison passes over."""

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    return {"score": float("nan")}
