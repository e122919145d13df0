"""Sparse storage of latents: the indices and bfloat16 values of those that are not 0.

N rows with L0 active latents each take about 6 N L0 bytes, whatever F is. Decoding gathers L0 rows
of W per row instead of multiplying with all of W.

N = rows, F = dictionary size, D = d_model, A = active latents of all rows together.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

# Above this density a dense product is faster than gathering rows, and dense storage is smaller.
DENSE_FROM = 0.12


class Latents(NamedTuple):
    """Latents of N rows.

    start_N: where the entries of each row begin in index_A and value_A. If too many latents are
    active for sparse storage, `dense_NF` is set and these three tensors are empty.
    """

    rows: int
    dict_size: int
    active: int
    start_N: "Tensor"
    index_A: "Tensor"
    value_A: "Tensor"
    dense_NF: "Tensor | None" = None

    def to_dense(self) -> "Tensor":
        """Return the bfloat16 latents [N, F]."""
        import torch

        if self.dense_NF is not None:
            return self.dense_NF
        f_NF = torch.zeros(self.rows, self.dict_size, dtype=torch.bfloat16)
        f_NF[self.row_A(), self.index_A.long()] = self.value_A
        return f_NF

    def active_N(self) -> "Tensor":
        """Return the number of active latents in each row; not for `dense_NF`."""
        import torch

        ends = torch.cat([self.start_N[1:], torch.tensor([len(self.index_A)])])
        return ends - self.start_N

    def row_A(self) -> "Tensor":
        """Return the row number of every active latent; not for `dense_NF`."""
        import torch

        return torch.repeat_interleave(torch.arange(self.rows), self.active_N())

    def sparse(self) -> "Latents":
        """Return the same latents without `dense_NF`."""
        return self if self.dense_NF is None else _packed(self.dense_NF)

    def equals(self, other: "Latents") -> bool:
        """Tell whether both have the same latents, stored in the same form."""
        import torch

        if self.dense_NF is not None and other.dense_NF is not None:
            return torch.equal(self.dense_NF, other.dense_NF)
        return (
            self.dense_NF is other.dense_NF
            and torch.equal(self.start_N, other.start_N)
            and torch.equal(self.index_A, other.index_A)
            and torch.equal(self.value_A, other.value_A)
        )

    def copy(self) -> "Latents":
        """Return a copy, which shares no memory with these latents."""
        if self.dense_NF is not None:
            return self._replace(dense_NF=self.dense_NF.clone())
        return self._replace(
            start_N=self.start_N.clone(), index_A=self.index_A.clone(), value_A=self.value_A.clone()
        )

    def part(self, first: int, last: int) -> "Latents":
        """Return some consecutive rows, as a view: it keeps the memory of all rows in use."""
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
        """Return the number of rows in which each latent is active, int64 [F]."""
        import torch

        if self.dense_NF is not None:
            return (self.dense_NF != 0).sum(0)
        return torch.bincount(self.index_A, minlength=self.dict_size)


def pack(f_NF: "Tensor") -> Latents:
    """Return bfloat16 latents [N, F], none negative or -0.0, in whichever form is smaller."""
    import torch

    rows, dict_size = f_NF.shape
    active = int(np.count_nonzero(f_NF.contiguous().view(torch.int16).numpy()))
    if active > DENSE_FROM * rows * dict_size:
        none = torch.empty(0, dtype=torch.int64)
        return Latents(rows, dict_size, active, none, none, none, f_NF)
    return _packed(f_NF)


def _packed(f_NF: "Tensor") -> Latents:
    import torch

    rows, dict_size = f_NF.shape
    flat = f_NF.contiguous().view(-1)
    place_A = _active_places(flat)
    start_N = np.searchsorted(place_A, np.arange(rows) * dict_size)
    index_A = torch.from_numpy(place_A % dict_size).int()
    value_A = flat[torch.from_numpy(place_A)]
    return Latents(rows, dict_size, len(place_A), torch.from_numpy(start_N), index_A, value_A)


def _active_places(flat: "Tensor") -> "NDArray[np.int64]":
    """Return the positions of bfloat16 numbers that are not 0, ascending.

    numpy looks at four numbers at once, as one int64, and then inside those that are not 0. With
    few active latents this is several times as fast as torch's nonzero.
    """
    import torch

    bits = flat.view(torch.int16).numpy()
    whole = len(bits) // 4 * 4
    words = bits[:whole].view(np.int64)
    word = np.flatnonzero(words != 0)
    inner = np.flatnonzero(words[word].view(np.int16) != 0)
    places = 4 * word[inner >> 2] + (inner & 3)
    rest = whole + np.flatnonzero(bits[whole:])
    return np.concatenate([places, rest])


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
