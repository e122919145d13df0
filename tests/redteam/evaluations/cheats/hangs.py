"""Never return."""

import time

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    while True:
        time.sleep(0.1)
