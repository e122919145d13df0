"""Screening: every pre-activation from a bf16 product, with bounds that hold for sure.

x [B, D], W [F, D], b [F]; pre = x W^T + b. Write x' and W' for x and W rounded to bf16. Then
    x.w - x'.w' = x'.(w - w') + (x - x').w,  at most  |x'| |w - w'| + |x - x'| |w|,
and the norms on the right are measured: on normally distributed rows of 576 to 2304 numbers that
is about half of the worst case of bf16, |x| |w| / 128. The rounding of the sums (D / 2^23 of
|x| |w|, the product's and the re-scoring's) and of the bf16 output (1/256 of it) are added. So pre
lies between the bounds, whatever the numbers; where they are not finite, nothing is ruled out.

Cost: a bf16 product, 2 B D F, its B F bf16 numbers, and one pass over W.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from core.kernels.gpu_rows import BLOCK_D, kernel, launch

BLOCK = 1024  # latents that one step of a program takes
GROUPS = 4096  # see floor_kernel
BINS = 256
ROWS = 16  # rows that a program rounds


class Screened(NamedTuple):
    """A bf16 product and its bounds: |pre - product - b| <= slack_B * norm_F + rounding."""

    product_BF: Tensor  # bfloat16
    slack_B: Tensor
    norm_F: Tensor
    bias_F: Tensor


def screen(x_BD: Tensor, W_FD: Tensor, b_F: Tensor) -> Screened:
    """Return the screened pre-activations of all latents."""
    D = x_BD.shape[1]
    assert W_FD.shape[1] == D, f"activations have {D} dims, rows of W {W_FD.shape[1]}"
    assert x_BD.dtype == W_FD.dtype == b_F.dtype == torch.float32, "float32 wanted"
    x16_BD, x_norm_B, x_lost_B = _rounded(x_BD)
    W16_FD, W_norm_F, W_lost_F = _rounded(W_FD)
    with _sums_in_float32():
        product_BF = x16_BD @ W16_FD.T
    # 2^-30 covers what underflows in norms and products.
    lost_share = (W_lost_F / (W_norm_F + 2.0**-30)).max()
    of_sums = (2 * D + 16) * 2.0**-23
    slack_B = (x_norm_B + x_lost_B) * (lost_share + of_sums) + x_lost_B
    slack_B = slack_B * (1.001 + D * 2.0**-22) + 2.0**-30  # the norms are float32 sums too
    return Screened(product_BF, slack_B, W_norm_F + 2.0**-30, b_F.contiguous())


def row_floors(seen: Screened, k: int) -> Tensor:
    """Return floor_B: at or below the k-th largest relu(pre) of each row, and not below 0."""
    B, F = seen.product_BF.shape
    floor_B = torch.empty(B, device=seen.slack_B.device)
    groups = min(GROUPS, triton.next_power_of_2(F))
    launch(floor_kernel, (B,), *seen, floor_B, F, k, groups, warps=8)
    return floor_B


def batch_floor(seen: Screened, count: int) -> Tensor:
    """Return floor [1]: at or below the count-th largest relu(pre) of all rows, and not below 0.

    A digit search over the bits of the lower bounds: 8 of the exponent, then 8 of the mantissa.
    """
    B, F = seen.product_BF.shape
    device = seen.slack_B.device
    prefix = torch.zeros(1, dtype=torch.int32, device=device)
    over = torch.zeros(1, dtype=torch.int64, device=device)
    for shift in (23, 15):
        found_BN = torch.empty(B, BINS, dtype=torch.int32, device=device)
        launch(histogram_kernel, (B,), *seen, found_BN, prefix, F, shift, BINS, BLOCK)
        at_least_N = found_BN.sum(dim=0).flip(0).cumsum(0).flip(0) + over
        # The highest digit with `count` at or above it; none: 0, and everything is a candidate.
        digit = ((at_least_N >= count).sum() - 1).clamp(min=0).reshape(1)
        over = torch.cat([at_least_N, over])[digit + 1]
        prefix = (prefix << 8) + digit.int()
    return (prefix << 15).view(torch.float32)


def listed(seen: Screened, floor: Tensor, start_B: Tensor, index_A: Tensor) -> Tensor:
    """Write the latents that may be at or above the floor into index_A, and return count_B.

    The floor is one number per row ([B, 1]), per latent ([F]) or for all ([1]). Row b has room from
    start_B[b] to start_B[b + 1]; what does not fit is counted, not written.
    """
    B, F = seen.product_BF.shape
    strides = floor.expand(B, F).stride()
    count_B = torch.empty(B, dtype=torch.int64, device=floor.device)
    launch(list_kernel, (B,), *seen, floor, *strides, start_B, index_A, count_B, F, BLOCK)
    return count_B


def counted(seen: Screened, floor: Tensor) -> Tensor:
    """Return count_B: how many latents of each row listed() would list, had it room."""
    no_room_B = torch.zeros(len(seen.product_BF) + 1, dtype=torch.int64, device=floor.device)
    return listed(seen, floor, no_room_B, no_room_B.int())


def _rounded(M_ND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return M in bfloat16, the norm of each row, and the norm of what rounding took from it."""
    N, D = M_ND.shape
    rounded_ND = torch.empty(N, D, dtype=torch.bfloat16, device=M_ND.device)
    norm_N, lost_N = torch.empty(2, N, device=M_ND.device)
    results = (rounded_ND, norm_N, lost_N)
    grid = (triton.cdiv(N, ROWS),)
    launch(round_kernel, grid, M_ND.contiguous(), *results, N, D, ROWS, BLOCK_D)
    return rounded_ND, norm_N, lost_N


