"""Explained variance of a trained SAE on the evaluation shards of a training spec."""

from typing import Any

import numpy as np
import torch

from fumehood_tools.scoring.reconstruction import ReconstructionTotals


def explained_variance(sae: Any, spec: dict[str, Any]) -> float:
    """Return the centered explained variance on normalized activations, with float32 latents."""
    totals = ReconstructionTotals(spec["activation_dim"], spec["dict_size"])
    sae.eval()
    with torch.no_grad():
        for shard in spec["eval_shards"]:
            x_BD = torch.from_numpy(np.load(shard).astype(np.float32)) / spec["scale"]
            f_BF = sae.encode(x_BD)
            totals.add(x_BD, f_BF, sae.decode(f_BF))
    return totals.result().explained_variance
