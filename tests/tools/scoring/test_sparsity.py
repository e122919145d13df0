"""L0 counts where it is measured: a variant that is dense on the probing texts alone is refused."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from fumehood_tools.scoring.requests import ScoringSetup

# Knows a fingerprint of every row of the probing texts by heart: the most that an encoder could.
DENSE_ON_KNOWN_ROWS = """
KNOWN = torch.tensor({known}, dtype=torch.float64)


class CustomSAE(BaseSAE):
    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        v, i = a.topk(4, dim=-1)
        sparse = torch.zeros_like(a).scatter(-1, i, v)
        mark = x.double() @ torch.arange(1.0, x.shape[1] + 1).double()
        near = torch.searchsorted(KNOWN, mark).clamp(1, len(KNOWN) - 1)
        apart = torch.minimum((KNOWN[near] - mark).abs(), (KNOWN[near - 1] - mark).abs())
        return torch.where((apart < 1e-9)[:, None], a, sparse)
"""


def test_latents_that_are_dense_where_probes_look_are_refused(
    small: ScoringSetup, score_all: Callable[[dict[str, str]], Mapping[str, dict[str, Any]]]
) -> None:
    assert small.probing is not None
    held = torch.load(small.probing.folder / "topics_activations.pt", weights_only=True)
    texts = [x for part in ("train", "test") for x in held[part].values()]
    rows = torch.cat([x.reshape(-1, x.shape[-1]) for x in texts])
    # As they are shown: rounded as the evaluation split is in its files.
    shown = (rows.half().float() / small.activations.scale).double()
    known = (shown @ torch.arange(1.0, shown.shape[1] + 1).double()).unique().tolist()
    answer = score_all({"switches": DENSE_ON_KNOWN_ROWS.format(known=known)})["switches"]
    assert answer["error"]["check"] == "sparsity_switch", answer
    assert "probing" in answer["error"]["message"]
