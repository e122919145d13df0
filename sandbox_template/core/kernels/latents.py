"""Latents: the active latents of some tokens, and nothing else.

B = tokens, F = dictionary size, A = entries of all tokens together (about B * L0).
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Latents(NamedTuple):
    """Sparse latents f [B, F], row by row. What is not listed is 0; a listed 0 is padding.

    A step that is 2 % active costs 2 % of the dense one in memory, decode and gradients.
    """

    value_A: Tensor  # float32, carries the gradient
    index_A: Tensor  # int32, which latent
    start_B: Tensor  # int64 [B + 1], entries of row b are start_B[b] to start_B[b + 1]
    dict_size: int

    @property
    def rows(self) -> int:
        """The number of tokens."""
        return len(self.start_B) - 1

    def row_A(self) -> Tensor:
        """Return int64: which token an entry belongs to."""
        return torch.repeat_interleave(
            torch.arange(self.rows, device=self.start_B.device), self.start_B.diff()
        )

    def dense(self, *others: "Latents") -> Tensor:
        """Return f [B, F], others added to it. Gradients flow back to the value_A of each."""
        f_A = self.value_A.new_zeros(self.rows * self.dict_size)
        for f in (self, *others):
            f_A.scatter_add_(0, f.row_A() * self.dict_size + f.index_A, f.value_A)
        return f_A.view(self.rows, -1)

    def fired(self) -> Tensor:
        """Return bool [F]: which latents are above 0 for some token."""
        fired_F = self.value_A.new_zeros(self.dict_size, dtype=torch.bool)
        fired_F[self.index_A[self.value_A > 0].long()] = True
        return fired_F

    def columns(self, index_S: Tensor) -> Tensor:
        """Return the dense columns [B, S] of some latents. Gradients flow back to value_A."""
        place_F = torch.full((self.dict_size,), -1, device=index_S.device)
        place_F[index_S] = torch.arange(len(index_S), device=index_S.device)
        place_A = place_F[self.index_A.long()]
        chosen_A = place_A >= 0
        flat_A = (self.row_A() * len(index_S) + place_A)[chosen_A]
        f_A = self.value_A.new_zeros(self.rows * len(index_S))
        return f_A.scatter_add_(0, flat_A, self.value_A[chosen_A]).view(self.rows, -1)

    def between(self, first: int, last: int) -> "Latents":
        """Return the latents from `first` up to `last`, numbered from 0."""
        chosen_A = (self.index_A >= first) & (self.index_A < last)
        before_A = torch.zeros(len(chosen_A) + 1, dtype=torch.int64, device=chosen_A.device)
        torch.cumsum(chosen_A, 0, out=before_A[1:])
        index_A = self.index_A[chosen_A] - first
        return Latents(self.value_A[chosen_A], index_A, before_A[self.start_B], last - first)