@contextmanager
def _sums_in_float32() -> Iterator[None]:
    # torch lets cuBLAS add partial sums in bf16 unless told not to; the bounds would not hold.
    flags = torch.backends.cuda.matmul
    before = flags.allow_bf16_reduced_precision_reduction
    flags.allow_bf16_reduced_precision_reduction = False
    try:
        yield
    finally:
        flags.allow_bf16_reduced_precision_reduction = before


@kernel
def round_kernel(
    M_ptr: tl.tensor,
    rounded_ptr: tl.tensor,
    norm_ptr: tl.tensor,
    lost_ptr: tl.tensor,
    N: tl.tensor,
    D: tl.tensor,
    ROWS: tl.constexpr,
    BLOCK_D: tl.constexpr,
) -> None:
    """One program per ROWS rows."""
    row_R = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    square_RD = tl.zeros((ROWS, BLOCK_D), tl.float32)
    lost_RD = tl.zeros((ROWS, BLOCK_D), tl.float32)
    for first in range(0, D, BLOCK_D):
        d_D = first + tl.arange(0, BLOCK_D)
        at_RD = row_R[:, None] * D + d_D[None, :]
        inside_RD = (row_R < N)[:, None] & (d_D < D)[None, :]
        M_RD = tl.load(M_ptr + at_RD, mask=inside_RD, other=0.0)
        rounded_RD = M_RD.to(tl.bfloat16)
        tl.store(rounded_ptr + at_RD, rounded_RD, mask=inside_RD)
        difference_RD = M_RD - rounded_RD.to(tl.float32)
        square_RD += M_RD * M_RD
        lost_RD += difference_RD * difference_RD
    tl.store(norm_ptr + row_R, tl.sqrt(tl.sum(square_RD, axis=1)), mask=row_R < N)
    tl.store(lost_ptr + row_R, tl.sqrt(tl.sum(lost_RD, axis=1)), mask=row_R < N)


@kernel
def bounds(
    product_ptr: tl.tensor,
    slack_ptr: tl.tensor,
    norm_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    row: tl.tensor,
    f_N: tl.tensor,
    F: tl.tensor,
) -> tl.tensor:
    """Return the lower and the upper bounds of pre[row, f]. Beyond the last f: not above 0."""
    slack = tl.load(slack_ptr + row)
    product_N = tl.load(product_ptr + row * F + f_N, mask=f_N < F, other=0.0).to(tl.float32)
    norm_N = tl.load(norm_ptr + f_N, mask=f_N < F, other=0.0)
    bias_N = tl.load(bias_ptr + f_N, mask=f_N < F, other=0.0)
    # 0.00391: half a unit in the last place of a bf16 output, and 2^-21 for adding the bias.
    error_N = slack * norm_N + 0.00391 * tl.abs(product_N) + 1e-6 * tl.abs(bias_N)
    middle_N = product_N + bias_N
    return middle_N - error_N, middle_N + error_N


