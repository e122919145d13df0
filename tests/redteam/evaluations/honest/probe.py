"""A probe on labeled texts."""

import numpy as np
from sklearn.linear_model import LogisticRegression

NEEDS = ("probing",)
METRICS = {"accuracy": {"title": "accuracy", "better": "higher", "smallest_effect": 0.03}}


def evaluate(latents, context):
    found = []
    for task in context.probing.values():
        probe = LogisticRegression(max_iter=500).fit(task.train, task.train_labels)
        found.append((probe.predict(task.test) == task.test_labels).mean())
    return {"accuracy": np.mean(found)}
