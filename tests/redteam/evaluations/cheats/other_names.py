"""Return the metric of another kind of record in place of one's own."""

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    return {"explained_variance": 1.0}
