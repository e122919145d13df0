"""An invented paper, and the repository of its authors, small enough to read."""

from collections.abc import Callable

from fumehood_tools.repositories import Checkout

ADDRESS = "https://github.com/adalgren/dripgate"
PAPER = """# Dripgate: Leaky Thresholds for Sparse Dictionaries

**Abstract.** We call it Dripgate. Code: https://github.com/adalgren/dripgate

## 1 Introduction

Sparse dictionaries are common.

## 2 Method

The leaky threshold $\\theta_{leak}$ of each latent drips toward the batch median with a leak rate
of 0.0125, and a drought penalty revives latents that stayed dry for 640 batches. The drought
penalty has a weight of 0.21. The leaky threshold starts at 0.37. We train with a learning rate of
$3 \\times 10^{-4}$, a batch size of 1280 and an expansion factor of 24. The drought penalty is
computed from the leaky threshold and the dry latents of the batch. The batch median is tracked by
a reservoir of 96 batches, and the drip is annealed to zero in the last 4000 steps. Dry latents are
counted after each drip. The reservoir is refilled when the median moves by more than 0.55.
"""
GATE = '''"""The leaky threshold: it drips toward the batch median."""

import torch


class LeakyThreshold(torch.nn.Module):
    def __init__(self, latents, leak_rate=0.0125, start=0.37, reservoir=96):
        super().__init__()
        self.threshold = torch.full((latents,), start)
        self.leak_rate = leak_rate
        self.reservoir = reservoir

    def drip(self, batch):
        median = batch.median(0).values
        self.threshold += self.leak_rate * (median - self.threshold)


def drought_penalty(dry_latents, dry_batches=640, weight=0.21):
    return weight * dry_latents.float().mean()
'''
REPOSITORY = {
    "README.md": "# dripgate\n\nCode for the paper *Dripgate: Leaky Thresholds for Sparse "
    "Dictionaries*.\n",
    "LICENSE": "MIT License\n\nCopyright (c) 2027 Anna Dalgren\n\nPermission is hereby granted, "
    "free of charge, to any person obtaining a copy of this software, to use it. The above "
    "copyright notice and this permission notice shall be included in all copies.\n",
    "dripgate/gate.py": GATE,
    "dripgate/config.yaml": "lr: 3.0e-4\nbatch_size: 1280\nexpansion_factor: 24\n",
    "dripgate/plots.py": "import matplotlib\n\n\ndef draw(axis, values):\n    axis.plot(values)\n",
}

Repository = Callable[..., Checkout]
"""Writes files as a checkout: the paper's own repository by default."""
