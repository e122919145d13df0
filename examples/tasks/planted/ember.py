"""TopK in which few latents stay closed."""

import torch

from core import BaseTopK, BaseTopKTrainer, keep_largest

K = 8
KNOB = "K"
CLOSED = 0.0


class CustomSAE(BaseTopK):
    """TopK that chooses among a part of its latents."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        open_F = torch.ones(dict_size)
        open_F[: int(CLOSED * dict_size)] = 0.0
        self.register_buffer("open_F", open_F)

    def select(self, centred):
        return keep_largest(self.scores(centred) * self.open_F, int(self.k))


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss."""

    k = K
