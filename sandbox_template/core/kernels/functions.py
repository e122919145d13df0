"""Sparse latents with gradients: what a variant calls.

Forward and gradients are those of the dense form, to float32 rounding; only active latents are
touched. B = tokens, D = activation_dim, F = dict_size, A = entries (about B * L0).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from core.kernels.arithmetic import product_dtype
from core.kernels.backends import backend_of
from core.kernels.latents import Latents
from core.kernels.products import exact_products
from core.kernels.reference import Entries


def topk_encode(
    x_BD: Tensor, W_enc_FD: Tensor, b_enc_F: Tensor, k: int, *, centred_on: Tensor | None = None
) -> Latents:
    """Return the k largest of relu(x W_enc^T + b_enc) of every token (arXiv 2406.04093).

    k entries per token; where fewer are above 0, the rest are padding. Gradients as of relu and
    topk: to the chosen entries above 0. centred_on: a bias [D] that was subtracted from a detached
    x, which gets its gradient from here, for much less than x's. Raises ValueError unless k is from
    1 to F.
    """
    entries = _select("topk", x_BD, W_enc_FD, b_enc_F, possible_k(k, len(W_enc_FD)))
    return _latents(x_BD, W_enc_FD, b_enc_F, entries, rectified=True, centred_on=centred_on)


def batch_topk_encode(
    x_BD: Tensor, W_enc_FD: Tensor, b_enc_F: Tensor, k: int, *, centred_on: Tensor | None = None
) -> Latents:
    """Return the k * B largest of relu(x W_enc^T + b_enc) of the batch (arXiv 2412.06410).

    centred_on: as of topk_encode. Raises ValueError unless k is from 1 to F.
    """
    wanted = possible_k(k, len(W_enc_FD)) * len(x_BD)
    entries = _select("batch_topk", x_BD, W_enc_FD, b_enc_F, wanted)
    return _latents(x_BD, W_enc_FD, b_enc_F, entries, rectified=True, centred_on=centred_on)


def threshold_encode(
    x_BD: Tensor, W_enc_FD: Tensor, b_enc_F: Tensor, floor: Tensor | float = 0.0
) -> Latents:
    """Return the pre-activations x W_enc^T + b_enc that are above a floor, for all or per latent.

    floor 0: the latents of a ReLU. Gradients go to the listed values; the floor gets none. Pays
    where few latents are above it: from one in eight on it is computed densely.
    """
    floor_F = torch.as_tensor(floor, dtype=x_BD.dtype, device=x_BD.device).expand(len(W_enc_FD))
    entries = _select("above", x_BD, W_enc_FD, b_enc_F, floor_F.detach().contiguous())
    return _latents(x_BD, W_enc_FD, b_enc_F, entries, rectified=False)


def rectified(x: Tensor, W_enc_FD: Tensor, b_enc_F: Tensor, floor: Tensor | float = 0.0) -> Tensor:
    """Return dense latents [..., F] of x [..., D]: pre-activations above a floor >= 0, else 0.

    floor 0 is relu. Without gradients, where products may be screened, it computes active latents
    only: the same numbers to float32 rounding.
    """
    if product_dtype() == torch.float32 or torch.is_grad_enabled():
        return _above_floor(torch.nn.functional.linear(x, W_enc_FD, b_enc_F), floor)
    f = threshold_encode(x.reshape(-1, x.shape[-1]), W_enc_FD, b_enc_F, floor)
    return f.dense().view(*x.shape[:-1], -1)


def _above_floor(pre: Tensor, floor: Tensor | float) -> Tensor:
    """Return pre where it is above a floor >= 0, else 0. pre may be written over without gradients.

    A mask is a second pass over all latents, and takes ten times as long as the first.
    """
    if torch.is_grad_enabled():
        active = torch.relu(pre)
        return active if isinstance(floor, float) and floor == 0 else active * (pre > floor)
    if isinstance(floor, Tensor) and floor.numel() > 1:
        return pre.relu_().mul_((pre > floor).to(pre.dtype))
    return torch.nn.functional.threshold(pre, max(0.0, float(floor)), 0.0, inplace=True)


def sparse_decode(latents: Latents, W_dec_DF: Tensor) -> Tensor:
    """Return f W_dec^T [B, D], without a bias. W_dec is the weight of nn.Linear(F, D).

    Fastest where W_dec's columns are contiguous (see `latent_major`).
    """
    decoded: Tensor = _apply(_Decode, *latents[:3], W_dec_DF)
    return decoded


def decode_error(
    y_BD: Tensor, latents: Latents, W_dec_DF: Tensor, bias_D: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the mean over tokens of |error|^2, and the error y - (f W_dec^T + bias) [B, D].

    What `sparse_decode` and torch do in a dozen passes over [B, D] takes four. y gets no gradient.
    """
    loss, error_BD = _apply_two(_DecodeError, *latents[:3], W_dec_DF, bias_D, y_BD.detach())
    return loss, error_BD


def latent_major(weight_DF: Tensor) -> Tensor:
    """Return the same matrix with each column (one latent) contiguous in memory."""
    return weight_DF.t().contiguous().t()


def possible_k(k: int, F: int) -> int:
    """Return k. Raises ValueError unless it is from 1 to F."""
    if not 1 <= k <= F:
        raise ValueError(f"k is {k}, but k must be from 1 to the number of latents, {F}")
    return k


