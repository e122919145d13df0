"""Does the dictionary contain the planted features? Only for the synthetic subject.

Each planted direction is matched with one alive latent, one to one, so that the sum of cosines of
directions and decoder rows is largest (Hungarian matching). `mcc` is the mean cosine of the matched
pairs; a feature without a partner counts as 0. `recall` is the share of planted features that are
active in the rows and whose partner has a cosine of at least .9, `precision` the share of alive
latents that are such a partner. `detection` is the mean F1 with which the partner's activity tells
whether the feature is present.

Mean cosine after matching: Sharkey et al. (2022), "Taking features out of superposition with sparse
autoencoders"; Hungarian matching and recovery on planted data as in Bricken et al. (2023), "Towards
Monosemanticity", and MCC as in Hyvarinen and Morioka (2016), "Unsupervised Feature Extraction by
Time-Contrastive Learning and Nonlinear ICA".
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

NEEDS = ("planted", "linear")
METRICS = {
    "mcc": {"title": "MCC", "better": "higher", "smallest_effect": 0.01, "digits": 3},
    "recall": {"title": "recall", "better": "higher", "smallest_effect": 0.02, "digits": 3},
    "precision": {"title": "precision", "better": "higher", "smallest_effect": 0.02, "digits": 3},
    "detection": {"title": "detect F1", "better": "higher", "smallest_effect": 0.02, "digits": 3},
}
FOUND = 0.9


def evaluate(latents, context):
    present = (np.asarray(context.planted.features) > 0).any(axis=0)
    features = np.asarray(context.planted.features)[:, present]
    directions = unit(np.asarray(context.planted.directions)[present])
    alive = np.flatnonzero(context.alive)
    if len(alive) == 0 or not present.any():
        return dict.fromkeys(METRICS, 0.0)
    cosine = directions @ unit(np.asarray(context.W)[alive]).T
    feature, partner = linear_sum_assignment(-cosine)
    matched = cosine[feature, partner].clip(0)
    found = int((matched >= FOUND).sum())
    return {
        "mcc": matched.sum() / len(directions),
        "recall": found / len(directions),
        "precision": found / len(alive),
        "detection": detection(latents, features, feature, alive[partner]),
    }


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)


def detection(latents, features, feature, partner):
    """Return the mean F1 over all features; one without a partner counts as 0."""
    active = latents.csr()[:, partner].toarray() > 0
    truth = features[:, feature] > 0
    both = (active & truth).sum(0)
    scores = 2 * both / (active.sum(0) + truth.sum(0)).clip(1)
    return scores.sum() / features.shape[1]
