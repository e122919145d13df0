"""Skip transcoder: TopK latents beside an affine map of the input.

Paulo, Shabalin, Belrose 2025, arXiv 2501.18823.

    f     = TopK(relu(W_enc x + b_enc))               [B, F], at most K per row
    y_hat = W_dec f + b_dec + W_skip x                [B, D], W_dec and W_skip begin at 0
    loss  as topk.py

What is linear in the MLP goes past the latents, which explain the rest. Scores are of both paths
together; what the skip path explains alone is shown beside. Sparsity: K is the L0.
"""

from core import SkipTopKTranscoder, TopKTranscoderTrainer

K = 32
KNOB = "K"
SKIP = True


class CustomTranscoder(SkipTopKTranscoder):
    """SkipTopKTranscoder with this file's K; it has encode, decode and skip."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


class CustomTrainer(TopKTranscoderTrainer):
    """TopKTranscoderTrainer as it is: it adds what skip returns."""
