"""Rows that were encoded before and are shown again, to check that their latents are the same.

B = rows, D = d_model, F = dictionary size.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

MOST_PER_PHASE = 192
MOST_BYTES = 32 << 20


class Witnesses:
    """A uniform sample of the rows of each phase, with their first latents.

    Drawn by reservoir sampling (Vitter 1985, algorithm R): early and late rows are equally likely
    at any time, so a variant that changes its behavior meets rows from before the change.
    """

    def __init__(self, dict_size: int, draw: np.random.Generator) -> None:
        self.most = max(8, min(MOST_PER_PHASE, MOST_BYTES // (2 * dict_size)))
        self.draw = draw
        self._x: dict[str, Tensor] = {}
        self._f: dict[str, Tensor] = {}
        self._seen: dict[str, int] = {}

    def add(self, phase: str, x_BD: "Tensor", f_BF: "Tensor") -> None:
        """Add a random part of these rows. Once the sample is full, they replace earlier ones."""
        import torch

        if phase not in self._x:
            self._x[phase], self._f[phase] = x_BD[:0].clone(), f_BF[:0].clone()
            self._seen[phase] = 0
        room = self.most - len(self._x[phase])
        if room > 0:
            self._x[phase] = torch.cat([self._x[phase], x_BD[:room]])
            self._f[phase] = torch.cat([self._f[phase], f_BF[:room]])
            self._seen[phase] += len(x_BD[:room])
            x_BD, f_BF = x_BD[room:], f_BF[room:]
        count = self._seen[phase] + 1 + np.arange(len(x_BD))
        for taken in np.flatnonzero(self.draw.random(len(x_BD)) < self.most / count):
            place = int(self.draw.integers(self.most))
            self._x[phase][place] = x_BD[taken]
            self._f[phase][place] = f_BF[taken]
        self._seen[phase] += len(x_BD)

    def all(self) -> "tuple[Tensor, Tensor]":
        """Return x [W, D] and bfloat16 latents [W, F] of all witnesses, in random order."""
        import torch

        x_WD, f_WF = torch.cat([*self._x.values()]), torch.cat([*self._f.values()])
        order = torch.from_numpy(self.draw.permutation(len(x_WD)))
        return x_WD[order], f_WF[order]

    def some(self, count: int) -> "tuple[Tensor, Tensor]":
        """Return up to `count` random witnesses: x [B, D] and latents [B, F]."""
        import torch

        if not self._x:
            return torch.empty(0, 0), torch.empty(0, 0)
        phases = list(self._x)
        chosen = self.draw.integers(len(phases), size=count)
        x, f = [], []
        for number, phase in enumerate(phases):
            places = torch.from_numpy(
                self.draw.integers(len(self._x[phase]), size=int((chosen == number).sum()))
            )
            x.append(self._x[phase][places])
            f.append(self._f[phase][places])
        return torch.cat(x), torch.cat(f)


def relative_difference(f_BF: "Tensor", g_BF: "Tensor") -> "Tensor":
    """Return |f - g| / max(|f|, |g|) for each row, float32 [B]; 0 if both norms are 0."""
    import torch

    f, g = f_BF.float(), g_BF.float()
    size_B = torch.maximum(f.norm(dim=1), g.norm(dim=1)).clamp(min=1e-30)
    apart_B: Tensor = (f - g).norm(dim=1) / size_B
    return apart_B
