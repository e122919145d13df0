"""Forty-four sign bits in the order of sixteen latents that are always active."""

import torch

from core import BaseSAE

DECODER = "nonlinear"
TRAIN = False
ACTIVE, SIZE = 16, 0.1
GRID = 1.25 ** torch.arange(ACTIVE)
BITS = [digit.bit_length() - 1 for digit in range(ACTIVE, 1, -1)]  # 4 3 3 ... of a Lehmer code


class CustomSAE(BaseSAE):
    def encode(self, x):
        f = x.new_zeros(len(x), self.dict_size)
        left = torch.arange(ACTIVE).repeat(len(x), 1)
        used = 0
        for place in range(ACTIVE):
            width = BITS[place] if place < len(BITS) else 0
            bits = (x[:, used : used + width] > 0).long()
            digit = (bits * 2 ** torch.arange(bits.shape[1])).sum(-1, keepdim=True)
            rank = left.gather(1, digit)
            f[:, place] = GRID[rank[:, 0]]
            left = left[left != rank].view(len(x), -1)
            used += width
        return f

    def decode(self, f):
        values = f[:, :ACTIVE]
        x_hat = f.new_zeros(len(f), self.activation_dim)
        used = 0
        for place, width in enumerate(BITS):
            later = values[:, place + 1 :]
            digit = (later < values[:, place : place + 1]).sum(-1, keepdim=True)
            bits = digit // 2 ** torch.arange(width) % 2
            fits = x_hat[:, used : used + width].shape[1]
            x_hat[:, used : used + width] = SIZE * (2.0 * bits[:, :fits] - 1)
            used += width
        return x_hat
