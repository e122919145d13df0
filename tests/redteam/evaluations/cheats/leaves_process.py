"""Leave a process behind that writes later."""

import os

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    try:
        pid = os.fork()
    except OSError:
        return {"score": 0.0}
    if pid == 0:
        with open("CANARY/drop/TAG-left.txt", "w") as file:
            file.write("still here")
        os._exit(0)
    return {"score": 1.0}
