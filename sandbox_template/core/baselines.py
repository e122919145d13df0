"""What a variant needs to stand on one of dictionary_learning's own trainers in a short run.

The library's defaults suit 100,000 steps: thresholds start after 1,000, their averages look back
1,000 steps, a latent counts as dead after ten million tokens.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def keywords_for(trainer_class: type, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the StandardTrainer's keywords that trainer_class takes."""
    accepted = inspect.signature(trainer_class).parameters
    return {name: value for name, value in keywords.items() if name in accepted}


def threshold_keywords(steps: int) -> dict[str, Any]:
    """Return when TopK trainers start to follow their threshold, and how fast they follow it.

    Start at 10 % of the steps; the moving average looks back over 5 % of them. With the library's
    1,000 and 0.999 a short run is evaluated with no threshold at all, at many times its k.
    """
    look_back = max(2.0, 0.05 * steps)
    return {
        "threshold_start_step": min(steps // 10, steps - 2),
        "threshold_beta": 1 - 1 / look_back,
    }


class FollowsThreshold:
    """A mixin for batch-wise TopK trainers: the threshold survives batches without activity."""

    ae: Any
    threshold_beta: float

    @torch.no_grad()
    def update_threshold(self, f: Tensor) -> None:
        """Follow the smallest active latent of f [B, F]; a batch with none changes nothing."""
        active = f[f > 0]
        if active.numel() == 0:
            return
        smallest = active.min().float()
        old = self.ae.threshold
        beta = self.threshold_beta
        self.ae.threshold = smallest if old < 0 else beta * old + (1 - beta) * smallest
