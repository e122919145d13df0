"""Worked example, to copy: TopK in which every latent learns a gain.

Idea: in TopK a latent competes with its raw pre-activation, so latents with large weights win
often. Let every latent learn a gain: it competes with gain * pre-activation, and is decoded with
that value too. Gains start a little apart, so this differs from TopK from the first step on.

    a     = relu(W_enc x + b_enc)                     [B, F]
    f     = the K largest of exp(log_gain) * a        [B, F], at most K per row
    y_hat = W_dec f + b_dec                           [B, D]
    loss  = TopK's: mean_B |y - y_hat|^2 + dead latents' part

Sparsity: K is the L0.
"""

import torch

from core import TopKTranscoder, TopKTranscoderTrainer, keep_largest

K = 32
KNOB = "K"  # run_variants(l0_targets=[32, 64]) finds the K that gives each L0
PARENT = "topk"  # what the change is compared with: same weights, same batch, same seeds
SPREAD = 0.1


class CustomTranscoder(TopKTranscoder):
    """TopKTranscoder that keeps other latents. Further arguments of __init__ need defaults."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        # Made here, not in the trainer: the optimiser only sees what exists by now.
        # Drawn by torch, whose seed the sandbox sets: every run seed starts elsewhere.
        self.log_gain = torch.nn.Parameter(SPREAD * torch.randn(dict_size))

    def select(self, x):
        """x [B, D] -> Latents. Each row depends on itself only, never on the batch."""
        return keep_largest(self.scores(x) * self.log_gain.exp(), int(self.k))


class CustomTrainer(TopKTranscoderTrainer):
    """TopK's loss. Ask for more in penalty(x, y, f, step); for another y_hat see AGENTS.md."""
