"""Pre-activations of ReLU-like SAEs: a list where few latents are active, a matrix where many are.

Only active latents have gradients in such an SAE, so the products behind the encoder's (decoder,
and the gradients of both matrices) can be computed on a list of them. That is cheaper below a share
of active latents; the first steps of a training are above it. Each step counts and chooses.
Values and gradients are those of the dense form to float32 rounding, and depend on no clock.

B = tokens, D = activation_dim, F = dict_size, A = entries (about B * L0).
"""

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from core.kernels.arithmetic import product_dtype
from core.kernels.backends import backend_of
from core.kernels.functions import sparse_decode
from core.kernels.latents import Latents
from core.kernels.threads import over_rows

# The share of active latents from which dense products are faster, by their number format: measured
# (benchmarks/README.md). Near it both cost the same, so it need not be right for every processor.
DENSE_FROM = {torch.float32: 0.25, torch.bfloat16: 0.08}


class Preactivations(NamedTuple):
    """Pre-activations above a floor, or all of them: formulas of both forms are the same.

    value: those of the listed latents [A], or of all [B, F]. place: where the listed ones are.
    """

    value: Tensor
    place: Latents | None

    def spread(self, number_F: Tensor) -> Tensor:
        """Return a number per latent in a shape that fits `value`."""
        return number_F if self.place is None else number_F.index_select(0, self.place.index_A)

    def decode(self, value: Tensor, W_dec_DF: Tensor) -> Tensor:
        """Return f W_dec^T [B, D], f being `value` where that is listed, and 0 elsewhere."""
        if self.place is None:
            return value @ W_dec_DF.t()
        return sparse_decode(self.place._replace(value_A=value), W_dec_DF)

    def counted(self, chosen: Tensor) -> Tensor:
        """Return int64 [F]: for how many tokens `chosen`, a bool for each value, is true."""
        if self.place is None:
            return chosen.sum(dim=0)
        return torch.bincount(self.place.index_A[chosen], minlength=self.place.dict_size)


def preactivations(
    x_BD: Tensor,
    W_enc_FD: Tensor,
    b_enc_F: Tensor | None = None,
    *,
    floor: Tensor | float = 0.0,
    centre_D: Tensor | None = None,
) -> Preactivations:
    """Return (x - centre) W_enc^T + b_enc: those above a floor (per latent or for all) where few
    are, else all. For use where what is not above the floor has value 0 and no gradient.

    Gradients go to x, W_enc, b_enc and centre; the floor gets none.
    """
    F = len(W_enc_FD)
    with torch.no_grad():
        centred_BD = (x_BD if centre_D is None else x_BD - centre_D).contiguous()
        product_BF = centred_BD @ W_enc_FD.t()
        pre_BF = product_BF if b_enc_F is None else product_BF.add_(b_enc_F)
        floor_F = torch.as_tensor(floor, dtype=pre_BF.dtype, device=pre_BF.device).expand(F)
        place = _listed(pre_BF, floor_F.contiguous())
    known = pre_BF if place is None else place.value_A
    given = (x_BD, centre_D, W_enc_FD, b_enc_F, centred_BD, known)
    value: Tensor = _Known.apply(*given, place)  # type: ignore[no-untyped-call]
    return Preactivations(value, place)


def _listed(pre_BF: Tensor, floor_F: Tensor) -> Latents | None:
    """Return what is above the floor, or None where that is too much or kernels are missing."""
    if not getattr(backend_of(pre_BF), "LISTS_PREACTIVATIONS", False):
        return None
    from core.kernels import jitted_active

    B, F = pre_BF.shape
    start_B = torch.zeros(B + 1, dtype=torch.int64)
    dense = [tensor.numpy() for tensor in (pre_BF, floor_F)]
    over_rows(B, partial(jitted_active.count_above, *dense, start_B[1:].numpy()))
    torch.cumsum(start_B[1:], 0, out=start_B[1:])
    A, most = int(start_B[-1]), DENSE_FROM[product_dtype()] * B * F
    if most < A:
        return None
    value_A, index_A = torch.empty(A), torch.empty(A, dtype=torch.int32)
    lists = [tensor.numpy() for tensor in (start_B, value_A, index_A)]
    over_rows(B, partial(jitted_active.list_above, *dense, *lists))
    return Latents(value_A, index_A, start_B, F)


class _Known(Function):
    """Pre-activations that are known already: only gradients are computed here."""

    @staticmethod
    def forward(
        ctx: Any,
        x_BD: Tensor,
        centre_D: Tensor | None,
        W_FD: Tensor,
        b_F: Tensor | None,
        centred_BD: Tensor,
        known: Tensor,
        place: Latents | None,
    ) -> Tensor:
        ctx.save_for_backward(W_FD, centred_BD)
        ctx.place = place
        return known.view_as(known)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        W_FD, centred_BD = ctx.saved_tensors
        grad, place, F = grads[0].contiguous(), ctx.place, len(W_FD)
        for_x, for_centre, for_W, for_b = ctx.needs_input_grad[:4]
        grad_x = grad_W = grad_F = None
        if place is None:
            grad_x = grad @ W_FD if for_x else None
            grad_W = grad.t() @ centred_BD if for_W else None
            grad_F = grad.sum(dim=0) if for_b or for_centre else None
        else:
            listed, backend = (grad, place.index_A, place.start_B), backend_of(W_FD)
            grad_x = backend.weighted_rows(*listed, W_FD.contiguous()) if for_x else None
            grad_W = backend.outer_rows(*listed, centred_BD, F) if for_W else None
            if for_b or for_centre:
                grad_F = grad.new_zeros(F).index_add_(0, place.index_A, grad)
        # The centre is the same for all tokens: a product with one row instead of B.
        grad_centre = -(grad_F @ W_FD) if for_centre and grad_F is not None else None
        return grad_x, grad_centre, grad_W, grad_F if for_b else None, None, None, None
