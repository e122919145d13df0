"""What is used of dictionary_learning, with types.

Importing this module puts the stand-ins of stubs.py in place first, so import dictionary_learning
through here (or after `import core`, as variants do).
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.stubs import stub_unused

stub_unused()

if TYPE_CHECKING:

    class Dictionary(nn.Module):
        """Base class of every dictionary: encode, decode and two sizes."""

        activation_dim: int
        dict_size: int

        def encode(self, x: Tensor) -> Tensor: ...

        def decode(self, f: Tensor) -> Tensor: ...

    class StandardTrainer:
        """ReLU + L1. Decoder columns are kept at unit norm by its optimiser."""

        ae: Any
        lr: float
        l1_penalty: float
        steps: int
        seed: int | None
        device: str
        steps_since_active: Tensor | None
        optimizer: torch.optim.Optimizer
        sparsity_warmup_fn: Callable[[int], float]

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

        def update(self, step: int, activations: Tensor) -> float | None: ...

    def geometric_median(points: Tensor) -> Tensor: ...

    class ConstrainedAdam(torch.optim.Adam):
        """Adam that keeps some parameters at unit norm along dimension 0."""

        constrained_params: list[nn.Parameter]

        def __init__(self, params: Iterable[Any], constrained_params: Iterable[Any], lr: float): ...
else:
    from dictionary_learning.dictionary import Dictionary
    from dictionary_learning.trainers.standard import StandardTrainer
    from dictionary_learning.trainers.top_k import geometric_median
    from dictionary_learning.trainers.trainer import ConstrainedAdam

__all__ = ["ConstrainedAdam", "Dictionary", "StandardTrainer", "geometric_median"]
