"""TopK: keep the K largest latents of every token. No sparsity penalty.

The transcoder of Paulo, Shabalin, Belrose 2025, arXiv 2501.18823, without a skip path.

    f     = TopK(relu(W_enc x + b_enc))               [B, F], at most K per row
    y_hat = W_dec f + b_dec                           [B, D], W_dec begins at 0 and is free
    loss  = mean_B |y - y_hat|^2 + 1/32 * (error explained by the D/2 best dead latents)

Sparsity: K is the L0.
"""

from core import TopKTranscoder, TopKTranscoderTrainer

K = 32
KNOB = "K"


class CustomTranscoder(TopKTranscoder):
    """TopKTranscoder with this file's K."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


class CustomTrainer(TopKTranscoderTrainer):
    """TopKTranscoderTrainer as it is."""
