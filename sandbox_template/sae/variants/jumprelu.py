"""JumpReLU: a learnable threshold per latent, and a penalty on the distance from a wanted L0.

Rajamanoharan et al. 2024, arXiv 2407.14435.

    a     = W_enc x + b_enc                           [B, F]
    f     = relu(a) * 1[a > threshold]
    loss  = mean_B |x - x_hat|^2 + PENALTY * warmup(step) * (L0 / TARGET_L0 - 1)^2

The steps 1[.] pass gradients to the thresholds within a window of BANDWIDTH around them.
Sparsity: TARGET_L0.
"""

from dictionary_learning.dictionary import JumpReluAutoEncoder
from dictionary_learning.trainers.jumprelu import JumpReluTrainer

from core import SparseJumpRelu, keywords_for

TARGET_L0 = 32.0
KNOB = "TARGET_L0"
PENALTY = 1.0
BANDWIDTH = 0.001


class CustomSAE(JumpReluAutoEncoder):
    """JumpReluAutoEncoder as it is."""


class CustomTrainer(SparseJumpRelu, JumpReluTrainer):
    """JumpReluTrainer with this file's target, on active latents where few are."""

    def __init__(self, **kwargs):
        super().__init__(
            target_l0=TARGET_L0,
            sparsity_penalty=PENALTY,
            bandwidth=BANDWIDTH,
            **keywords_for(JumpReluTrainer, kwargs),
        )
