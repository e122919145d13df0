"""Measure how much two answers to the same rows differ.

The difference of one entry is |f - g| / max(f, g), between 0 and 1: each active latent counts in
its own units, so a large latent, or one with a large range, cannot hide changes of others. Three
numbers come out of it. The mean over entries shows how much changes overall. The mean per latent
finds a few latents that change among many that do not. |(f - g) W| / |f W| is the change that
reaches the reconstruction.

Honest encoders differ a little, too. float32 sums depend on the batch size (1e-7). This seldom
changes a bfloat16 rounding, but it can exchange two latents that are tied for the last place of
TopK, or that lie on a threshold; such entries differ by 1.

R = rows, F = dictionary size, D = d_model.
"""

from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.scoring.latents import Latents, decode_linear

if TYPE_CHECKING:
    from torch import Tensor

# Measured: 0 for all 100 honest variants of the red team and for the packaged baselines on
# SmolLM2-135M, because rounding to bfloat16 hides the differences of float32 sums; 0.1 for a
# BatchTopK without a threshold; 0.1 and more for a latent that counts calls.
ENTRY_LIMIT, OUTPUT_LIMIT = 0.02, 0.02
# A single latent is judged only if it has this many entries: one chance flip must not fail it.
LATENT_LIMIT, LATENT_ENTRIES = 0.25, 30
# Largest size of the pairs that are stored for comparison, in bytes of their active latents.
MOST_BYTES = 128 << 20


class AnswerDifference(NamedTuple):
    """Mean relative differences: `entries` and `latent` from 0 to 1, `output` from 0 to 2."""

    entries: float
    latent: float
    output: float

    def problem(self) -> str | None:
        """Return a sentence about the first difference above its limit, None if all are below."""
        if self.entries > ENTRY_LIMIT:
            return f"active latents differ by {self.entries:.1%} (allowed: {ENTRY_LIMIT:.0%})"
        if self.latent > LATENT_LIMIT:
            return f"one latent differs by {self.latent:.1%} (allowed: {LATENT_LIMIT:.0%})"
        if self.output > OUTPUT_LIMIT:
            return f"the reconstructions differ by {self.output:.1%} (allowed: {OUTPUT_LIMIT:.0%})"
        return None


class Differences:
    """Pairs of answers [R, F] to the same rows, stored in packed form until they are compared."""

    def __init__(self, dict_size: int) -> None:
        self.dict_size, self.bytes = dict_size, 0
        self._pairs: list[tuple[Latents, Latents]] = []

    def add(self, f: Latents, g: Latents) -> None:
        """Store two answers to the same rows; beyond MOST_BYTES nothing more is stored."""
        if self.bytes < MOST_BYTES:
            self.bytes += 10 * (f.active + g.active)
            # Copies: a part of a request would keep the latents of the whole request in memory.
            self._pairs.append((f.copy(), g.copy()))

    def result(self, W_FD: "Tensor") -> AnswerDifference:
        """Return the differences. W_FD: the decoder's weights."""
        import torch

        apart_F, count_F = torch.zeros(2, self.dict_size, dtype=torch.float64)
        moved = size = 0.0
        for f, g in self._pairs:
            size += float(decode_linear(f, W_FD, torch.zeros(W_FD.shape[1])).square().sum())
            if f.equals(g):  # true for nearly all pairs
                count_F += f.rows_active()
                continue
            f_RF, g_RF = f.to_dense().float(), g.to_dense().float()
            largest_RF = torch.maximum(f_RF, g_RF)
            active_RF = largest_RF > 0
            entry_RF = (f_RF - g_RF).abs() / torch.where(active_RF, largest_RF, 1.0)
            apart_F += entry_RF.sum(0).double()
            count_F += active_RF.sum(0)
            moved += float(((f_RF - g_RF) @ W_FD).square().sum())
        often_F = count_F >= LATENT_ENTRIES
        worst = float((apart_F[often_F] / count_F[often_F]).max()) if bool(often_F.any()) else 0.0
        entries = float(apart_F.sum() / count_F.sum().clamp(min=1))
        return AnswerDifference(entries, worst, (moved / size) ** 0.5 if size else 0.0)
