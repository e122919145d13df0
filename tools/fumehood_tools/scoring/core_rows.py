"""Latents and reconstructions for sae-bench's core evaluation, looked up instead of computed.

The core evaluation uses the first rows of the evaluation split, whose latents were computed in the
encoder's stream already. sae-bench passes the subject's activations of a batch and expects latents;
it passes latents and expects reconstructions. Both are found here by a hash of what it passes.
Position 0 of a row, BOS, is not a row of the evaluation split: its latents are 0, and sae-bench
leaves it out of all means, like EOS and padding.

B = rows of tokens in a batch, T = context, D = d_model, F = dictionary size; normalised space.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fumehood_tools.errors import RunFailed

if TYPE_CHECKING:
    from torch import Tensor


class CoreRows:
    """Latents and reconstructions of the core batches, by the tensors that sae-bench passes."""

    def __init__(self, batches: "Sequence[Tensor]", scale: float) -> None:
        """batches: activations in raw units [B, T, D], in the order of the evaluation split."""
        self._batches, self._scale = batches, scale
        self._latents: dict[bytes, Tensor] = {}
        self._decoded: dict[bytes, Tensor] = {}

    @property
    def rows(self) -> int:
        """The number of rows of the evaluation split in these batches."""
        return sum(len(x_BTD) * (x_BTD.shape[1] - 1) for x_BTD in self._batches)

    def fill(self, f_NF: "Tensor", x_hat_ND: "Tensor") -> None:
        """Store the bfloat16 latents and normalized reconstructions of these rows, in order."""
        import torch

        first = 0
        for x_BTD in self._batches:
            rows, context, width = x_BTD.shape
            count = rows * (context - 1)
            f = torch.zeros(rows, context, f_NF.shape[1], dtype=torch.bfloat16)
            x_hat = torch.zeros(rows, context, width)
            f[:, 1:] = f_NF[first : first + count].view(rows, context - 1, -1)
            x_hat[:, 1:] = x_hat_ND[first : first + count].view(rows, context - 1, -1)
            f, x_hat = f.flatten(0, 1), x_hat.flatten(0, 1)
            self._latents[_key(x_BTD.reshape(-1, width).float() / self._scale)] = f
            self._decoded[_key(f)] = x_hat
            first += count

    def encode(self, x_ND: "Tensor") -> "Tensor":
        """Return the float32 latents of a batch of normalized activations."""
        return _found(self._latents, x_ND).float()

    def decode(self, f_NF: "Tensor") -> "Tensor":
        """Return the reconstructions of a batch of latents."""
        return _found(self._decoded, f_NF.bfloat16()).clone()


def _key(rows: "Tensor") -> bytes:
    import torch

    content = rows.contiguous().view(torch.uint8).numpy().data
    return hashlib.blake2b(content, digest_size=16).digest()


def _found(known: "dict[bytes, Tensor]", rows: "Tensor") -> "Tensor":
    found = known.get(_key(rows))
    if found is None:
        raise RunFailed(
            "sae-bench's core evaluation showed rows that are not of the evaluation split. This "
            "is a bug in fumehood: please report it."
        )
    return found
