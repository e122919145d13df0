"""BatchTopK: keep the K * B largest latents of a whole batch, so tokens may differ in L0.

The BatchTopK of SAEs (Bussmann, Leask, Nanda 2024, arXiv 2412.06410) with the MLP's output as
target.

    training    f = TopK over all B * F values of relu(W_enc x + b_enc)
    evaluation  f = values above a threshold, the running mean of the smallest value kept
    loss        as topk.py

Sparsity: K is the mean L0. The threshold makes encode independent of the other rows of a batch.
"""

from core import BatchTopKTranscoder, BatchTopKTranscoderTrainer

K = 32
KNOB = "K"


class CustomTranscoder(BatchTopKTranscoder):
    """BatchTopKTranscoder with this file's K."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


class CustomTrainer(BatchTopKTranscoderTrainer):
    """BatchTopKTranscoderTrainer as it is."""
