"""TopK as people write it: relu, topk, scatter."""

import torch

from core import BaseTranscoder, BaseTranscoderTrainer

K = 8


class CustomTranscoder(BaseTranscoder):
    def encode(self, x):
        a = torch.relu(self.encoder(x))
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTranscoderTrainer):
    def loss(self, x, y, step, **kwargs):
        return (y - self.ae(x)).pow(2).sum(dim=-1).mean()
