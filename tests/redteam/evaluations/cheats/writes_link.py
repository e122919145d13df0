"""Leave a link as the result, to a file that is none of its business."""

import os

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    os.symlink("CANARY/secret.txt", "result.json")
    os._exit(0)
