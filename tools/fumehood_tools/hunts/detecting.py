"""How well latents detect a concept: AUROC and F1 over labeled tokens.

N = tokens, F = dictionary size, C = columns.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from fumehood_tools.scoring.latents import Latents

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

LEAST_POSITIVES = 10
DETECTED = 0.1
"""A latent detects something if its AUROC is so far above chance."""
_COLUMNS = 512


def auroc_of_latents(f: Latents, is_there_N: "NDArray[np.bool_]") -> "NDArray[np.float64]":
    """Return the AUROC of every latent, [F]. f: without `dense_NF`."""
    return np.concatenate([auroc(block_NC, is_there_N) for block_NC in columns(f, _COLUMNS)])


def auroc(
    values_NC: "NDArray[np.float32]", is_there_N: "NDArray[np.bool_]"
) -> "NDArray[np.float64]":
    """Return the AUROC of each column for the labels; equal values count half."""
    from scipy.stats import rankdata

    positives = int(is_there_N.sum())
    rank_NC = rankdata(values_NC, axis=0)
    over = rank_NC[is_there_N].sum(0) - positives * (positives + 1) / 2
    found: NDArray[np.float64] = over / (positives * (len(is_there_N) - positives))
    return found


def columns(f: Latents, count: int) -> "Iterator[NDArray[np.float32]]":
    """Return the latents as dense blocks of columns."""
    row_A, value_A = f.row_A(), f.value_A.float()
    for first in range(0, f.dict_size, count):
        width = min(count, f.dict_size - first)
        here_A = (f.index_A >= first) & (f.index_A < first + width)
        block_NC = torch.zeros(f.rows, width)
        block_NC[row_A[here_A], f.index_A[here_A].long() - first] = value_A[here_A]
        yield block_NC.numpy()


def column(f: Latents, latent: int) -> "Tensor":
    here_A = f.index_A == latent
    value_N = torch.zeros(f.rows)
    value_N[f.row_A()[here_A]] = f.value_A[here_A].float()
    return value_N


def f1(value_N: "Tensor", is_there_N: "NDArray[np.bool_]") -> float:
    """Return the best F1 over thresholds above 0."""
    order_N = value_N.argsort(descending=True)
    active = int((value_N > 0).sum())
    hits = torch.from_numpy(is_there_N)[order_N[:active]].cumsum(0)
    if not active:
        return 0.0
    claimed = torch.arange(1, active + 1)
    return float((2 * hits / (claimed + int(is_there_N.sum()))).max())
