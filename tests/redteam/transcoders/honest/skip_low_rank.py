"""A skip path of rank 8, trained with everything else."""

import torch

from core import TopKTranscoder, TopKTranscoderTrainer

K, RANK = 8, 8
SKIP = True


class CustomTranscoder(TopKTranscoder):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.down = torch.nn.Linear(activation_dim, RANK)
        self.up = torch.nn.Linear(RANK, activation_dim)
        torch.nn.init.zeros_(self.up.weight)

    def skip(self, x):
        return self.up(self.down(x))


class CustomTrainer(TopKTranscoderTrainer):
    pass
