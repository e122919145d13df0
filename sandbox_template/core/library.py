"""What is used of dictionary_learning, with types.

Importing this module puts the stand-ins of stubs.py in place first, so import dictionary_learning
through here (or after `import core`, as variants do). It also gives the library's trainers our
ConstrainedAdam, which does the same in two passes over the weights instead of a dozen.
"""

import importlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.kernels.adam import UnitNormAdam
from core.stubs import stub_unused

stub_unused()

if TYPE_CHECKING:

    class Dictionary(nn.Module):
        """Base class of every dictionary: encode, decode and two sizes."""

        activation_dim: int
        dict_size: int

        def encode(self, x: Tensor) -> Tensor: ...

        def decode(self, f: Tensor) -> Tensor: ...

    class SAETrainer:
        """Base class of the library's trainers."""

    class StandardTrainer(SAETrainer):
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

    class AutoEncoderTopK(Dictionary):
        """dictionary_learning's TopK SAE."""

        k: Tensor
        encoder: nn.Linear
        decoder: nn.Linear
        b_dec: nn.Parameter

        def __init__(self, activation_dim: int, dict_size: int, k: int) -> None: ...

        def encode(self, x: Tensor, **how: Any) -> Any: ...

    class TopKTrainer(SAETrainer):
        """dictionary_learning's trainer of it."""

        def __init__(self, **keywords: Any) -> None: ...

    class GatedAutoEncoder(Dictionary):
        """dictionary_learning's gated SAE."""

    class JumpReluAutoEncoder(Dictionary):
        """dictionary_learning's JumpReLU SAE."""

    class JumpReLUFunction(torch.autograd.Function):
        """x where it is above a threshold, which gets gradients within a bandwidth; else 0."""

    class StepFunction(torch.autograd.Function):
        """1 where x is above a threshold, which gets gradients within a bandwidth; else 0."""

    def geometric_median(points: Tensor) -> Tensor: ...

else:
    from dictionary_learning.dictionary import (  # noqa: F401  (ours import them from here)
        Dictionary,
        GatedAutoEncoder,
        JumpReluAutoEncoder,
    )
    from dictionary_learning.trainers.jumprelu import (  # noqa: F401  (ours import them from here)
        JumpReLUFunction,
        StepFunction,
    )
    from dictionary_learning.trainers.standard import StandardTrainer
    from dictionary_learning.trainers.top_k import (  # noqa: F401  (ours import them from here)
        AutoEncoderTopK,
        TopKTrainer,
        geometric_median,
    )
    from dictionary_learning.trainers.trainer import SAETrainer


class ConstrainedAdam(UnitNormAdam):
    """Adam that keeps some matrices at unit norm along dimension 0, as the library's.

    The library's StandardTrainer hands over all of decoder.parameters(): a bias, which it would
    force to norm 1, is left alone here.
    """

    def __init__(
        self,
        params: Iterable[Any],
        constrained_params: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        matrices = [weight for weight in constrained_params if weight.ndim > 1]
        super().__init__(params, dict.fromkeys(matrices, 0), lr=lr, betas=betas)

    @property
    def constrained_params(self) -> list[nn.Parameter]:
        """The matrices that are kept at unit norm."""
        return list(self.unit_norm)


for _module in ("trainer", "standard", "gdm", "p_anneal"):
    importlib.import_module(f"dictionary_learning.trainers.{_module}").ConstrainedAdam = (  # type: ignore[attr-defined]
        ConstrainedAdam
    )

__all__ = ["ConstrainedAdam", "Dictionary", "SAETrainer", "StandardTrainer", "geometric_median"]
