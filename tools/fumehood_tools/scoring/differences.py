"""How far two answers to the same rows are apart, measured where it matters.

Each active latent counts in its own units: the difference of one entry is |f - g| / max(f, g),
between 0 and 1, so that neither a large latent nor one with a large range can hide what others do.
The mean over entries says how much changes at all; the mean per latent finds a few that change
among many that do not; and |(f - g) W| / |f W| is what reaches the reconstruction.

Honest encoders differ too: float32 sums depend on the size of a batch (1e-7), which seldom turns a
bfloat16 rounding, and may exchange two latents that tie for the last place of TopK or lie on a
threshold. Then single entries differ by 1.

R = rows, F = dictionary size, D = d_model.
"""

from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.scoring.latents import Latents, decode_linear

if TYPE_CHECKING:
    from torch import Tensor

# Measured: 0 on all 100 honest variants of the red team and on the packaged baselines on
# SmolLM2-135M, for bfloat16 swallows what float32 sums differ by; a BatchTopK without a threshold
# 0.1, a latent that counts calls 0.1 and more.
ENTRY_LIMIT, OUTPUT_LIMIT = 0.02, 0.02
# A latent is judged by itself from so many entries on: 1 of 30 that flips by chance is nothing.
LATENT_LIMIT, LATENT_ENTRIES = 0.25, 30
# Pairs of rows that are kept for comparison, in bytes of their active latents.
MOST_BYTES = 128 << 20


class AnswerDifference(NamedTuple):
    """Means of relative differences, all between 0 and 1 (output: 0 to 2)."""

    entries: float
    latent: float
    output: float

    def problem(self) -> str | None:
        """Return what is too large, in words; None when nothing is."""
        if self.entries > ENTRY_LIMIT:
            return f"active latents differ by {self.entries:.1%} (allowed: {ENTRY_LIMIT:.0%})"
        if self.latent > LATENT_LIMIT:
            return f"one latent differs by {self.latent:.1%} (allowed: {LATENT_LIMIT:.0%})"
        if self.output > OUTPUT_LIMIT:
            return f"the reconstructions differ by {self.output:.1%} (allowed: {OUTPUT_LIMIT:.0%})"
        return None


class Differences:
    """Pairs of answers [R, F] to the same rows, kept packed until they are compared."""

    def __init__(self, dict_size: int) -> None:
        self.dict_size, self.bytes = dict_size, 0
        self._pairs: list[tuple[Latents, Latents]] = []

    def add(self, f: Latents, g: Latents) -> None:
        """Keep two answers to the same rows; beyond MOST_BYTES they are left out."""
        if self.bytes < MOST_BYTES:
            self.bytes += 10 * (f.active + g.active)
            # Copies: a part of a request would keep the latents of the whole request in memory.
            self._pairs.append((f.copy(), g.copy()))

    def result(self, W_FD: "Tensor") -> AnswerDifference:
        """Return the differences; W: what each latent adds to the reconstruction."""
        import torch

        apart_F, count_F = torch.zeros(2, self.dict_size, dtype=torch.float64)
        moved = size = 0.0
        for f, g in self._pairs:
            size += float(decode_linear(f, W_FD, torch.zeros(W_FD.shape[1])).square().sum())
            if f.equals(g):  # so are nearly all
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
