"""Compare the GPU kernels for sparse latents with their dense form, for growing dictionaries.

usage: python benchmarks/kernels_gpu.py [--tokens 4096] [--width 768] [--active 32] [--quick]

Per dictionary size and primitive: milliseconds of fumehood's kernels, of the dense float32 form in
torch (which dictionary_learning's and SAELens' trainers use), and of sparsify's functions if it is
installed. If not, torch's embedding_bag stands in, which sparsify's decoder uses without its own
kernel. All run in one process on the same normally distributed numbers, timed by
triton.testing.do_bench. The table also shows the rows that fell back to the dense form: if there
are many, screening did not pay off.
Without a CUDA device, nothing is measured.
"""

import argparse
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sandbox_template"))

Run = Callable[[], object]


class Contest(NamedTuple):
    """One primitive with its dense form and, if there is one, a peer's implementation."""

    name: str
    ours: Run
    dense: Run
    peer: Run | None = None


def contests(B: int, D: int, F: int, k: int, device: str) -> list[Contest]:
    """Return the six primitives on the same random inputs, with k of F latents active."""
    from core.kernels import gpu, reference
    from core.kernels.latents import Latents

    torch.manual_seed(0)
    x_BD = torch.randn(B, D, device=device)
    W_FD = torch.randn(F, D, device=device) / D**0.5
    b_F = torch.zeros(F, device=device)
    active = reference.topk(x_BD, W_FD, b_F, k)
    floor_F = torch.full_like(b_F, float(active.value_A.view(B, k).min(dim=1).values.median()))
    f_BF = Latents(*active, F).dense()
    value_A, index_A, start_B = active
    index_BK = index_A.view(B, k).long()
    encode, decode = sparsify(x_BD, W_FD, b_F, k, index_BK, value_A.view(B, k))
    return [
        Contest(
            "topk",
            lambda: gpu.topk(x_BD, W_FD, b_F, k),
            lambda: reference.topk(x_BD, W_FD, b_F, k),
            encode,
        ),
        Contest(
            "batch_topk",
            lambda: gpu.batch_topk(x_BD, W_FD, b_F, B * k),
            lambda: reference.batch_topk(x_BD, W_FD, b_F, B * k),
        ),
        Contest(
            "above",
            lambda: gpu.above(x_BD, W_FD, b_F, floor_F),
            lambda: reference.above(x_BD, W_FD, b_F, floor_F),
        ),
        Contest(
            "gathered_dot",
            lambda: gpu.gathered_dot(x_BD, W_FD, index_A, start_B),
            lambda: (x_BD @ W_FD.T).gather(1, index_BK),
        ),
        Contest(
            "weighted_rows",
            lambda: gpu.weighted_rows(value_A, index_A, start_B, W_FD),
            lambda: f_BF @ W_FD,
            decode,
        ),
        Contest(
            "outer_rows",
            lambda: gpu.outer_rows(value_A, index_A, start_B, x_BD, F),
            lambda: f_BF.T @ x_BD,
        ),
    ]


def sparsify(
    x_BD: Tensor, W_FD: Tensor, b_F: Tensor, k: int, index_BK: Tensor, value_BK: Tensor
) -> tuple[Run | None, Run]:
    """Return sparsify's encoder and decoder; if it is missing, None and torch's embedding_bag."""
    if importlib.util.find_spec("sparsify") is None:
        bag = torch.nn.functional.embedding_bag
        return None, lambda: bag(index_BK, W_FD, per_sample_weights=value_BK, mode="sum")
    from sparsify.fused_encoder import fused_encoder
    from sparsify.utils import decoder_impl

    return (
        lambda: fused_encoder(x_BD, W_FD, b_F, k, "topk"),
        lambda: decoder_impl(index_BK, value_BK, W_FD),
    )


def show(contest: Contest, F: int, milliseconds: Callable[[Run], float]) -> float:
    """Print one row of the table; return the time of the dense form over that of ours."""
    from core.kernels import gpu

    before = gpu.exact_rows.total()
    contest.ours()
    fell_back = gpu.exact_rows.total() - before
    ours, dense = milliseconds(contest.ours), milliseconds(contest.dense)
    peer = f"{milliseconds(contest.peer):10.3f}" if contest.peer else f"{'-':>10}"
    ratio = f"{dense / ours:7.2f}"
    print(
        f"{F:8,} {contest.name:14}{ours:10.3f}{dense:10.3f}{peer}{ratio}{fell_back:8}", flush=True
    )
    return dense / ours


def main() -> None:
    """Print the table and the result line."""
    parser = argparse.ArgumentParser(description="GPU primitives against their dense form")
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--active", type=int, default=32)
    parser.add_argument("--quick", action="store_true", help="the smallest and largest F only")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no CUDA device, so nothing was measured.")
        return
    from triton.testing import do_bench

    B, D, k = arguments.tokens, arguments.width, arguments.active
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, B {B}, D {D}, k {k}")
    header = f"{'ours ms':>10}{'dense':>10}{'peer':>10}{'ratio':>7}{'dense rows':>11}"
    print(f"{'F':>8} {'':14}{header}")
    sizes = (4096, 65536) if arguments.quick else (4096, 8192, 16384, 32768, 65536)
    for F in sizes:
        ratios = {one.name: show(one, F, do_bench) for one in contests(B, D, F, k, "cuda")}
    print(", ".join(f"{name} {ratio:.1f} x dense" for name, ratio in ratios.items()), f"at F {F:,}")


if __name__ == "__main__":
    main()
