"""Latents as they are kept: only those that are not 0, with bfloat16 values.

A chunk [N, F] with L0 active latents per row costs 10 N L0 bytes, so that the latents of all
evaluation rows fit into memory at F = 65,536 too. Decoding gathers L0 rows of W instead of
multiplying with all of it.

N = rows, F = dictionary size, D = d_model, A = active latents of all rows together.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

# Above this density a dense product is faster than gathering rows, and dense storage smaller.
DENSE_FROM = 0.12


class Latents(NamedTuple):
    """Latents of N rows. `dense_NF` is set instead of the other tensors when most are active."""

    rows: int
    dict_size: int
    active: int
    start_N: "Tensor"
    index_A: "Tensor"
    value_A: "Tensor"
    dense_NF: "Tensor | None" = None

    def to_dense(self) -> "Tensor":
        """Return bfloat16 latents [N, F]."""
        import torch

        if self.dense_NF is not None:
            return self.dense_NF
        f_NF = torch.zeros(self.rows, self.dict_size, dtype=torch.bfloat16)
        f_NF[self.row_A(), self.index_A.long()] = self.value_A
        return f_NF

    def row_A(self) -> "Tensor":
        """Return the row number of every active latent."""
        import torch

        ends = torch.cat([self.start_N[1:], torch.tensor([len(self.index_A)])])
        return torch.repeat_interleave(torch.arange(self.rows), ends - self.start_N)

    def entries(self) -> "tuple[Tensor, Tensor, Tensor]":
        """Return row, latent and float32 value of every active entry, rows ascending: each [A]."""
        if self.dense_NF is not None:
            row_A, index_A = self.dense_NF.nonzero(as_tuple=True)
            return row_A, index_A, self.dense_NF[row_A, index_A].float()
        return self.row_A(), self.index_A.long(), self.value_A.float()

    def part(self, first: int, last: int) -> "Latents":
        """Return the latents of some consecutive rows."""
        if self.dense_NF is not None:
            dense_nF = self.dense_NF[first:last]
            return self._replace(
                rows=last - first, dense_NF=dense_nF, active=int((dense_nF != 0).sum())
            )
        begin = int(self.start_N[first]) if first < self.rows else len(self.index_A)
        end = int(self.start_N[last]) if last < self.rows else len(self.index_A)
        return Latents(
            last - first,
            self.dict_size,
            end - begin,
            self.start_N[first:last] - begin,
            self.index_A[begin:end],
            self.value_A[begin:end],
        )

    def rows_active(self) -> "Tensor":
        """Return in how many rows each latent is active, int64 [F]."""
        import torch

        if self.dense_NF is not None:
            return (self.dense_NF != 0).sum(0)
        return torch.bincount(self.index_A.long(), minlength=self.dict_size)


def pack(f_NF: "Tensor") -> Latents:
    """Return bfloat16 latents [N, F] in their smaller form."""
    import torch

    rows, dict_size = f_NF.shape
    row_A, index_A = f_NF.nonzero(as_tuple=True)
    active = len(row_A)
    none = torch.empty(0, dtype=torch.int64)
    if active > DENSE_FROM * rows * dict_size:
        return Latents(rows, dict_size, active, none, none, none, f_NF)
    start_N = torch.searchsorted(row_A, torch.arange(rows))
    value_A = f_NF[row_A, index_A]
    return Latents(rows, dict_size, active, start_N, index_A.int(), value_A)


def decode_linear(f: Latents, W_FD: "Tensor", b_D: "Tensor") -> "Tensor":
    """Return f W + b, float32 [N, D]."""
    import torch

    if f.dense_NF is not None:
        return torch.addmm(b_D, f.dense_NF.float(), W_FD)
    if f.active == 0:
        return b_D.expand(f.rows, -1).clone()
    x_hat = torch.nn.functional.embedding_bag(
        f.index_A.long(), W_FD, f.start_N, mode="sum", per_sample_weights=f.value_A.float()
    )
    return x_hat.add_(b_D)
