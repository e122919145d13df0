"""Do other seeds find the same dictionary? Decoder rows matched with those of the other seeds.

For every other seed of the same variant, alive latents are matched one to one with the decoder rows
of the other SAE (Hungarian matching on the cosine). `shared` is the share of alive latents whose
partner has a cosine of at least .7, `cosine` the mean cosine of the pairs; both are means over the
other seeds. An SAE without another seed is not evaluated.

Paulo and Belrose (2025), "Sparse Autoencoders Trained on the Same Data Learn Different Features"
(arXiv 2501.16615), with the same matching and threshold.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

NEEDS = ("siblings", "linear")
METRICS = {
    "shared": {"title": "shared", "better": "higher", "smallest_effect": 0.02, "digits": 3},
    "cosine": {"title": "seed cos", "better": "higher", "smallest_effect": 0.01, "digits": 3},
}
SAME = 0.7


def evaluate(latents, context):
    own = unit(np.asarray(context.W)[np.asarray(context.alive)])
    if len(own) == 0:
        return {"shared": 0.0, "cosine": 0.0}
    found = [matched(own, unit(np.asarray(other))) for other in context.siblings]
    return {
        "shared": np.mean([(cosine >= SAME).mean() for cosine in found]),
        "cosine": np.mean([cosine.mean() for cosine in found]),
    }


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)


def matched(own, other):
    cosine = own @ other.T
    return cosine[linear_sum_assignment(-cosine)]
