"""The primitives of sparse latents in plain torch: what every other backend must agree with.

They take and return plain tensors and know nothing of gradients. x is [B, D], W one row per latent
[F, D], b is [F]; pre = x W^T + b, [B, F], float32. Entries are listed row by row: value_A float32,
index_A int32, start_B int64 [B + 1]. A listed value of 0 is padding.

Cost: dense, 2 B D F per selection, and B * F numbers of memory.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Entries(NamedTuple):
    """Which latents of which rows, with their pre-activations (not below 0 unless said)."""

    value_A: Tensor
    index_A: Tensor
    start_B: Tensor


def topk(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, k: int) -> Entries:
    """Return the k largest of relu(pre) of every row: exactly k entries, in any order."""
    value_BK, index_BK = torch.addmm(b_F, x_BD, W_FD.T).relu_().topk(k, dim=-1, sorted=False)
    start_B = torch.arange(0, len(x_BD) * k + 1, k, device=x_BD.device)
    return Entries(value_BK.flatten(), index_BK.int().flatten(), start_B)


def batch_topk(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, count: int) -> Entries:
    """Return the `count` largest of relu(pre) of all rows together, those above 0."""
    pre_BF = torch.addmm(b_F, x_BD, W_FD.T).relu_()
    chosen = pre_BF.flatten().topk(min(count, pre_BF.numel()), sorted=False).indices
    mask_BF = torch.zeros_like(pre_BF, dtype=torch.bool)
    mask_BF.view(-1)[chosen] = True
    return _listed(pre_BF, mask_BF & (pre_BF > 0))


def above(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, floor_F: Tensor) -> Entries:
    """Return every pre-activation above its latent's floor; values may be negative."""
    pre_BF = torch.addmm(b_F, x_BD, W_FD.T)
    return _listed(pre_BF, pre_BF > floor_F)


def gathered_dot(x_BD: Tensor, W_FD: Tensor, index_A: Tensor, start_B: Tensor) -> Tensor:
    """Return value_A = x[row] . W[index], float32."""
    return (x_BD[_row_A(start_B)] * W_FD[index_A.long()]).sum(dim=-1)


def weighted_rows(value_A: Tensor, index_A: Tensor, start_B: Tensor, W_FD: Tensor) -> Tensor:
    """Return y [B, D]: the sum of value * W[index] over the entries of each row."""
    y_BD = W_FD.new_zeros(len(start_B) - 1, W_FD.shape[1])
    return y_BD.index_add_(0, _row_A(start_B), value_A[:, None] * W_FD[index_A.long()])


def outer_rows(
    value_A: Tensor, index_A: Tensor, start_B: Tensor, x_BD: Tensor, dict_size: int
) -> Tensor:
    """Return G [F, D]: the sum of value * x[row] over the entries of each latent."""
    G_FD = x_BD.new_zeros(dict_size, x_BD.shape[1])
    return G_FD.index_add_(0, index_A.long(), value_A[:, None] * x_BD[_row_A(start_B)])


def decode_gradients(
    value_A: Tensor, index_A: Tensor, start_B: Tensor, grad_BD: Tensor, W_FD: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradients of value_A and of W for y = weighted_rows(value, …, W)."""
    for_value_A = gathered_dot(grad_BD, W_FD, index_A, start_B)
    return for_value_A, outer_rows(value_A, index_A, start_B, grad_BD, len(W_FD))


def _row_A(start_B: Tensor) -> Tensor:
    rows = torch.arange(len(start_B) - 1, device=start_B.device)
    return torch.repeat_interleave(rows, start_B.diff())


def _listed(pre_BF: Tensor, mask_BF: Tensor) -> Entries:
    start_B = torch.zeros(len(pre_BF) + 1, dtype=torch.int64, device=pre_BF.device)
    start_B[1:] = mask_BF.sum(dim=1).cumsum(0)
    _, index_A = mask_BF.nonzero(as_tuple=True)
    return Entries(pre_BF[mask_BF], index_A.int(), start_B)
