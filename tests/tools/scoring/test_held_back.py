"""The metric that only a holdout has, on values that can be computed by hand."""

from pathlib import Path

import numpy as np
import pytest

from fumehood_tools.errors import RunFailed
from fumehood_tools.harvest import Activations
from fumehood_tools.scoring.held_back import worst_passages
from fumehood_tools.scoring.reconstruction_run import EvaluationRows


def split(folder: Path, x_ND: list[list[float]]) -> EvaluationRows:
    """Return an evaluation split with these rows."""
    path = folder / "00000.npy"
    np.save(path, np.asarray(x_ND, dtype=np.float32))
    activations = Activations.model_construct(eval_shards=(path,), d_model=len(x_ND[0]))
    return EvaluationRows(activations)


def test_the_worst_tenth_is_the_mean_over_the_passages_that_are_explained_least(
    tmp_path: Path,
) -> None:
    # 20 passages of 2 rows, at distance 1 from the mean 0; passage p loses p / 20 of it.
    rows = split(tmp_path, [[1.0, 0.0], [-1.0, 0.0]] * 20)
    lost_N = np.repeat(np.arange(20) / 20, 2)
    assert worst_passages(rows, lost_N, 2) == pytest.approx(1 - (19 / 20 + 18 / 20) / 2)
    # Passages of 20 rows: 2 of them, of which one counts.
    assert worst_passages(rows, lost_N, 20) == pytest.approx(1 - np.arange(10, 20).mean() / 20)


def test_a_passage_that_does_not_vary_is_named(tmp_path: Path) -> None:
    rows = split(tmp_path, [[1.0], [-1.0], [0.0], [0.0]])
    with pytest.raises(RunFailed, match="does not vary"):
        worst_passages(rows, np.zeros(4), 2)
