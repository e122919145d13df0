"""How straight a nonlinear decoder's answer is along the size of one latent.

The noise curve bounds how finely a decoder may read sizes. It does not bound what it reads from
them: a latent with two or three sizes that are far apart can name as many unrelated codewords, so
it counts as one latent and works as three. So one random active latent of each trial row gets a
random share of its size. If latents say how strongly something is there, x_hat moves by about this
share of the way between its value without the latent and its value with it:

    bend = |x_hat(share) - (x_hat(0) + share (x_hat(1) - x_hat(0)))| / |x_hat(1) - x_hat(0)|

with norms over all rows: 0 for a linear decoder. R = trial rows, A = their active latents.
"""

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.latents import Latents
from fumehood_tools.scoring.trials import DROPPED, PLAIN

if TYPE_CHECKING:
    from torch import Tensor

PART = "part of one latent"
LEAST, MOST = 0.1, 0.95
# Measured: 0 to 0.0022 for the four honest SAEs of the red team with a nonlinear decoder, up to
# 0.09 for a softplus of few latents; 0.66 to 1.3 for four codes in sizes, 0.29 for one that decodes
# in proportion what is near none of its sizes.
BEND_LIMIT = 0.15


def with_part(exact: Latents, dropped: Latents) -> Latents:
    """Return the exact latents, of which the one that `dropped` lacks has a random share."""
    import torch

    exact, dropped = exact.sparse(), dropped.sparse()
    place_A = exact.row_A() * exact.dict_size + exact.index_A
    kept = dropped.row_A() * dropped.dict_size + dropped.index_A
    is_kept_A = torch.isin(place_A, kept)
    draw = torch.Generator()
    draw.manual_seed(secrets.randbits(60))
    share_A = LEAST + (MOST - LEAST) * torch.rand(len(place_A), generator=draw)
    value_A = torch.where(is_kept_A, exact.value_A.float(), exact.value_A.float() * share_A)
    return exact._replace(value_A=value_A.bfloat16())


def bend_of(trials: Mapping[str, Latents], x_hat: "Mapping[str, Tensor]") -> float:
    """Return the bend. x_hat: reconstructions [R, D] of the trials PLAIN, DROPPED and PART."""
    whole_R, none_R, part_R = (_sums(trials[name]) for name in (PLAIN, DROPPED, PART))
    moved_R = whole_R - none_R
    some_R = moved_R > 0
    share_R = (part_R - none_R)[some_R] / moved_R[some_R]
    whole, none, part = (x_hat[name][some_R].double() for name in (PLAIN, DROPPED, PART))
    apart = (part - none - share_R[:, None] * (whole - none)).norm()
    return float(apart / (whole - none).norm().clamp(min=1e-30))


def _sums(f: Latents) -> "Tensor":
    """Return the sum of each row's latents, float64 [R]."""
    import torch

    f = f.sparse()
    sums_R = torch.zeros(f.rows, dtype=torch.float64)
    return sums_R.index_add_(0, f.row_A(), f.value_A.double())


def judge_bend(bend: float) -> None:
    """Raise IntegrityFailed if the sizes of latents are read as codes."""
    if bend > BEND_LIMIT:
        raise IntegrityFailed(
            "decoder_packing",
            f"with a part of one latent, x_hat is {bend:.2f} of that latent's effect away from "
            f"the same part of the way (allowed: {BEND_LIMIT:.2f})",
            "Let x_hat move about in proportion to the size of each latent. It must not read from "
            "a size which of several things a latent stands for.",
        )
