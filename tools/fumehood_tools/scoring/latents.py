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

    def active_N(self) -> "Tensor":
        """Return how many latents are active in each row; not for `dense_NF`."""
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
        return torch.bincount(self.index_A, minlength=self.dict_size)


def pack(f_NF: "Tensor") -> Latents:
    """Return bfloat16 latents [N, F], none of them negative or -0.0, in their smaller form."""
    import numpy as np
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
    row_A = torch.div(place_A, dict_size, rounding_mode="floor")
    count_N = torch.bincount(row_A, minlength=rows)
    start_N = count_N.cumsum(0) - count_N
    index_A = (place_A - row_A * dict_size).int()
    return Latents(rows, dict_size, len(place_A), start_N, index_A, flat[place_A])


def _active_places(flat: "Tensor") -> "Tensor":
    """Return where bfloat16 numbers are not 0, ascending: numpy finds them, by four at once.

    Several times as fast as torch's nonzero, for the few among many that are active.
    """
    import numpy as np
    import torch

    bits = flat.view(torch.int16).numpy()
    whole = len(bits) // 4 * 4
    fours = np.flatnonzero(bits[:whole].view(np.int64))
    places = (4 * fours[:, None] + np.arange(4)).reshape(-1)
    rest = whole + np.flatnonzero(bits[whole:])
    places = np.concatenate([places[bits[places] != 0], rest])
    return torch.from_numpy(places)


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
