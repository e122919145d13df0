"""Read a linear decoder out of a variant, so that the evaluator can apply it itself.

It is read before the encoder has seen any evaluation row: b = decode(0) and
W_i = (decode(u_i e_i) - b) / u_i, where u_i is the size of latent i (sizes.py). From then on the
evaluator computes x_hat = f W + b, so nothing that encode hides in latents, or elsewhere, reaches
the variant's decode. Declared nonlinear decoders are called behind the glass (decoding.py).

N = rows, D = d_model, F = dictionary size; normalised space.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.latents import Latents, decode_linear
from fumehood_tools.scoring.role_child import RoleChild

if TYPE_CHECKING:
    from torch import Tensor

# Reading W costs 2 D F^2 operations. For larger dictionaries W is taken from the weights file, if
# decode agrees with it on some trials.
READ_OUT_TO = 8192
TRIALS = 64
TRIAL_TOLERANCE = 1e-4
# Largest |decode(f) - (f W + b)| / |f W| on real latents. It protects honest authors, not the
# metrics, which are those of f W + b in any case. Measured: 5e-8 to 9e-8 for every packaged
# baseline, 2e-3 for a decoder in bfloat16, 0.24 for a second layer, 1.4 for unpacked bits.
RESIDUAL_LIMIT = 0.01


class LinearDecoder(NamedTuple):
    """x_hat = f W + b."""

    W_FD: "Tensor"
    b_D: "Tensor"

    def __call__(self, f: Latents) -> "Tensor":
        """Return float32 reconstructions [N, D]."""
        return decode_linear(f, self.W_FD, self.b_D)


def read_decoder(
    half: RoleChild, size_F: "Tensor", weights: Mapping[str, "Tensor"]
) -> LinearDecoder:
    """Return the linear part of the child's decode.

    size_F: the size of each latent, a power of 2. weights: the tensors of the weights file. Raises
    RunFailed, IntegrityFailed.
    """
    import torch

    dict_size = len(size_F)
    b_D = half(torch.zeros(1, dict_size))[0]
    if dict_size > READ_OUT_TO:
        named = _named_decoder(weights, dict_size, len(b_D))
        if named is not None and _agrees(half, LinearDecoder(named, b_D), size_F):
            return LinearDecoder(named, b_D)
    W_FD = torch.empty(dict_size, len(b_D))
    for start in range(0, dict_size, half.rows):
        count = min(half.rows, dict_size - start)
        single = torch.zeros(count, dict_size, dtype=torch.bfloat16)
        size_n = size_F[start : start + count]
        single[torch.arange(count), start + torch.arange(count)] = size_n.bfloat16()
        W_FD[start : start + count] = (half(single) - b_D) / size_n[:, None]
    return LinearDecoder(W_FD, b_D)


def _named_decoder(weights: Mapping[str, "Tensor"], F: int, D: int) -> "Tensor | None":
    """Return W [F, D] from the weights file if it has a usual name there, otherwise None."""
    for name, transposed in (("W_dec", False), ("decoder.weight", True)):
        if name in weights:
            W = weights[name].T if transposed else weights[name]
            if tuple(W.shape) == (F, D):
                return W.float().contiguous()
    return None


def _agrees(half: RoleChild, decoder: LinearDecoder, size_F: "Tensor") -> bool:
    """Tell whether decode agrees with this decoder on single latents and on mixtures."""
    import torch

    F = len(decoder.W_FD)
    single = torch.zeros(TRIALS, F)
    single[torch.arange(TRIALS), torch.randint(F, (TRIALS,))] = 1
    mixed = torch.rand(TRIALS, F) * (torch.rand(TRIALS, F) < 64 / F)
    trials = (torch.cat([single, mixed]) * size_F).bfloat16()
    expected = trials.float() @ decoder.W_FD
    found = torch.cat(list(half.all(trials))) - decoder.b_D
    return bool((found - expected).norm() <= TRIAL_TOLERANCE * expected.norm())


def residual(half: RoleChild, f_NF: "Tensor", decoder: LinearDecoder) -> float:
    """Return |decode(f) - (f W + b)| / |f W|, norms over all rows of bfloat16 latents [N, F]."""
    import torch

    found = torch.cat(list(half.all(f_NF))) - decoder.b_D
    linear = f_NF.float() @ decoder.W_FD
    size = max(float(found.norm()), float(linear.norm()), 1e-30)
    return float((found - linear).norm()) / size


def judge_linear(measured: float) -> None:
    """Raise IntegrityFailed if a decoder that was not declared nonlinear is not linear."""
    if measured > RESIDUAL_LIMIT:
        raise IntegrityFailed(
            "decoder_nonlinear",
            f"on real latents decode(f) differs from f W + b by {measured:.1%} (allowed: "
            f"{RESIDUAL_LIMIT:.0%}), with W and b read from decode(e_i) and decode(0)",
            'Make decode linear in f, or write DECODER = "nonlinear" at the top of the file: then '
            "decode itself is measured, and it must tolerate noise on f.",
        )
