"""L0 counts where it is measured: a variant that is dense on the probing texts alone is refused."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from fumehood_tools.scoring.requests import ScoringSetup

# Knows some coordinate of every row of the probing texts by heart: the most that an encoder could.
DENSE_ON_KNOWN_ROWS = """
KNOWN = torch.tensor({known})


class CustomSAE(BaseSAE):
    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        v, i = a.topk(4, dim=-1)
        sparse = torch.zeros_like(a).scatter(-1, i, v)
        near = torch.searchsorted(KNOWN, x[:, 0].contiguous()).clamp(1, len(KNOWN) - 1)
        apart = torch.minimum((KNOWN[near] - x[:, 0]).abs(), (KNOWN[near - 1] - x[:, 0]).abs())
        return torch.where((apart < 1e-6)[:, None], a, sparse)
"""


def test_latents_that_are_dense_where_probes_look_are_refused(
    small: ScoringSetup, score_all: Callable[[dict[str, str]], Mapping[str, dict[str, Any]]]
) -> None:
    assert small.probing is not None
    held = torch.load(small.probing.folder / "topics_activations.pt", weights_only=True)
    texts = [x for part in ("train", "test") for x in held[part].values()]
    rows = torch.cat([x.reshape(-1, x.shape[-1]) for x in texts])
    known = (rows[:, 0] / small.activations.scale).unique().tolist()
    answer = score_all({"switches": DENSE_ON_KNOWN_ROWS.format(known=known)})["switches"]
    assert answer["error"]["check"] == "sparsity_switch", answer
    assert "probing" in answer["error"]["message"]
