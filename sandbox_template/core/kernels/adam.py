"""Adam for dictionaries: project, clip, step and normalise in two passes over the weights.

The libraries' trainers do it in a dozen. Same numbers to 1e-6 relative, per step:

    g_dec = g_dec - (g_dec . n) n,  n = w / (|w| + eps)     the part along a latent's own direction
    g     = g * min(1, most_norm / (|g| + 1e-6))            over all parameters, where asked for
    Adam (Kingma and Ba, arXiv 1412.6980), then w_dec = w_dec / (|w_dec| + eps)
"""

import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from core.kernels.backends import has_numba
from core.kernels.products import exact_products
from core.kernels.threads import over_rows

_EPSILON = torch.finfo(torch.float32).eps
_SWITCHES = ("amsgrad", "maximize", "capturable", "differentiable", "weight_decay")


class _Matrix(NamedTuple):
    """A parameter as the kernels take it: contiguous; directions are its rows or its columns."""

    weight: Tensor
    grad: Tensor
    across: bool
    directions: int
    turned: bool

    def like(self, tensor: Tensor) -> Tensor:
        """Return a tensor that lies as the weight does in the weight's form."""
        return tensor.t() if self.turned else tensor.view(self.weight.shape)


class UnitNormAdam(torch.optim.Adam):
    """Adam that keeps the directions of some matrices at unit norm.

    unit_norm names them, with the dimension along which the norm is 1: 0 for the weight [D, F] of
    nn.Linear(F, D), 1 for a W_dec [F, D]. Without numba, on a GPU, and with Adam's rarer options it
    does the same by torch.
    """

    def __init__(
        self,
        params: Iterable[Any],
        unit_norm: Mapping[nn.Parameter, int],
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        most_norm: float | None = None,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps)
        self.unit_norm, self.most_norm = dict(unit_norm), most_norm

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Do one step with the gradients that are there."""
        weights = [w for group in self.param_groups for w in group["params"] if w.grad is not None]
        usual = not any(group[switch] for group in self.param_groups for switch in _SWITCHES)
        if closure is None and usual and has_numba() and all(map(_is_fit, weights)):
            with exact_products():
                return self._fused(weights)
        return self._plain(closure, weights)

    def _plain(self, closure: Any, weights: list[nn.Parameter]) -> Any:
        for w, dim in self.unit_norm.items():
            if w.grad is not None:
                n = w / (w.norm(dim=dim, keepdim=True) + _EPSILON)
                # The real part of a complex product: the part along a direction, as of two reals.
                w.grad -= (w.grad * n.conj()).real.sum(dim=dim, keepdim=True) * n
        if self.most_norm is not None:
            torch.nn.utils.clip_grad_norm_(weights, self.most_norm)
        result = super().step(closure)
        for w, dim in self.unit_norm.items():
            w.div_(w.norm(dim=dim, keepdim=True) + _EPSILON)
        return result

    def _fused(self, weights: list[nn.Parameter]) -> None:
        matrices = {w: _matrix(w, self.unit_norm.get(w)) for w in weights}
        along, squares = {}, 0.0
        for weight, matrix in matrices.items():
            if weight in self.unit_norm:
                along[weight], square = _parts_along(matrix)
                squares += square
            elif self.most_norm is not None:
                squares += float(matrix.grad.norm()) ** 2
        scale = 1.0
        if self.most_norm is not None:
            scale = min(1.0, self.most_norm / (math.sqrt(squares) + 1e-6))
        for group in self.param_groups:
            for weight in group["params"]:
                if weight in matrices:
                    numbers = self._numbers(weight, group, scale)
                    _step(matrices[weight], self.state[weight], along.get(weight), numbers)

    def _numbers(self, weight: nn.Parameter, group: Mapping[str, Any], scale: float) -> Any:
        state = self.state[weight]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
            state["exp_avg_sq"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
        state["step"] += 1
        done, (beta1, beta2) = float(state["step"]), group["betas"]
        step_size = float(group["lr"]) / (1 - beta1**done)
        correction = 1 / math.sqrt(1 - beta2**done)
        return np.array(
            [scale, beta1, beta2, step_size, correction, group["eps"]], dtype=np.float32
        )


def _is_fit(weight: nn.Parameter) -> bool:
    """Return whether the kernels can take a parameter: float32, on the CPU, dense, contiguous."""
    lies = weight.is_contiguous() or (weight.ndim == 2 and weight.t().is_contiguous())
    dense = weight.grad is not None and not weight.grad.is_sparse
    return dense and lies and weight.dtype == torch.float32 and weight.device.type == "cpu"


def _matrix(weight: nn.Parameter, dim: int | None) -> _Matrix:
    """Return a parameter in the kernels' form; dim: the dimension that a direction runs along."""
    grad = weight.grad
    assert grad is not None
    turned = not weight.is_contiguous()
    if grad.stride() != weight.stride():
        grad = torch.empty_like(weight).copy_(grad)
    plain = weight.detach()
    if turned:
        plain, grad = plain.t(), grad.t()
    elif weight.ndim != 2:
        plain, grad = plain.view(1, -1), grad.view(1, -1)
    across = dim is not None and (dim == 0) != turned
    return _Matrix(plain, grad, across, plain.shape[1 if across else 0], turned)


def _parts_along(matrix: _Matrix) -> tuple[Tensor, float]:
    """Return each gradient's part along its direction, and the squared norm of all the rest."""
    from core.kernels import jitted_adam

    along, squares = torch.empty(matrix.directions), torch.empty(matrix.directions)
    given = [tensor.numpy() for tensor in (matrix.grad, matrix.weight, along, squares)]
    kernel = jitted_adam.square_norms_across if matrix.across else jitted_adam.square_norms
    over_rows(matrix.directions, partial(kernel, *given))
    return along, float(squares.sum(dtype=torch.float64))


def _step(matrix: _Matrix, state: Mapping[str, Tensor], along: Tensor | None, numbers: Any) -> None:
    from core.kernels import jitted_adam

    held = [matrix.like(state[name]) for name in ("exp_avg", "exp_avg_sq")]
    parts = torch.empty(0) if along is None else along
    given = [tensor.numpy() for tensor in (matrix.weight, matrix.grad, *held, parts)]
    if matrix.across:
        over_rows(matrix.directions, partial(jitted_adam.adam_across, *given, numbers))
        return
    normal = along is not None
    over_rows(matrix.directions, partial(jitted_adam.adam_rows, *given, numbers, normal))
