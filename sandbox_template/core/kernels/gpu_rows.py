"""Gathered dot products, decode and weight gradients of sparse latents, as Triton kernels.

Same semantic as reference.py; float32 throughout. Every sum runs in a fixed order and there are no
atomics: two runs agree to the bit. A matrix that is not contiguous is copied first.

Cost: one row of D numbers read per entry; outer_rows also sorts the entries by latent.
"""

from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

ENTRIES = 16  # entries that one step of a program takes
BLOCK_D = 128


def kernel(body: Callable[..., Any]) -> Any:
    """Return body as a Triton kernel: triton.jit, which has no types."""
    return triton.jit(body)


def launch(of: Any, grid: tuple[int, ...], *arguments: Any, warps: int = 4) -> None:
    """Start a kernel's programs; fused multiply-adds are wanted, whatever Triton's default is."""
    with torch.cuda.device(arguments[0].get_device()):
        of[grid](*arguments, num_warps=warps, enable_fp_fusion=True)


def gathered_dot(x_BD: Tensor, W_FD: Tensor, index_A: Tensor, start_B: Tensor) -> Tensor:
    """Return value_A = x[row] . W[index], float32."""
    value_A = torch.empty(len(index_A), device=x_BD.device)
    return dot_between(x_BD, W_FD, index_A, start_B[:-1], start_B[1:], value_A)


def dot_between(
    x_BD: Tensor, W_FD: Tensor, index_A: Tensor, start_B: Tensor, end_B: Tensor, value_A: Tensor
) -> Tensor:
    """Write x[row] . W[index] for entries start_B[row] to end_B[row]; leave the others alone."""
    D = _shared_width(x_BD, W_FD)
    rows = (x_BD.contiguous(), W_FD.contiguous())
    between = (index_A, start_B, end_B)
    launch(dot_kernel, (len(x_BD),), *rows, *between, value_A, D, ENTRIES, BLOCK_D)
    return value_A


def weighted_rows(value_A: Tensor, index_A: Tensor, start_B: Tensor, W_FD: Tensor) -> Tensor:
    """Return y [B, D]: the sum of value * W[index] over the entries of each row."""
    groups, D = len(start_B) - 1, W_FD.shape[1]
    y_BD = torch.empty(groups, D, device=W_FD.device)
    entries = (value_A.contiguous(), index_A, start_B)
    grid = (groups, triton.cdiv(D, BLOCK_D))
    launch(sum_kernel, grid, *entries, W_FD.contiguous(), y_BD, D, ENTRIES, BLOCK_D)
    return y_BD


def outer_rows(
    value_A: Tensor, index_A: Tensor, start_B: Tensor, x_BD: Tensor, dict_size: int
) -> Tensor:
    """Return G [F, D]: the sum of value * x[row] over the entries of each latent.

    The same sum as weighted_rows, with entries grouped by latent and rows of x in place of W's.
    """
    rows = torch.arange(len(x_BD), dtype=torch.int32, device=x_BD.device)
    row_A = torch.repeat_interleave(rows, start_B.diff(), output_size=len(index_A))
    latent_A, order_A = torch.sort(index_A, stable=True)
    latents = torch.arange(dict_size + 1, dtype=latent_A.dtype, device=x_BD.device)
    start_F = torch.searchsorted(latent_A, latents)
    return weighted_rows(value_A[order_A], row_A[order_A], start_F, x_BD)


@kernel
def dot_kernel(
    x_ptr: tl.tensor,
    W_ptr: tl.tensor,
    index_ptr: tl.tensor,
    start_ptr: tl.tensor,
    end_ptr: tl.tensor,
    value_ptr: tl.tensor,
    D: tl.tensor,
    E: tl.constexpr,
    BLOCK_D: tl.constexpr,
) -> None:
    """One program per row of x. E = entries of one step."""
    row = tl.program_id(0).to(tl.int64)
    end = tl.load(end_ptr + row)
    for first in range(tl.load(start_ptr + row), end, E):
        entry_E = first + tl.arange(0, E)
        latent_E = tl.load(index_ptr + entry_E, mask=entry_E < end, other=0).to(tl.int64)
        product_ED = tl.zeros((E, BLOCK_D), tl.float32)
        for first_d in range(0, D, BLOCK_D):
            d_D = first_d + tl.arange(0, BLOCK_D)
            x_D = tl.load(x_ptr + row * D + d_D, mask=d_D < D, other=0.0)
            inside_ED = (entry_E < end)[:, None] & (d_D < D)[None, :]
            W_ED = tl.load(W_ptr + latent_E[:, None] * D + d_D[None, :], mask=inside_ED, other=0.0)
            product_ED += x_D[None, :] * W_ED
        tl.store(value_ptr + entry_E, tl.sum(product_ED, axis=1), mask=entry_E < end)


@kernel
def sum_kernel(
    value_ptr: tl.tensor,
    member_ptr: tl.tensor,
    start_ptr: tl.tensor,
    M_ptr: tl.tensor,
    y_ptr: tl.tensor,
    D: tl.tensor,
    E: tl.constexpr,
    BLOCK_D: tl.constexpr,
) -> None:
    """One program per group of entries and block of D: y[group] = sum of value * M[member]."""
    group = tl.program_id(0).to(tl.int64)
    d_D = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    end = tl.load(start_ptr + group + 1)
    y_D = tl.zeros((BLOCK_D,), tl.float32)
    for first in range(tl.load(start_ptr + group), end, E):
        entry_E = first + tl.arange(0, E)
        value_E = tl.load(value_ptr + entry_E, mask=entry_E < end, other=0.0)
        member_E = tl.load(member_ptr + entry_E, mask=entry_E < end, other=0).to(tl.int64)
        inside_ED = (entry_E < end)[:, None] & (d_D < D)[None, :]
        M_ED = tl.load(M_ptr + member_E[:, None] * D + d_D[None, :], mask=inside_ED, other=0.0)
        y_D += tl.sum(value_E[:, None] * M_ED, axis=0)
    tl.store(y_ptr + group * D + d_D, y_D, mask=d_D < D)


def _shared_width(x_BD: Tensor, W_FD: Tensor) -> int:
    D = x_BD.shape[1]
    assert W_FD.shape[1] == D, f"activations have {D} dims, rows of W {W_FD.shape[1]}"
    assert x_BD.dtype == W_FD.dtype == torch.float32, f"float32 wanted, not {x_BD.dtype}"
    return D


def decode_gradients(
    value_A: Tensor, index_A: Tensor, start_B: Tensor, grad_BD: Tensor, W_FD: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradients of value_A and of W for y = weighted_rows(value, …, W)."""
    for_value_A = gathered_dot(grad_BD, W_FD, index_A, start_B)
    return for_value_A, outer_rows(value_A, index_A, start_B, grad_BD, len(W_FD))
