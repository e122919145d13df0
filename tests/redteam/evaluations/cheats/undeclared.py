"""Return a metric that was not declared."""

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    return {"score": 0.5, "explained_variance": 1.0}
