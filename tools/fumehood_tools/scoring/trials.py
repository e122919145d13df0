"""The noise curve: explained variance when latents are known less exactly.

A sparse code says which latents are active and roughly how strongly. A variant can also hide a code
in the digits of its latents, which an honest SAE does not need. Such a code explains much with
exact latents and nothing with rough ones. So some evaluation rows are decoded with changed active
latents: with noise relative to each value, with noise in units of the latent's root mean square,
rounded to 8-bit and 4-bit numbers, and with one random active latent set to 0.

R = rows, F = dictionary size, D = d_model.
"""

import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.latents import Latents
from fumehood_tools.scoring.reconstruction import Reconstruction, ReconstructionTotals

if TYPE_CHECKING:
    from torch import Tensor

PLAIN, DROPPED = "exact", "one latent less"
LEVELS = (0.02, 0.05, 0.1, 0.2)
SCORED_AT = 0.1
# An SAE that loses more explained variance than this at 10 % of noise is scored with that noise.
# Measured losses: honest nonlinear decoders 0.0062 to 0.0067 (4 SAEs of the red team at L0 2 to
# 16), a linear TopK at L0 32 on SmolLM2-135M 0.0034, codes in digits 0.2 to 0.9.
NEEDS_DIGITS = 0.01
# Larger losses are refused. Noise of 2 % costs an honest decoder 4e-5 to 2e-4 and a packer of bits
# 0.98. Dropping one latent costs honest decoders 0.6 to 0.81 times 1 / L0 (18 SAEs at L0 1 to 16;
# 0.34 for a linear TopK at L0 32 on SmolLM2-135M), a code that reads two latents together 1.98
# times 1 / L0 at L0 2, and one that reads four together 1.9 times at L0 4.
NOISE_LIMIT = 0.05
DROP_LIMIT, DROP_SHARES = 0.05, 1.2


def relative(level: float) -> str:
    """Return the name of the trial with this level of noise, relative to each value."""
    return f"relative {level:.0%}"


def additive(level: float) -> str:
    """Return the name of the trial with this level of noise, relative to each latent's size."""
    return f"additive {level:.0%}"


def changed(f: Latents, rms_F: "Tensor") -> Iterator[tuple[str, Latents]]:
    """Yield the name and the changed latents of each trial.

    f: the exact latents of R rows. rms_F: the root mean square of each latent. torch's global
    random numbers are not used, because probes are trained with them in another thread.
    """
    import torch

    draw = torch.Generator()
    draw.manual_seed(secrets.randbits(60))
    f = f.sparse()
    value_A, rms_A = f.value_A.float(), rms_F[f.index_A]
    # The smallest value of a changed latent, so that noise never switches one off.
    least_A = torch.minimum(rms_A, value_A) * 2.0**-8

    def with_values(new_A: "Tensor") -> Latents:
        return f._replace(value_A=torch.maximum(new_A, least_A).bfloat16())

    for level in LEVELS:
        noise_A = torch.randn(value_A.shape, generator=draw)
        yield relative(level), with_values(value_A * (1 + level * noise_A))
        yield additive(level), with_values(value_A + level * rms_A * noise_A)
    # Three bits after the leading one, as in the format e4m3, but without its narrow range.
    mantissa_A, exponent_A = torch.frexp(value_A)
    yield "fp8", with_values(torch.ldexp((mantissa_A * 16).round() / 16, exponent_A))
    # 15 steps up to four times the root mean square. Active latents stay active.
    step_A = rms_A * 4 / 15
    yield "4 bits", with_values((value_A / step_A).round().clamp(1, 15) * step_A)
    # Drop one random active latent of each row.
    active_R = f.active_N()
    some_R = active_R > 0
    chosen_R = f.start_N + (torch.rand(f.rows, generator=draw) * active_R).long()
    kept_A = torch.ones(f.active, dtype=torch.bool)
    kept_A[chosen_R[some_R]] = False
    yield (
        DROPPED,
        f._replace(
            active=int(kept_A.sum()),
            start_N=f.start_N - (some_R.cumsum(0) - some_R.long()),
            index_A=f.index_A[kept_A],
            value_A=f.value_A[kept_A],
        ),
    )


class Curve(NamedTuple):
    """The metrics of the trial rows, by trial."""

    found: dict[str, Reconstruction]

    @property
    def explained(self) -> dict[str, float]:
        """Explained variance by trial, in the order of `changed`."""
        return {name: one.explained_variance for name, one in self.found.items()}

    @property
    def worse_kind(self) -> str:
        """The name of the trial that explains less, of the two with noise SCORED_AT."""
        kinds = relative(SCORED_AT), additive(SCORED_AT)
        return min(kinds, key=lambda name: self.found[name].explained_variance)

    def lost(self, name: str) -> float:
        """Return the explained variance that a trial loses against exact latents."""
        return self.found[PLAIN].explained_variance - self.found[name].explained_variance

    @property
    def needs_digits(self) -> bool:
        """Whether the loss at SCORED_AT is larger than that of an honest SAE."""
        return self.lost(self.worse_kind) > NEEDS_DIGITS

    def at_noise(self, exact: Reconstruction) -> Reconstruction:
        """Return estimated metrics of all rows with noise, from metrics without noise.

        The difference that noise makes on the trial rows is added to them.
        """
        plain, noisy = self.found[PLAIN], self.found[self.worse_kind]
        return exact._replace(
            explained_variance=exact.explained_variance - self.lost(self.worse_kind),
            mse=exact.mse + noisy.mse - plain.mse,
            cosine=exact.cosine + noisy.cosine - plain.cosine,
        )


class CurveTotals:
    """Adds up reconstructions by trial."""

    def __init__(self, totals: Callable[[], ReconstructionTotals]) -> None:
        self._fresh = totals
        self._totals: dict[str, ReconstructionTotals] = {}

    def add(self, name: str, x_RD: "Tensor", x_hat_RD: "Tensor", f: Latents) -> None:
        """Add rows of a trial: x and x_hat in raw units, and their latents."""
        totals = self._totals.setdefault(name, self._fresh())
        totals.count(x_RD, x_hat_RD, f.active, f.rows_active())

    def result(self) -> Curve:
        """Return the curve. Raises RunFailed when the activations do not vary."""
        return Curve({name: totals.result() for name, totals in self._totals.items()})


def judge_curve(curve: Curve) -> None:
    """Raise IntegrityFailed if the decoder reads more from latents than their rough sizes."""
    cure = (
        "Make decode depend smoothly on each latent. It must not read a code from the digits of "
        "latents, or from the set of active latents."
    )
    lost = curve.lost(relative(LEVELS[0]))
    if lost > NOISE_LIMIT:
        raise IntegrityFailed(
            "decoder_packing",
            f"{LEVELS[0]:.0%} of noise on the latents cost {lost:.3f} of explained "
            f"variance (allowed: {NOISE_LIMIT:.3f})",
            cure,
        )
    l0, lost = curve.found[PLAIN].l0, curve.lost(DROPPED)
    limit = DROP_LIMIT + DROP_SHARES / max(l0, 1.0)
    if lost > limit:
        raise IntegrityFailed(
            "decoder_packing",
            f"leaving out one active latent per row cost {lost:.3f} of explained "
            f"variance (allowed at L0 {l0:.1f}: {limit:.3f})",
            cure,
        )
