"""TopK: keep the K largest latents of every token. No sparsity penalty.

Gao et al. 2024, arXiv 2406.04093.

    f     = TopK(relu(W_enc (x - b_dec) + b_enc))     [B, F], at most K per row
    x_hat = W_dec f + b_dec                           [B, D], columns of W_dec at unit norm
    loss  = mean_B |x - x_hat|^2 + 1/32 * (error explained by the D/2 best dead latents)

Sparsity: K is the L0.
"""

from dictionary_learning.trainers.top_k import AutoEncoderTopK, TopKTrainer

from core import SparseTopK, keywords_for, threshold_keywords, topk_encode

K = 32
KNOB = "K"


class CustomSAE(AutoEncoderTopK):
    """AutoEncoderTopK that needs no third argument."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)

    def encode(self, x, **how):
        if how:
            return super().encode(x, **how)
        centred = (x - self.b_dec).reshape(-1, self.activation_dim)
        f = topk_encode(centred, self.encoder.weight, self.encoder.bias, int(self.k))
        return f.dense().view(*x.shape[:-1], self.dict_size)


class CustomTrainer(SparseTopK, TopKTrainer):
    """TopKTrainer with this file's K, computed on active latents only."""

    def __init__(self, **kwargs):
        short_run = threshold_keywords(kwargs["steps"])
        super().__init__(k=K, **keywords_for(TopKTrainer, kwargs), **short_run)
