"""BaseTopK and BaseTopKTrainer: what a variant of TopK starts from, computed on active latents.

    a = relu(W_enc (x - b_dec) + b_enc)                 [B, F]
    f = the k largest of every row of a                 `select`, [B, D] -> Latents
    x_hat = W_dec f + b_dec                             [B, D], columns of W_dec at unit norm
    loss = mean_B |x - x_hat|^2 + dead latents' part + `penalty`

Override `select` to keep other latents, `penalty` to ask for something else. B = tokens,
D = activation_dim, F = dict_size, S = a sample of latents.
"""

from typing import Any

import torch
from torch import Tensor

from core.baselines import keywords_for, threshold_keywords
from core.kernels import Latents, topk_encode
from core.kernels.functions import possible_k
from core.library import AutoEncoderTopK, TopKTrainer
from core.sparse_trainers import SparseTopK


class BaseTopK(AutoEncoderTopK):
    """A TopK SAE; parameters b_dec [D], encoder (Linear), decoder (Linear without a bias)."""

    def select(self, centred: Tensor) -> Latents:
        """Return the latents that are kept of x - b_dec [B, D]."""
        return topk_encode(centred, self.encoder.weight, self.encoder.bias, int(self.k))

    def scores(self, centred: Tensor) -> Tensor:
        """Return relu(W_enc (x - b_dec) + b_enc), [B, F]: for a `select` that needs all of them."""
        return torch.relu(self.encoder(centred))

    def encode(self, x: Tensor, **how: Any) -> Any:
        """Return latents [B, F] of activations [B, D]."""
        return super().encode(x, **how) if how else self.select(x - self.b_dec).dense()


class BaseTopKTrainer(SparseTopK, TopKTrainer):
    """Trains a BaseTopK. A subclass says how many latents: `k = K`."""

    k = 32

    def __init__(self, **kwargs: Any) -> None:
        """Take the keywords of dictionary_learning's StandardTrainer."""
        short_run = threshold_keywords(kwargs["steps"])
        super().__init__(k=type(self).k, **keywords_for(TopKTrainer, kwargs), **short_run)

    def select(self, centred_BD: Tensor) -> Latents:
        """Return what the SAE keeps."""
        latents: Latents = self.ae.select(centred_BD)
        return latents

    def follow(self, f: Latents) -> None:
        """Let the threshold be: `select` decides in evaluation as in training."""


def keep_largest(scores_BF: Tensor, k: int) -> Latents:
    """Return the k largest scores of every row as latents, with gradients; none is negative.

    Raises ValueError unless k is from 1 to F.
    """
    B, F = scores_BF.shape
    value_BK, index_BK = scores_BF.topk(possible_k(k, F), dim=-1, sorted=False)
    start_B = torch.arange(B + 1, device=scores_BF.device) * index_BK.shape[1]
    return Latents(value_BK.flatten(), index_BK.flatten().int(), start_B, F)


def sample_fired(f: Latents, most: int) -> Tensor:
    """Return the numbers of at most so many latents that fired, drawn by chance, int64 [S]."""
    fired = f.fired().nonzero().flatten()
    drawn = torch.randperm(len(fired), device=fired.device)[:most]
    return fired[drawn].sort().values


def off_diagonal(square_SS: Tensor) -> Tensor:
    """Return a square matrix (or a stack of them) with zeros on its diagonal."""
    size = square_SS.shape[-1]
    return square_SS * (1 - torch.eye(size, device=square_SS.device, dtype=square_SS.dtype))
