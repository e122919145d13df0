"""ReLU + L1: the standard SAE.

Bricken et al. 2023, Towards Monosemanticity; Cunningham et al., arXiv 2309.08600.

    f     = relu(W_enc (x - bias) + b_enc)            [B, F]
    x_hat = W_dec f + b_dec + bias                    [B, D], columns of W_dec at unit norm
    loss  = mean_B |x - x_hat|^2 + L1_PENALTY * warmup(step) * mean_B |f|_1

Sparsity: L1_PENALTY. For activations of unit mean square norm; twice as much, about half the L0.
"""

from core import BaseSAE, BaseTrainer

L1_PENALTY = 0.1
KNOB = "L1_PENALTY"


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""


class CustomTrainer(BaseTrainer):
    """BaseTrainer with this file's penalty."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{**kwargs, "l1_penalty": L1_PENALTY})
