"""Large float32 products in bfloat16 with float32 sums, for code that knows nothing of it.

What TF32 is to a GPU, for machines with bfloat16 arithmetic (a CPU: five times the rate): operands
and result are rounded, sums and everything else stay float32, in the forward pass and backwards.
Elementwise work, reductions and the optimiser are not touched. Training only: metrics never see it.
"""

import contextlib
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

# Smaller products are not worth the conversion of their operands: of 2,048 x 576 numbers with 20 x
# 576, which are as many as this, the rounded product takes 0.3 ms with it and the exact one 0.7.
LEAST_FLOPS = 5e7
_MM, _ADDMM = torch.ops.aten.mm.default, torch.ops.aten.addmm.default


def exact_products() -> contextlib.AbstractContextManager[object]:
    """Round nothing for a while. No operation is looked at then, each of which takes 3 us."""
    return torch._C._DisableTorchDispatch()


class RoundedProducts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While active, matrix products of float32 tensors are rounded as described above."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is _MM and _is_large(*args[:2]):
            return _product(*args[:2])
        if func is _ADDMM and not kwargs and _is_large(*args[1:3]):
            bias, left, right = args
            return _product(left, right).add_(bias)
        return func(*args, **(kwargs or {}))


def _is_large(left: Tensor, right: Tensor) -> bool:
    both = left.dtype == right.dtype == torch.float32
    return both and 2.0 * left.shape[0] * left.shape[1] * right.shape[1] >= LEAST_FLOPS


def _product(left: Tensor, right: Tensor) -> Tensor:
    return (left.bfloat16() @ right.bfloat16()).float()
