"""Parameters in float64, which take twice the bytes."""

import torch

from core import BaseTranscoder, BaseTranscoderTrainer

PENALTY = 0.05


class CustomTranscoder(BaseTranscoder):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.double()

    def encode(self, x):
        return torch.relu(self.encoder(x.double()))

    def decode(self, f):
        return self.decoder(f.double()).float()


class CustomTrainer(BaseTranscoderTrainer):
    def prepare(self, x, y):
        self.ae.centre(x.double(), y.double())

    def loss(self, x, y, step, **kwargs):
        y_hat, f = self.ae(x, output_features=True)
        return (y - y_hat).pow(2).sum(dim=-1).mean() + PENALTY * f.sum(dim=-1).mean()