@kernel
def floor_kernel(
    product_ptr: tl.tensor,
    slack_ptr: tl.tensor,
    norm_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    floor_ptr: tl.tensor,
    F: tl.tensor,
    k: tl.tensor,
    GROUPS: tl.constexpr,
) -> None:
    """One program per row, one reading of it: the k-th largest of GROUPS maxima.

    Each is the largest lower bound of the latents f with f % GROUPS alike. Being k different
    latents, the k largest are not above the k largest of all; with GROUPS well above k, they are
    nearly those.
    """
    row = tl.program_id(0).to(tl.int64)
    best_N = tl.zeros((GROUPS,), tl.float32)
    for first in range(0, F, GROUPS):
        f_N = first + tl.arange(0, GROUPS)
        lower_N, _ = bounds(product_ptr, slack_ptr, norm_ptr, bias_ptr, row, f_N, F)
        best_N = tl.maximum(best_N, lower_N)
    # Floats that are not negative are in the order of their bits: find the floor bit by bit.
    bits_N = best_N.to(tl.int32, bitcast=True)
    floor = tl.zeros((), tl.int32)
    for place in range(0, 23):
        trial = floor | (1 << (30 - place))
        enough = tl.sum((bits_N >= trial).to(tl.int32), axis=0) >= k
        floor = tl.where(enough, trial, floor)
    tl.store(floor_ptr + row, floor.to(tl.float32, bitcast=True))


@kernel
def histogram_kernel(
    product_ptr: tl.tensor,
    slack_ptr: tl.tensor,
    norm_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    found_ptr: tl.tensor,
    prefix_ptr: tl.tensor,
    F: tl.tensor,
    shift: tl.tensor,
    BINS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One program per row: how many lower bounds above 0 begin with prefix, by their next digit."""
    row = tl.program_id(0).to(tl.int64)
    prefix = tl.load(prefix_ptr)
    found_N = tl.zeros((BINS,), tl.int32)
    for first in range(0, F, BLOCK):
        f_N = first + tl.arange(0, BLOCK)
        lower_N, _ = bounds(product_ptr, slack_ptr, norm_ptr, bias_ptr, row, f_N, F)
        digits_N = lower_N.to(tl.int32, bitcast=True) >> shift
        wanted_N = (lower_N > 0) & ((digits_N >> 8) == prefix)
        found_N += tl.histogram(digits_N & 255, BINS, mask=wanted_N)
    tl.store(found_ptr + row * BINS + tl.arange(0, BINS), found_N)


@kernel
def list_kernel(
    product_ptr: tl.tensor,
    slack_ptr: tl.tensor,
    norm_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    floor_ptr: tl.tensor,
    row_stride: tl.tensor,
    latent_stride: tl.tensor,
    start_ptr: tl.tensor,
    index_ptr: tl.tensor,
    count_ptr: tl.tensor,
    F: tl.tensor,
    BLOCK: tl.constexpr,
) -> None:
    """One program per row: list, in order, the latents not surely below their floor."""
    row = tl.program_id(0).to(tl.int64)
    start = tl.load(start_ptr + row)
    room = tl.load(start_ptr + row + 1) - start
    count = tl.zeros((), tl.int64)
    for first in range(0, F, BLOCK):
        f_N = first + tl.arange(0, BLOCK)
        _, upper_N = bounds(product_ptr, slack_ptr, norm_ptr, bias_ptr, row, f_N, F)
        floor_at = floor_ptr + row * row_stride + f_N * latent_stride
        floor_N = tl.load(floor_at, mask=f_N < F, other=0.0)
        # Asked this way round, NaN is listed.
        may_N = (f_N < F) & ((upper_N < floor_N) == 0)
        place_N = count + tl.cumsum(may_N.to(tl.int32), axis=0) - 1
        tl.store(index_ptr + start + place_N, f_N, mask=may_N & (place_N < room))
        count += tl.sum(may_N.to(tl.int32), axis=0)
    tl.store(count_ptr + row, count)
