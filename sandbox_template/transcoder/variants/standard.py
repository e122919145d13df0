"""ReLU + L1: the transcoder as first published.

Dunefsky, Chlenski, Nanda 2024, arXiv 2406.11944.

    f     = relu(W_enc x + b_enc)                     [B, F]
    y_hat = W_dec f + b_dec                           [B, D], columns of W_dec at unit norm
    loss  = mean_B |y - y_hat|^2 + L1_PENALTY * warmup(step) * mean_B |f|_1

Sparsity: L1_PENALTY, for targets of unit mean square norm. Twice as much: about a third of L0.
"""

from core import BaseTranscoder, BaseTranscoderTrainer

L1_PENALTY = 0.03
KNOB = "L1_PENALTY"


class CustomTranscoder(BaseTranscoder):
    """BaseTranscoder as it is."""


class CustomTrainer(BaseTranscoderTrainer):
    """BaseTranscoderTrainer with this file's penalty."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "l1_penalty": L1_PENALTY})
