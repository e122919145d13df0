"""What test_gpu.py runs in a child: the GPU primitives against reference.py, on this device.

On a CUDA machine at real sizes; in Triton's interpreter, on the CPU, at small ones.
"""

from typing import NamedTuple

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.kernels import gpu, reference
from core.kernels.latents import Latents

assert gpu.is_usable(), "wanted: triton, and CUDA or TRITON_INTERPRET=1"

CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"
SHAPES = (
    [(2048, 576, 4096, 32), (4096, 768, 16384, 1), (777, 2304, 65536, 64), (333, 576, 8192, 512)]
    if CUDA
    else [(5, 72, 300, 4), (1, 33, 70, 1), (3, 576, 130, 2), (2, 2304, 100, 2), (2, 24, 4200, 5)]
)
ENTRIES = SHAPES if CUDA else [(5, 72, 60, 4), (1, 33, 70, 1), (3, 576, 40, 16), (2, 2304, 20, 3)]
SEEDS = range(3 if CUDA else 2)
shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape)))
seeds = pytest.mark.parametrize("seed", SEEDS)


def drawn(B: int, D: int, F: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return x, W and b such that pre-activations are about of size 1."""
    draw = torch.Generator().manual_seed(seed)
    x_BD = torch.randn(B, D, generator=draw)
    W_FD = torch.randn(F, D, generator=draw) / D**0.5
    b_F = 0.1 * torch.randn(F, generator=draw)
    return x_BD.to(DEVICE), W_FD.to(DEVICE), b_F.to(DEVICE)


def drawn_entries(B: int, F: int, most: int, seed: int) -> reference.Entries:
    """Return entries of different latents per row; some rows have none, some values are 0."""
    draw = torch.Generator().manual_seed(seed)
    count_B = torch.randint(0, most + 1, (B,), generator=draw)
    count_B[1:2] = 0
    start_B = torch.cat([torch.zeros(1, dtype=torch.int64), count_B.cumsum(0)])
    rows = [torch.randperm(F, generator=draw)[:count].int() for count in count_B.tolist()]
    index_A = torch.cat(rows)
    value_A = torch.randn(len(index_A), generator=draw).relu()
    return reference.Entries(value_A.to(DEVICE), index_A.to(DEVICE), start_B.to(DEVICE))


def assert_alike(got: reference.Entries, want: reference.Entries, F: int, edge: Tensor) -> None:
    """Assert the same latents, but for those that rounding carries over the edge."""
    got_BF, want_BF = Latents(*got, F).dense(), Latents(*want, F).dense()
    value_BF = torch.maximum(got_BF, want_BF)
    wrong_BF = (got_BF - want_BF).abs() > 2e-5
    assert not (wrong_BF & ((value_BF - edge).abs() > 2e-5)).any()
    assert got.index_A.dtype == torch.int32 and got.start_B.dtype == torch.int64


@shapes
@seeds
def test_topk_is_the_dense_one(shape: tuple[int, int, int, int], seed: int) -> None:
    B, D, F, k = shape
    x_BD, W_FD, b_F = drawn(B, D, F, seed)
    got, want = gpu.topk(x_BD, W_FD, b_F, k), reference.topk(x_BD, W_FD, b_F, k)
    assert torch.equal(got.start_B, want.start_B)
    edge_B1 = want.value_A.view(B, k).min(dim=1, keepdim=True).values
    assert_alike(got, want, F, edge_B1)
    sorted_BK = got.value_A.view(B, k).sort().values
    assert torch.allclose(sorted_BK, want.value_A.view(B, k).sort().values, atol=2e-5)


@shapes
@seeds
def test_batch_topk_is_the_dense_one(shape: tuple[int, int, int, int], seed: int) -> None:
    B, D, F, k = shape
    x_BD, W_FD, b_F = drawn(B, D, F, seed)
    got, want = gpu.batch_topk(x_BD, W_FD, b_F, B * k), reference.batch_topk(x_BD, W_FD, b_F, B * k)
    assert len(got.value_A) == len(want.value_A) == B * k
    assert_alike(got, want, F, want.value_A.min())


@shapes
@seeds
def test_above_is_the_dense_one(shape: tuple[int, int, int, int], seed: int) -> None:
    B, D, F, _ = shape
    x_BD, W_FD, b_F = drawn(B, D, F, seed)
    floor_F = torch.linspace(2.0, 4.0, F, device=DEVICE)
    got, want = gpu.above(x_BD, W_FD, b_F, floor_F), reference.above(x_BD, W_FD, b_F, floor_F)
    assert_alike(got, want, F, floor_F)


def test_ordinary_activations_need_no_dense_row() -> None:
    B, D, F, k = SHAPES[0] if CUDA else (3, 576, 1200, 8)
    x_BD, W_FD, b_F = drawn(B, D, F, seed=0)
    before = gpu.exact_rows.total()
    gpu.topk(x_BD, W_FD, b_F, k)
    gpu.batch_topk(x_BD, W_FD, b_F, B * k)
    gpu.above(x_BD, W_FD, b_F, torch.full_like(b_F, 2.5))
    assert gpu.exact_rows.total() == before


@pytest.mark.parametrize("shape", ENTRIES, ids=lambda shape: "-".join(map(str, shape)))
@seeds
def test_sums_over_entries_are_the_dense_ones(shape: tuple[int, int, int, int], seed: int) -> None:
    B, D, F, k = shape
    x_BD, W_FD, _ = drawn(B, D, F, seed)
    value_A, index_A, start_B = drawn_entries(B, F, k, seed)
    for name, arguments in (
        ("gathered_dot", (x_BD, W_FD, index_A, start_B)),
        ("weighted_rows", (value_A, index_A, start_B, W_FD)),
        ("outer_rows", (value_A, index_A, start_B, x_BD, F)),
    ):
        got, want = getattr(gpu, name)(*arguments), getattr(reference, name)(*arguments)
        assert torch.allclose(got, want, rtol=1e-5, atol=2e-5), name


def test_gradients_of_a_latent_with_many_entries_are_the_same_to_the_bit_each_time() -> None:
    B, D, F = (8192, 768, 64) if CUDA else (70, 40, 2)
    x_BD, _, _ = drawn(B, D, F, seed=0)
    value_A, index_A, start_B = drawn_entries(B, F, F, seed=0)
    first, again = (gpu.outer_rows(value_A, index_A, start_B, x_BD, F) for _ in range(2))
    assert torch.equal(first, again)
    want_FD = Latents(value_A, index_A, start_B, F).dense().T @ x_BD
    assert torch.allclose(first, want_FD, rtol=1e-4, atol=1e-3)


class Misjudged(NamedTuple):
    """Latents 0 to 5 win every row, the next ones are decoys; bf16 puts the winners far behind."""

    x_BD: Tensor
    W_FD: Tensor
    b_F: Tensor
    floor: float


def misjudged(by: str, decoys: int) -> Misjudged:
    """Return winners that `by` underrates and decoys that it overrates, each nearly as far as can
    be: everything rounds by nearly half a step, in the same direction, along the other factor."""
    D, F = 64, 1800
    won, lost = slice(0, 6), slice(6, 6 + decoys)
    x_BD, W_FD, b_F = torch.zeros(3, D + 1), torch.zeros(F, D + 1), torch.full((F,), -1.0)
    if by == "weights":
        x_BD[:] = 1
        W_FD[won, :D], W_FD[won, D] = 1 + 2**-8 - 2**-16, -64
        W_FD[lost, :D], W_FD[lost, D] = 1 + 2**-8 + 2**-16, -64
        b_F[won], b_F[lost], floor = 2**-7, 0, 0.2525
    elif by == "activations":
        x_BD[:, :D], x_BD[:, D] = 1 + 2**-8 - 2**-16, 64
        W_FD[won, :D], W_FD[won, D] = 1, -1
        W_FD[lost, :D], W_FD[lost, D] = -1, 1
        b_F[won], b_F[lost], floor = 0.25 + 2**-7, 0.75, 0.504
    else:  # the sum: 256.98 becomes 256 and 257.01 becomes 258
        x_BD[:, :2] = 1
        W_FD[won, 0], W_FD[won, 1] = 256, 1 - 2**-6
        W_FD[lost, 0], W_FD[lost, 1] = 256, 1 + 2**-7
        b_F[won], b_F[lost], floor = 2**-5, 0, 257.01
    return Misjudged(x_BD.to(DEVICE), W_FD.to(DEVICE), b_F.to(DEVICE), floor)


@pytest.mark.parametrize("by", ["weights", "activations", "sum"])
@pytest.mark.parametrize("primitive", ["topk", "batch_topk", "above"])
@pytest.mark.parametrize(("decoys", "falls_back"), [(100, False), (400, True)])
def test_latents_that_bf16_misjudges_are_chosen_all_the_same(
    by: str, primitive: str, decoys: int, falls_back: bool
) -> None:
    x_BD, W_FD, b_F, floor = misjudged(by, decoys)
    rounded_BF = (x_BD.bfloat16() @ W_FD.bfloat16().T).float() + b_F
    assert rounded_BF[:, 6].min() > rounded_BF[:, :6].max() + 0.4
    wanted = {"topk": 6, "batch_topk": 18, "above": torch.full_like(b_F, floor)}[primitive]
    before = gpu.exact_rows[primitive]
    got = getattr(gpu, primitive)(x_BD, W_FD, b_F, wanted)
    winners = torch.arange(6, dtype=torch.int32, device=DEVICE)
    assert torch.equal(got.index_A.view(3, 6).sort().values, winners.expand(3, 6))
    assert gpu.exact_rows[primitive] - before == (3 if falls_back else 0)


# Not shrunk: what a seed draws has no simpler form.
@settings(max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate])
@given(
    seed=st.integers(0, 10_000),
    B=st.integers(1, 4),
    D=st.integers(1, 40),
    F=st.integers(1, 300),
    distinct=st.integers(1, 300),
    scale=st.sampled_from([2.0**-70, 2.0**-20, 1.0, 2.0**20]),
    share=st.floats(0, 1),
)
def test_integers_are_selected_without_any_error(
    seed: int, B: int, D: int, F: int, distinct: int, scale: float, share: float
) -> None:
    """Sums of integers are exact in float32, and bf16 rounds these: equal means equal."""
    draw = torch.Generator().manual_seed(seed)
    x_BD = torch.randint(-400, 400, (B, D), generator=draw).float()
    W_FD = torch.randint(-400, 400, (distinct, D), generator=draw).float()
    W_FD = W_FD[torch.randint(distinct, (F,), generator=draw)]
    b_F = torch.randint(-9000, 9000, (F,), generator=draw).float() * scale
    rows = ((x_BD * scale).to(DEVICE), W_FD.to(DEVICE), b_F.to(DEVICE))
    k, count = max(1, int(share * F)), int(share * B * F)
    got, want = gpu.topk(*rows, k).value_A, reference.topk(*rows, k).value_A
    assert torch.equal(got.view(B, k).sort().values, want.view(B, k).sort().values)
    got, want = gpu.batch_topk(*rows, count).value_A, reference.batch_topk(*rows, count).value_A
    assert torch.equal(got.sort().values, want.sort().values)
    pre_BF = torch.addmm(rows[2], rows[0], rows[1].T)
    floor_F = pre_BF[0].clamp(min=pre_BF.quantile(0.97))
    for got, want in zip(gpu.above(*rows, floor_F), reference.above(*rows, floor_F), strict=True):
        assert torch.equal(got, want)


def test_equal_latents_fall_back_and_any_of_them_may_be_chosen() -> None:
    x_BD, W_FD, b_F = drawn(3, 40, 4, seed=1)
    W_FD, b_F = W_FD.repeat(300, 1), b_F.abs().repeat(300)
    before = gpu.exact_rows["topk"]
    got, want = gpu.topk(x_BD, W_FD, b_F, 5), reference.topk(x_BD, W_FD, b_F, 5)
    assert torch.allclose(got.value_A, want.value_A, atol=1e-5)
    assert len(set(got.index_A.view(3, 5)[0].tolist())) == 5
    assert gpu.exact_rows["topk"] > before


def test_fewer_active_latents_than_k_are_filled_up_with_zeros() -> None:
    x_BD, W_FD, b_F = drawn(3, 40, 300, seed=2)
    b_F -= 2
    got, want = gpu.topk(x_BD, W_FD, b_F, 100), reference.topk(x_BD, W_FD, b_F, 100)
    assert (want.value_A == 0).sum() > 200 and (got.value_A > 0).sum() > 0
    assert_alike(got, want, 300, torch.zeros(1, device=DEVICE))
    assert got.index_A.min() >= 0 and got.index_A.max() < 300
    before = gpu.exact_rows["batch_topk"]
    got, want = gpu.batch_topk(x_BD, W_FD, b_F, 300), reference.batch_topk(x_BD, W_FD, b_F, 300)
    assert torch.equal(got.index_A, want.index_A) and torch.equal(got.start_B, want.start_B)
    assert gpu.exact_rows["batch_topk"] == before


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the interpreter's numpy, on overflow
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, 3e38])
def test_one_bad_row_leaves_the_others_alone(bad: float) -> None:
    x_BD, W_FD, b_F = drawn(4, 40, 300, seed=3)
    x_BD[2, 5] = bad
    got, want = gpu.topk(x_BD, W_FD, b_F, 8), reference.topk(x_BD, W_FD, b_F, 8)
    got_BK, want_BK = (e.value_A.view(4, 8).sort().values for e in (got, want))
    assert torch.allclose(got_BK, want_BK, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_views_give_what_their_copies_give() -> None:
    x_BD, W_FD, b_F = drawn(8, 80, 200, seed=4)
    views = (x_BD[::2, ::2], W_FD.T.contiguous().T[:, ::2], b_F.repeat_interleave(2)[::2])
    copies = [view.clone(memory_format=torch.contiguous_format) for view in views]
    floor_F = torch.full((400,), 1.5, device=DEVICE)[::2]
    for got, want in zip(gpu.above(*views, floor_F), gpu.above(*copies, floor_F), strict=True):
        assert torch.equal(got, want)
    value_A, index_A, start_B = gpu.topk(*views, 3)
    assert torch.equal(value_A, gpu.topk(*copies, 3).value_A)
    for view, copy in zip(views[:2], copies[:2], strict=True):
        sums = (gpu.weighted_rows(value_A, index_A % len(M), start_B, M) for M in (view, copy))
        assert torch.equal(*sums)


def test_no_tokens_and_no_entries_are_no_error() -> None:
    x_BD, W_FD, b_F = drawn(2, 40, 300, seed=5)
    none = x_BD[:0]
    assert gpu.topk(none, W_FD, b_F, 4).start_B.tolist() == [0]
    assert gpu.batch_topk(none, W_FD, b_F, 4).start_B.tolist() == [0]
    assert gpu.above(none, W_FD, b_F, b_F).start_B.tolist() == [0]
    value_A, index_A, start_B = gpu.above(x_BD, W_FD, b_F, torch.full_like(b_F, 99.0))
    assert start_B.tolist() == [0, 0, 0]
    assert not gpu.weighted_rows(value_A, index_A, start_B, W_FD).any()
    assert not gpu.outer_rows(value_A, index_A, start_B, x_BD, 300).any()


def test_a_wrong_width_or_type_is_said() -> None:
    x_BD, W_FD, b_F = drawn(2, 40, 30, seed=6)
    with pytest.raises(AssertionError, match="activations have 39 dims, rows of W 40"):
        gpu.topk(x_BD[:, 1:], W_FD, b_F, 4)
    with pytest.raises(AssertionError, match="float32 wanted"):
        gpu.topk(x_BD.bfloat16(), W_FD.bfloat16(), b_F, 4)
