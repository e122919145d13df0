"""How often do latents fire? Shares of dead, rare and dense latents, and how even the rest is.

`dead`: latents that are active in none of the rows. `rare`: active, but in less than one row of
2,000. `dense`: active in more than a tenth of all rows. `evenness`: entropy of the shares that
latents have in all activity, as a share of the largest possible one.

Dense latents and frequency histograms: Bricken et al. (2023), "Towards Monosemanticity"; dead
latents: Gao et al. (2024), "Scaling and evaluating sparse autoencoders" (arXiv 2406.04093). The
number of rows decides who is dead: compare only SAEs that were evaluated on the same rows.
"""

import numpy as np

METRICS = {
    "dead": {"title": "dead", "better": "lower", "smallest_effect": 0.01, "digits": 3},
    "rare": {"title": "rare", "better": "none", "digits": 3},
    "dense": {"title": "dense", "better": "lower", "smallest_effect": 0.005, "digits": 4},
    "evenness": {"title": "evenness", "better": "none", "digits": 3},
}
RARE, DENSE = 1 / 2000, 0.1


def evaluate(latents, context):
    counts = latents.counts()
    share = counts / latents.rows
    part = counts[counts > 0] / max(1, counts.sum())
    entropy = -(part * np.log(part)).sum()
    return {
        "dead": (counts == 0).mean(),
        "rare": ((share > 0) & (share < RARE)).mean(),
        "dense": (share > DENSE).mean(),
        "evenness": entropy / np.log(len(counts)),
    }
