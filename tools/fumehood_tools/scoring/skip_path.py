"""Read the skip path of a transcoder out of a variant, so that the evaluator can apply it itself.

A transcoder's skip path is part of what is scored, so it must be what its declaration says: affine,
skip(x) = x W + b. It is read before any evaluation row has been shown: b = skip(0), and
W_i = skip(e_i) - b. From then on the evaluator computes x W + b, so nothing that reaches the
variant's skip, and nothing that it remembers, can stand in for its latents. Costs D rows.

The skip path of an SAE is shown beside its metrics and is not read out: it is computed by the
variant's code, in a child of its own.

N = rows, D = d_model; normalised space.
"""

from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.decoders import RESIDUAL_LIMIT
from fumehood_tools.scoring.role_child import RoleChild

if TYPE_CHECKING:
    from torch import Tensor


class LinearSkip(NamedTuple):
    """skip(x) = x W + b, from normalised inputs to normalised outputs."""

    W_DD: "Tensor"
    b_D: "Tensor"

    def __call__(self, x_ND: "Tensor") -> "Tensor":
        """Return float32 outputs [N, D]."""
        import torch

        return torch.addmm(self.b_D, x_ND, self.W_DD)


def read_skip(half: RoleChild, x_ND: "Tensor") -> LinearSkip:
    """Return the affine map that a child's skip computes. x_ND: training rows to judge it on.

    Raises IntegrityFailed if it is not affine on these rows, RunFailed.
    """
    import torch

    width = x_ND.shape[1]
    b_D = half(torch.zeros(1, width))[0]
    skip = LinearSkip(torch.cat(list(half.all(torch.eye(width)))) - b_D, b_D)
    found = torch.cat(list(half.all(x_ND))) - b_D
    expected = x_ND @ skip.W_DD
    size = max(float(found.norm()), float(expected.norm()), 1e-30)
    judge_affine(float((found - expected).norm()) / size)
    return skip


def judge_affine(measured: float) -> None:
    """Raise IntegrityFailed if a skip path differs from x W + b. measured: |difference| / |x W|."""
    if measured > RESIDUAL_LIMIT:
        raise IntegrityFailed(
            "skip_nonlinear",
            f"on rows of the training split skip(x) differs from x W + b by {measured:.1%} "
            f"(allowed: {RESIDUAL_LIMIT:.0%}), with W and b read from skip(e_i) and skip(0)",
            "Let skip return x @ W + b with one matrix and one bias. What is not linear in x "
            "belongs into latents.",
        )
