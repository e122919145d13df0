"""An encoder with a hidden layer before TopK."""

import torch

from core import TopKTranscoder, TopKTranscoderTrainer

K = 8


class CustomTranscoder(TopKTranscoder):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.hidden = torch.nn.Linear(activation_dim, activation_dim)

    def select(self, x):
        return super().select(x + torch.nn.functional.gelu(self.hidden(x)))


class CustomTrainer(TopKTranscoderTrainer):
    def loss(self, x, y, step, **kwargs):
        return (y - self.ae(x)).pow(2).sum(dim=-1).mean()
