"""Rows are brought to unit norm before the encoder; the decoder is linear."""

import torch

from core import TopKTranscoder, TopKTranscoderTrainer

K = 8


class CustomTranscoder(TopKTranscoder):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)

    def select(self, x):
        return super().select(torch.nn.functional.normalize(x, dim=-1))


class CustomTrainer(TopKTranscoderTrainer):
    def loss(self, x, y, step, **kwargs):
        return (y - self.ae(x)).pow(2).sum(dim=-1).mean()
