"""Task-weighted Jacobian: latents through which a learned task acts are chosen first.

Along a direction u of the input, latent i moves the reconstruction by (w_i . u) d_i: that is
its part of the Jacobian. TASKS directions u_t with learned weights say what matters:

    g_i   = sum_t softmax(v)_t |w_i . u_t| |d_i . u_t|             [F], u_t of unit norm
    s_i   = (1 + GAIN g_i / mean(g)) / (1 + GAIN)                  [F], 1 on average
    f     = the K largest of relu(W_enc (x - b_dec) + b_enc) * s   [B, F]

w_i are the rows of W_enc, d_i the columns of W_dec. Directions, weights and s get gradients through
f. Expect: latents of the task directions win ties and grow, so a few directions are reconstructed
better than the others; explained variance about equal. Sparsity: K. Cost: dense scores, two
F x D x TASKS products.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch
from torch.nn.functional import normalize

from core import BaseTopK, BaseTopKTrainer, keep_largest

K = 32
KNOB = "K"
PARENT = "topk"
TASKS = 8
GAIN = 0.25


class CustomSAE(BaseTopK):
    """TopK that chooses by activation times importance."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.task = torch.nn.Parameter(torch.randn(TASKS, activation_dim))
        self.task_weight = torch.nn.Parameter(torch.zeros(TASKS))

    def select(self, centred):
        importance = jacobian(
            self.encoder.weight, self.decoder.weight, self.task, self.task_weight.softmax(dim=0)
        )
        scale = (1 + GAIN * importance / (importance.mean() + 1e-8)) / (1 + GAIN)
        return keep_largest(self.scores(centred) * scale, int(self.k))


def jacobian(W_enc_FD, W_dec_DF, task_TD, weight_T):
    """Return g [F]: how much of each task passes through each latent, tasks weighted."""
    unit_TD = normalize(task_TD, dim=-1)
    return ((W_enc_FD @ unit_TD.T).abs() * (W_dec_DF.T @ unit_TD.T).abs()) @ weight_T


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss: the task weights learn from reconstruction."""

    k = K
