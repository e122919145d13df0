"""Learned thresholds with a straight-through window."""

import torch

from core import BaseSAE

WIDTH = 0.02


class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, threshold):
        ctx.save_for_backward(a, threshold)
        return (a > threshold).to(a.dtype)

    @staticmethod
    def backward(ctx, grad):
        a, threshold = ctx.saved_tensors
        near = ((a - threshold).abs() < WIDTH / 2).to(a.dtype)
        return torch.zeros_like(a), (-grad * near / WIDTH).sum(0)


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.threshold = torch.nn.Parameter(torch.full((dict_size,), 0.02))

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        return a * Step.apply(a, self.threshold)
