"""How many directions the decoder uses: the effective rank of its rows, with torch."""

import numpy as np
import torch

NEEDS = ("linear",)
METRICS = {"rank": {"title": "rank", "better": "higher", "smallest_effect": 0.05}}


def evaluate(latents, context):
    size = torch.linalg.svdvals(torch.from_numpy(np.array(context.W)))
    share = size / size.sum()
    return {"rank": torch.exp(-(share * share.log()).sum())}
