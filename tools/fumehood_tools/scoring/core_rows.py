"""Latents and reconstructions for sae-bench's core evaluation, looked up instead of computed.

The core evaluation uses the first rows of the evaluation split, whose latents were computed in the
encoder's stream already. sae-bench passes the subject's activations of a batch and expects latents;
it passes latents and expects reconstructions. Both are found here by a hash of what it passes.
Position 0 of a row, BOS, is not a row of the evaluation split: its latents are 0, and sae-bench
leaves it out of all means, like EOS and padding.

For a transcoder sae-bench sees the output of the MLP: it passes y and gets the latents of the x of
the same tokens, and the reconstruction of y, in which the skip path is included.

B = rows of tokens in a batch, T = context, D = d_model, F = dictionary size; normalised space.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from fumehood_tools.errors import RunFailed

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")


class CoreRows:
    """Latents and reconstructions of the core batches, by the tensors that sae-bench passes."""

    def __init__(self, batches: "Sequence[Tensor]", scale: float) -> None:
        """batches: what is predicted, in raw units [B, T, D], in the order of the evaluation split.

        scale: they are divided by it.
        """
        self._batches, self._scale = batches, scale
        self._latents: dict[bytes, Tensor] = {}
        # Latents can be the same in several batches, all 0 for example, where a skip path makes
        # the reconstructions differ. sae-bench decodes what it has just encoded.
        self._decoded: dict[bytes, dict[bytes, Tensor]] = {}
        self._encoded = b""

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
            key = _key(x_BTD.reshape(-1, width).float() / self._scale)
            self._latents[key] = f
            self._decoded.setdefault(_key(f), {})[key] = x_hat
            first += count

    def encode(self, x_ND: "Tensor") -> "Tensor":
        """Return the float32 latents of a batch of normalized activations."""
        self._encoded = _key(x_ND)
        return _found(self._latents, self._encoded).float()

    def decode(self, f_NF: "Tensor") -> "Tensor":
        """Return the reconstructions of a batch of latents."""
        return _found(_found(self._decoded, _key(f_NF.bfloat16())), self._encoded).clone()


def _key(rows: "Tensor") -> bytes:
    import torch

    content = rows.contiguous().view(torch.uint8).numpy().data
    return hashlib.blake2b(content, digest_size=16).digest()


def _found(known: dict[bytes, T], key: bytes) -> T:
    found = known.get(key)
    if found is None:
        raise RunFailed(
            "sae-bench's core evaluation showed rows that are not of the evaluation split. This "
            "is a bug in fumehood: please report it."
        )
    return found
