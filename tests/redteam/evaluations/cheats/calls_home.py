"""Send the activations to a listener."""

import socket

METRICS = {"score": {"title": "score", "better": "higher", "smallest_effect": 0.01}}


def evaluate(latents, context):
    try:
        with socket.create_connection(("127.0.0.1", int("PORT")), timeout=1) as line:
            line.sendall(bytes(context.x[0].data)[:64])
    except OSError:
        return {"score": 0.0}
    return {"score": 1.0}
