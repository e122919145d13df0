"""A declared nonlinear decoder must bear what cannot matter to a sparse code, or it unpacks bits.

Two trials on some evaluation rows: 2 % of relative noise on every latent (a code in the digits of
latents breaks), and one random active latent of each row set to 0 (a code in which latents are
active breaks). Both are measured as lost explained variance.

B = rows, F = dictionary size.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.half import Half
from fumehood_tools.scoring.reconstruction import ReconstructionTotals

if TYPE_CHECKING:
    from torch import Tensor

TRIED_ROWS = 2048
NOISE = 0.02
# In units of the energy |x|^2 / variance, which the data alone decide: noise costs an honest
# decoder about NOISE^2 of it, one latent of L0 about 1 / L0, the largest some times that.
# MEASURED: noise 4e-5 and 2e-4, one latent 0.008 (L0 79) and 0.017 (L0 32); packers 0.98 and 0.14.
NOISE_LIMIT = 0.05
DROP_LIMIT, DROP_SHARES = 0.1, 4.0


class Robustness(NamedTuple):
    """Explained variance lost in each trial, and what the limits are relative to."""

    noise_loss: float
    drop_loss: float
    energy: float
    l0: float


class RobustnessTrial:
    """Decodes the first rows it is shown twice more."""

    def __init__(
        self, half: Half, scale: float, totals: Callable[[], ReconstructionTotals]
    ) -> None:
        self.half, self.scale = half, scale
        self.plain, self.noisy, self.dropped = totals(), totals(), totals()

    def add(self, x_BD: "Tensor", f_BF: "Tensor", x_hat_BD: "Tensor") -> None:
        """Try these rows, unless enough were tried: raw x and x_hat, bfloat16 latents."""
        import torch

        if self.plain.tokens >= TRIED_ROWS:
            return
        active_BF = f_BF != 0
        count, fired_F = int(active_BF.sum()), active_BF.any(0)
        noisy_BF = f_BF.float() * (1 + NOISE * torch.randn(f_BF.shape))
        # A random one of the active latents: the largest of random numbers given to them.
        chosen_B = (torch.rand(f_BF.shape) * active_BF).argmax(dim=1)
        dropped_BF = f_BF.clone()
        dropped_BF[torch.arange(len(f_BF)), chosen_B] = 0
        self.plain.count(x_BD, x_hat_BD, count, fired_F)
        for totals, changed in ((self.noisy, noisy_BF), (self.dropped, dropped_BF)):
            found = torch.cat(list(self.half.all(changed.bfloat16()))) * self.scale
            totals.count(x_BD, found, count, fired_F)

    def result(self) -> Robustness:
        """Return the losses."""
        plain = self.plain.result()
        explained = plain.explained_variance
        return Robustness(
            noise_loss=explained - self.noisy.result().explained_variance,
            drop_loss=explained - self.dropped.result().explained_variance,
            energy=self.plain.energy(),
            l0=plain.l0,
        )


def judge_robustness(found: Robustness) -> None:
    """Raise IntegrityFailed for a decoder that reads more from latents than their sizes."""
    cure = (
        "Let decode depend smoothly on each latent. Digits of a latent, or the set of those that "
        "are active, must not be read as a code."
    )
    limit = NOISE_LIMIT * found.energy
    if found.noise_loss > limit:
        raise IntegrityFailed(
            "decoder_packing",
            f"{NOISE:.0%} of noise on the latents cost {found.noise_loss:.3f} of explained "
            f"variance (allowed: {limit:.3f})",
            cure,
        )
    limit = DROP_LIMIT + DROP_SHARES * found.energy / max(found.l0, 1.0)
    if found.drop_loss > limit:
        raise IntegrityFailed(
            "decoder_packing",
            f"leaving out one active latent per row cost {found.drop_loss:.3f} of explained "
            f"variance (allowed at L0 {found.l0:.1f}: {limit:.3f})",
            cure,
        )
