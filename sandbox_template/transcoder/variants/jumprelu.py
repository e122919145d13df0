"""JumpReLU: a learnable threshold per latent, and a penalty on the distance from a wanted L0.

Rajamanoharan et al. 2024, arXiv 2407.14435; Gemma Scope's transcoders, arXiv 2408.05147.

    a     = W_enc x + b_enc                           [B, F]
    f     = relu(a) * 1[a > threshold]
    y_hat = W_dec f + b_dec                           [B, D], columns of W_dec at unit norm
    loss  = mean_B |y - y_hat|^2 + PENALTY * warmup(step) * (L0 / TARGET_L0 - 1)^2

The steps 1[.] pass gradients to the thresholds within a window of BANDWIDTH around them.
Sparsity: TARGET_L0.
"""

from core import JumpReluTranscoder, JumpReluTranscoderTrainer

TARGET_L0 = 32.0
KNOB = "TARGET_L0"
PENALTY = 1.0
BANDWIDTH = 0.001


class CustomTranscoder(JumpReluTranscoder):
    """JumpReluTranscoder as it is."""


class CustomTrainer(JumpReluTranscoderTrainer):
    """JumpReluTranscoderTrainer with this file's target."""

    target_l0 = TARGET_L0
    sparsity_penalty = PENALTY
    bandwidth = BANDWIDTH
