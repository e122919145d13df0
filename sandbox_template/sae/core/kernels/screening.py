"""The product of activations and encoder weights, rounded where that was measured to be faster.

Screened values are only ever used to leave latents out: `slack_B` bounds, for every row, how far
one may be from the exact pre-activation.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from core.kernels import jitted
from core.kernels.arithmetic import product_dtype
from core.kernels.threads import over_rows

# Of sums in float32, relative to |x| |w| and the width; of bfloat16, relative to the value.
_SUM_ERROR, _ROUNDING = 2.0**-23, 2.0**-8


class Screen(NamedTuple):
    """Pre-activations: bfloat16 as int16 bits when rounded, else float32 and exact."""

    pre_BF: Tensor
    slack_B: Tensor
    rounded: bool


class Rounded(NamedTuple):
    """Rows in bfloat16, with |row| and how far rounding has moved it."""

    rows: Tensor
    norm: Tensor
    moved: Tensor


def round_rows(rows_ND: Tensor) -> Rounded:
    """Return float32 rows rounded to bfloat16 (nearest, ties to even)."""
    N, D = rows_ND.shape
    bits = torch.empty(N, D, dtype=torch.uint16)
    norm, moved = torch.empty(N), torch.empty(N)
    arrays = [tensor.numpy() for tensor in (rows_ND, bits, norm, moved)]
    over_rows(N, partial(jitted.round_rows, *arrays))
    return Rounded(bits.view(torch.bfloat16), norm, moved)


def screen(x_BD: Tensor, W_FD: Tensor, b_F: Tensor) -> Screen:
    """Return x W^T + b [B, F]."""
    if product_dtype() == torch.float32:
        return Screen(torch.addmm(b_F, x_BD, W_FD.T), torch.zeros(len(x_BD)), False)
    x, W = round_rows(x_BD), round_rows(W_FD)
    pre_BF = torch.addmm(b_F.bfloat16(), x.rows, W.rows.T)
    largest, farthest = W.norm.max(), W.moved.max()
    slack_B = x.moved * largest + (x.norm + x.moved) * farthest
    slack_B += x.norm * largest * (_SUM_ERROR * x_BD.shape[1])
    # The bias is rounded by itself, and the product before it is added.
    slack_B += b_F.abs().max() * (2 * _ROUNDING)
    return Screen(pre_BF.view(torch.int16), slack_B, True)
