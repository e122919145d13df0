"""Matryoshka BatchTopK: nested dictionaries, each of which must reconstruct by itself.

Bussmann, Nabeshima, Karvonen, Nanda 2025, arXiv 2503.17547.

    f     as BatchTopK (a threshold in evaluation)
    loss  = mean over groups g of mean_B |x - x_hat_g|^2, x_hat_g from the latents of groups 1..g

The first latents learn what is general, the later ones what is special. Reconstruction is a bit
worse than BatchTopK's, by design. Sparsity: K is the mean L0. GROUPS: shares of the dictionary.
"""

from dictionary_learning.trainers.matryoshka_batch_top_k import (
    MatryoshkaBatchTopKSAE,
    MatryoshkaBatchTopKTrainer,
)

from core import FollowsThreshold, SparseMatryoshka, keywords_for, threshold_keywords

K = 32
KNOB = "K"
GROUPS = (1 / 16, 1 / 16, 1 / 8, 1 / 4, 1 / 2)


def group_sizes(dict_size):
    """Return the number of latents of each group; the last takes what rounding leaves."""
    sizes = [max(1, int(share * dict_size)) for share in GROUPS[:-1]]
    return [*sizes, dict_size - sum(sizes)]


class CustomSAE(MatryoshkaBatchTopKSAE):
    """MatryoshkaBatchTopKSAE that needs two arguments only."""

    def __init__(self, activation_dim, dict_size, k=K, sizes=None):
        super().__init__(activation_dim, dict_size, k, sizes or group_sizes(dict_size))


class CustomTrainer(FollowsThreshold, SparseMatryoshka, MatryoshkaBatchTopKTrainer):
    """The library's trainer with this file's K and a threshold that suits short runs, sparse."""

    def __init__(self, **kwargs):
        short_run = threshold_keywords(kwargs["steps"])
        chosen = keywords_for(MatryoshkaBatchTopKTrainer, kwargs)
        super().__init__(k=K, group_fractions=list(GROUPS), **chosen, **short_run)
