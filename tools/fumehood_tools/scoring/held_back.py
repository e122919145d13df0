"""Metrics that are measured on a sealed holdout only, and are in no score, table or plot.

A variant cannot be tuned to a number that is shown nowhere. These metrics need nothing but
activations and reconstructions, so they exist for every subject. N = rows of the split, P =
passages, D = d_model.
"""

from typing import TYPE_CHECKING

import numpy as np

from fumehood_tools.errors import RunFailed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fumehood_tools.scoring.reconstruction_run import EvaluationRows

WORST_PASSAGES = "explained_variance_worst"
_SHARE = 0.1
_AT_ONCE = 16_384


def worst_passages(split: "EvaluationRows", lost_N: "NDArray[np.float64]", body: int) -> float:
    """Return the explained variance of the worst tenth of the passages.

    A passage is `body` consecutive rows, the tokens of one context. Its explained variance is
    1 - sum |x - x_hat|^2 / sum |x - mean|^2 over its tokens, where the mean is that of the whole
    split. The result is the mean over the tenth of the passages, at least one, with the lowest
    values. lost_N: |x - x_hat|^2 of each row. Raises RunFailed if a passage does not vary.
    """
    spread_P = _spread(split).reshape(-1, body).sum(1)
    if spread_P.min() <= 0:
        raise RunFailed("A passage of the holdout does not vary. Choose another site.")
    explained_P = np.sort(1 - lost_N.reshape(-1, body).sum(1) / spread_P)
    return float(explained_P[: max(1, round(_SHARE * len(explained_P)))].mean())


def _spread(split: "EvaluationRows") -> "NDArray[np.float64]":
    """Return |x - mean|^2 of each row of a split, where mean is the mean over all rows."""
    parts = np.array_split(np.arange(split.count), -(-split.count // _AT_ONCE))
    mean_D = sum(split.read(part).double().sum(0) for part in parts) / split.count
    found = [(split.read(part).double() - mean_D).square().sum(1).numpy() for part in parts]
    return np.concatenate(found)
