"""Layered shrinkage with switches: soft thresholds in stages, each switched on per token.

    a_0     = relu(W_enc (x - bias) + b_enc)                       [B, F]
    s_t(x)  = sigmoid(w_t . (x - bias) + c_t)                      switch of stage t, [B]
    a_t+1   = relu(a_t - s_t(x) * softplus(theta_t))               theta_t [F], learned
    f       = a_STAGES
    loss    = mean_B |x - x_hat|^2 + L1_PENALTY * warmup * mean_B |f|_1

Soft thresholding in stages is what iterative shrinkage does (Gregor, LeCun 2010); here each stage
has thresholds per latent, and a token decides how much of them it takes. Expect: a threshold that
adapts to the token, so L0 varies more over tokens; explained variance about that of L1 alone.
Sparsity: L1_PENALTY. Cost: STAGES passes over f.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch
from torch.nn.functional import softplus

from core import BaseSAE, BaseTrainer

L1_PENALTY = 0.08
KNOB = "L1_PENALTY"
PARENT = "standard"
STAGES = 3
FIRST_THRESHOLD = -8.0  # before softplus: 0.0003


class CustomSAE(BaseSAE):
    """BaseSAE with stages of shrinkage behind its encoder."""

    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.switch = torch.nn.Linear(activation_dim, STAGES)
        torch.nn.init.zeros_(self.switch.weight)
        torch.nn.init.zeros_(self.switch.bias)
        self.theta = torch.nn.Parameter(torch.full((STAGES, dict_size), FIRST_THRESHOLD))

    def encode(self, x):
        centred = x - self.bias
        return shrunk(
            torch.relu(self.encoder(centred)), torch.sigmoid(self.switch(centred)), self.theta
        )


def shrunk(a_BF, switch_BT, theta_TF):
    """Return activations after one soft threshold per stage, as far as it is switched on."""
    for stage, theta_F in enumerate(softplus(theta_TF)):
        a_BF = torch.relu(a_BF - switch_BT[:, stage : stage + 1] * theta_F)
    return a_BF


class CustomTrainer(BaseTrainer):
    """BaseTrainer with this file's penalty."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{**kwargs, "l1_penalty": L1_PENALTY})