def _select(name: str, x_BD: Tensor, W_FD: Tensor, b_F: Tensor, wanted: Any) -> Entries:
    given = [tensor.detach().contiguous() for tensor in (x_BD, W_FD, b_F)]
    with exact_products():
        chosen: Entries = getattr(backend_of(*given), name)(*given, wanted)
    return chosen


def _latents(
    x: Tensor,
    W: Tensor,
    b: Tensor,
    entries: Entries,
    *,
    rectified: bool,
    centred_on: Tensor | None = None,
) -> Latents:
    value_A = _apply(_Encode, x, W, b, *entries, rectified, centred_on)
    return Latents(value_A, entries.index_A, entries.start_B, len(W))


def _apply(function: Any, *given: Any) -> Tensor:
    result: Tensor = function.apply(*given)
    return result


def _apply_two(function: Any, *given: Any) -> tuple[Tensor, Tensor]:
    first, second = function.apply(*given)
    return first, second


class _Encode(Function):
    """Chosen pre-activations, of which the values are known: only gradients are computed here."""

    @staticmethod
    def forward(
        ctx: Any,
        x_BD: Tensor,
        W_FD: Tensor,
        b_F: Tensor,
        value_A: Tensor,
        index_A: Tensor,
        start_B: Tensor,
        rectified: bool,
        centred_on: Tensor | None,
    ) -> Tensor:
        ctx.save_for_backward(x_BD, W_FD, value_A, index_A, start_B)
        ctx.rectified = rectified
        return value_A.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x_BD, W_FD, value_A, index_A, start_B = ctx.saved_tensors
        grad_A = grads[0] * (value_A > 0) if ctx.rectified else grads[0].contiguous()
        backend, F = backend_of(x_BD, W_FD), len(W_FD)
        for_x, for_W, for_b = ctx.needs_input_grad[:3]
        for_centre = ctx.needs_input_grad[-1]
        grad_F = None
        if for_b or for_centre:
            grad_F = grad_A.new_zeros(F).index_add_(0, index_A, grad_A)
        return (
            backend.weighted_rows(grad_A, index_A, start_B, W_FD.contiguous()) if for_x else None,
            backend.outer_rows(grad_A, index_A, start_B, x_BD.contiguous(), F) if for_W else None,
            grad_F if for_b else None,
            *[None] * 4,
            # The centre is the same for all tokens: a product with one row instead of B.
            -(grad_F @ W_FD) if for_centre and grad_F is not None else None,
        )


class _Decode(Function):
    """Weighted sums of decoder columns."""

    @staticmethod
    def forward(
        ctx: Any, value_A: Tensor, index_A: Tensor, start_B: Tensor, W_DF: Tensor
    ) -> Tensor:
        W_FD = W_DF.t().contiguous()
        ctx.save_for_backward(value_A, index_A, start_B, W_FD)
        decoded: Tensor = backend_of(W_FD).weighted_rows(value_A, index_A, start_B, W_FD)
        return decoded

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return _decode_gradients(ctx, ctx.saved_tensors, grads[0].contiguous())


class _DecodeError(Function):
    """Weighted sums of decoder columns, subtracted from a target, and the square of what is left.

    The square is differentiated with the sums, so the gradient [B, D] is written once.
    """

    @staticmethod
    def forward(
        ctx: Any,
        value_A: Tensor,
        index_A: Tensor,
        start_B: Tensor,
        W_DF: Tensor,
        bias_D: Tensor,
        y_BD: Tensor,
    ) -> tuple[Tensor, Tensor]:
        W_FD = W_DF.t().contiguous()
        error_BD = backend_of(W_FD).weighted_rows(value_A, index_A, start_B, W_FD)
        torch.sub(y_BD, error_BD, out=error_BD).sub_(bias_D)
        ctx.save_for_backward(value_A, index_A, start_B, W_FD, error_BD)
        ctx.set_materialize_grads(False)
        return torch.linalg.vector_norm(error_BD).square() / len(y_BD), error_BD

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        *decoded, error_BD = ctx.saved_tensors
        of_loss, of_error = grads
        if of_loss is None:
            grad_BD = -of_error.contiguous()
        else:
            grad_BD = error_BD * (of_loss * (-2 / len(error_BD)))
            grad_BD = grad_BD if of_error is None else grad_BD.sub_(of_error)
        grad_D = grad_BD.sum(dim=0) if ctx.needs_input_grad[4] else None
        return *_decode_gradients(ctx, decoded, grad_BD), grad_D, None


def _decode_gradients(ctx: Any, decoded: Sequence[Tensor], grad_BD: Tensor) -> Any:
    """Return the gradients of a list's values (behind them two of places, None) and of W [D, F]."""
    value_A, index_A, start_B, W_FD = decoded
    backend, for_value, for_W = backend_of(W_FD), ctx.needs_input_grad[0], ctx.needs_input_grad[3]
    for_value_A = for_W_FD = None
    if for_value and for_W:
        listed = (value_A, index_A, start_B)
        for_value_A, for_W_FD = backend.decode_gradients(*listed, grad_BD, W_FD)
    elif for_value:
        for_value_A = backend.gathered_dot(grad_BD, W_FD, index_A, start_B)
    elif for_W:
        for_W_FD = backend.outer_rows(value_A, index_A, start_B, grad_BD, len(W_FD))
    return for_value_A, None, None, None if for_W_FD is None else for_W_FD.t()
