"""BatchTopK: keep the K * B largest latents of a whole batch, so tokens may differ in L0.

Bussmann, Leask, Nanda 2024, arXiv 2412.06410.

    training    f = TopK over all B * F values of relu(W_enc (x - b_dec) + b_enc)
    evaluation  f = values above a threshold, the running mean of the smallest value kept
    loss        as TopK

Sparsity: K is the mean L0. The threshold makes encode independent of the other rows of a batch.
"""

from dictionary_learning.trainers.batch_top_k import BatchTopKSAE, BatchTopKTrainer

from core import FollowsThreshold, SparseBatchTopK, keywords_for, rectified, threshold_keywords

K = 32
KNOB = "K"


class CustomSAE(BatchTopKSAE):
    """BatchTopKSAE that needs no third argument; encode uses the threshold."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)

    def encode(self, x, **how):
        if how:
            return super().encode(x, **how)
        floor = max(0.0, float(self.threshold))
        return rectified(x - self.b_dec, self.encoder.weight, self.encoder.bias, floor)


class CustomTrainer(FollowsThreshold, SparseBatchTopK, BatchTopKTrainer):
    """BatchTopKTrainer with this file's K and a threshold that suits short runs, sparse."""

    def __init__(self, **kwargs):
        short_run = threshold_keywords(kwargs["steps"])
        super().__init__(k=K, **keywords_for(BatchTopKTrainer, kwargs), **short_run)
