"""The product of activations and encoder weights, rounded where that was measured to be faster.

Screened values are only ever used to leave latents out: `slack_B` bounds, for every row, how far
one may be from the exact pre-activation.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from core.kernels import jitted
from core.kernels.arithmetic import product_dtype, screens_in_integers
from core.kernels.integers import bounded
from core.kernels.threads import over_rows

# Of sums in float32, relative to |x| |w| and the width; of a number in two bfloat16.
_SUM_ERROR, _PAIR_ERROR = 2.0**-23, 2.0**-16
# Rows are as long as the product is fast with.
_MULTIPLE = 32


class Screen(NamedTuple):
    """Pre-activations: bfloat16 as int16 bits when rounded, else float32 and exact.

    In integers they are bounds from above, of which nothing is more than 0 too low.
    """

    pre_BF: Tensor
    slack_B: Tensor
    rounded: bool


class Rounded(NamedTuple):
    """Rows in bfloat16, with |row| and how far rounding has moved it."""

    rows: Tensor
    norm: Tensor
    moved: Tensor


def round_rows(rows_ND: Tensor) -> Rounded:
    """Return float32 rows rounded to bfloat16 (nearest, ties to even), two columns or more wider.

    What is behind the columns of rows_ND is 0.
    """
    N, D = rows_ND.shape
    bits = torch.empty(N, -(-(D + 2) // _MULTIPLE) * _MULTIPLE, dtype=torch.uint16)
    norm, moved = torch.empty(N), torch.empty(N)
    arrays = [tensor.numpy() for tensor in (rows_ND, bits, norm, moved)]
    over_rows(N, partial(jitted.round_rows, *arrays))
    return Rounded(bits.view(torch.bfloat16), norm, moved)


def screen(x_BD: Tensor, W_FD: Tensor, b_F: Tensor) -> Screen:
    """Return x W^T + b [B, F]."""
    integers = bounded(x_BD, W_FD, b_F) if screens_in_integers() else None
    if integers is not None:
        return Screen(integers.bounds(), torch.zeros(len(x_BD)), True)
    if product_dtype() == torch.float32:
        return Screen(torch.addmm(b_F, x_BD, W_FD.T), torch.zeros(len(x_BD)), False)
    x, W, D = round_rows(x_BD), round_rows(W_FD), x_BD.shape[1]
    # The bias takes part in the product, as two numbers: it is rounded to 16 bits, not to 8.
    x.rows[:, D : D + 2] = 1
    W.rows[:, D] = b_F
    W.rows[:, D + 1] = b_F - W.rows[:, D]
    pre_BF = x.rows @ W.rows.T
    largest, farthest, bias = W.norm.max(), W.moved.max(), b_F.abs().max()
    slack_B = x.moved * largest + (x.norm + x.moved) * farthest
    slack_B += (x.norm * largest + 2 * bias) * (_SUM_ERROR * (D + 2)) + bias * _PAIR_ERROR
    return Screen(pre_BF.view(torch.int16), slack_B, True)
