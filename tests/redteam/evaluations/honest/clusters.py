"""How well clusters of rows are told apart, with scikit-learn and a seed."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

METRICS = {"silhouette": {"title": "silhouette", "better": "higher", "smallest_effect": 0.05}}


def evaluate(latents, context):
    rows = np.asarray(context.x)[:200]
    codes = KMeans(4, n_init=2, random_state=context.seed).fit_predict(rows)
    return {"silhouette": silhouette_score(latents.dense(0, 200), codes)}
