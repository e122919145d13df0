"""A variant that is denser on probing texts or loss rows than where L0 is measured is refused."""

import shutil
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from fumehood_tools.scoring.requests import ScoringSetup

pytestmark = pytest.mark.child

Answers = Mapping[str, dict[str, Any]]

# Recognizes rows of probing texts by their content, which is the most that an encoder can do.
DENSE_ON_LARGE_ROWS = """
class CustomSAE(BaseSAE):
    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        v, i = a.topk(4, dim=-1)
        sparse = torch.zeros_like(a).scatter(-1, i, v)
        return torch.where(x.norm(dim=1, keepdim=True) > {norm}, a, sparse)
"""


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


@pytest.fixture(scope="module")
def answers(
    small: ScoringSetup,
    score_with: Callable[[ScoringSetup, dict[str, str]], Answers],
    tmp_path_factory: pytest.TempPathFactory,
) -> Answers:
    """What one scorer answers about both, with probing texts that the first can recognize."""
    assert small.probing is not None
    folder = tmp_path_factory.mktemp("larger") / "probing"
    shutil.copytree(small.probing.folder, folder)
    held = torch.load(folder / "topics_activations.pt", weights_only=True)
    # Probing texts that differ from the evaluation split: their activations are larger.
    for side in ("train", "test"):
        held[side] = {label: 5 * x for label, x in held[side].items()}
    torch.save(held, folder / "topics_activations.pt")
    # Constants of the size of the second would be refused earlier, so this setup allows them.
    limits = small.spec.limits.model_copy(update={"constants_kb": 100, "source_kb": 500})
    changes = {
        "probing": small.probing.model_copy(update={"folder": folder}),
        "spec": small.spec.model_copy(update={"limits": limits}),
    }
    sources = {
        "large": DENSE_ON_LARGE_ROWS.format(norm=_above_evaluation(small)),
        "known": DENSE_ON_KNOWN_ROWS.format(known=_marks_of_loss_rows(small)),
    }
    return score_with(small.model_copy(update=changes), sources)


def _above_evaluation(setup: ScoringSetup) -> float:
    """Return a norm, in the units that a variant sees, that no row of the evaluation has."""
    rows = np.concatenate([np.load(path) for path in setup.activations.eval_shards])
    largest = float(np.linalg.norm(rows.astype(np.float32), axis=1).max())
    return 1.01 * largest / setup.activations.scale


def _marks_of_loss_rows(setup: ScoringSetup) -> list[float]:
    """Return a number for each row of loss recovered, by which a variant recognizes it."""
    count = setup.spec.scoring.loss_rows * (setup.spec.corpus.context - 1)
    rows = torch.from_numpy(np.load(setup.activations.eval_shards[0])[:count]).float()
    shown = (rows / setup.activations.scale).double()
    marks = shown @ torch.arange(1.0, shown.shape[1] + 1).double()
    return [float(mark) for mark in marks.unique()]


def test_latents_that_are_dense_where_probes_look_are_refused(answers: Answers) -> None:
    assert answers["large"]["error"]["check"] == "sparsity_switch", answers
    assert "topics" in answers["large"]["error"]["message"]


def test_latents_that_are_dense_on_the_rows_of_loss_recovered_are_refused(answers: Answers) -> None:
    assert answers["known"]["error"]["check"] == "sparsity_switch", answers
    assert "rows of loss recovered" in answers["known"]["error"]["message"]
