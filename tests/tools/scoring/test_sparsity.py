"""A variant that is denser on probing texts or loss rows than where L0 is measured is refused."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fumehood_tools.scoring.requests import ScoringSetup

pytestmark = pytest.mark.child

# Recognizes rows of probing texts by their content, which is the most that an encoder can do.
DENSE_ON_LARGE_ROWS = """
class CustomSAE(BaseSAE):
    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        v, i = a.topk(4, dim=-1)
        sparse = torch.zeros_like(a).scatter(-1, i, v)
        return torch.where(x.norm(dim=1, keepdim=True) > {norm}, a, sparse)
"""


def test_latents_that_are_dense_where_probes_look_are_refused(
    small: ScoringSetup,
    score_with: Callable[[ScoringSetup, dict[str, str]], Mapping[str, dict[str, Any]]],
    tmp_path: Path,
) -> None:
    assert small.probing is not None
    rows = np.concatenate([np.load(path) for path in small.activations.eval_shards])
    largest = float(np.linalg.norm(rows.astype(np.float32), axis=1).max())
    shutil.copytree(small.probing.folder, tmp_path / "probing")
    path = tmp_path / "probing" / "topics_activations.pt"
    held = torch.load(path, weights_only=True)
    # Probing texts that differ from the evaluation split: their activations are larger.
    for side in ("train", "test"):
        held[side] = {label: 5 * x for label, x in held[side].items()}
    torch.save(held, path)
    setup = small.model_copy(
        update={"probing": small.probing.model_copy(update={"folder": tmp_path / "probing"})}
    )
    norm = 1.01 * largest / small.activations.scale
    answer = score_with(setup, {"switches": DENSE_ON_LARGE_ROWS.format(norm=norm)})["switches"]
    assert answer["error"]["check"] == "sparsity_switch", answer
    assert "topics" in answer["error"]["message"]


# Has memorized the rows of loss recovered.
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


def test_latents_that_are_dense_on_the_rows_of_loss_recovered_are_refused(
    small: ScoringSetup,
    score_with: Callable[[ScoringSetup, dict[str, str]], Mapping[str, dict[str, Any]]],
) -> None:
    # Constants of this size would be refused earlier, so this setup allows them.
    limits = small.spec.limits.model_copy(update={"constants_kb": 100, "source_kb": 500})
    setup = small.model_copy(update={"spec": small.spec.model_copy(update={"limits": limits})})
    count = small.spec.scoring.loss_rows * (small.spec.corpus.context - 1)
    rows = torch.from_numpy(np.load(small.activations.eval_shards[0])[:count]).float()
    shown = (rows / small.activations.scale).double()
    known = (shown @ torch.arange(1.0, shown.shape[1] + 1).double()).unique().tolist()
    answer = score_with(setup, {"switches": DENSE_ON_KNOWN_ROWS.format(known=known)})["switches"]
    assert answer["error"]["check"] == "sparsity_switch", answer
    assert "rows of loss recovered" in answer["error"]["message"]
