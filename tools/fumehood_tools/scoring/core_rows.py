"""What sae-bench's core evaluation is told of latents and reconstructions: looked up, not asked.

Its rows are the first rows of the evaluation split, and their latents come from the encoder's
stream. sae-bench shows the subject's own activations of a batch of rows and wants latents; it gives
latents and wants reconstructions. Position 0 of a row, BOS, is not a row of the evaluation split:
it gets latents of 0, and sae-bench leaves it out of all means, as it does EOS and padding.

B = rows of tokens in a batch, T = context, D = d_model, F = dictionary size; normalised space.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fumehood_tools.errors import RunFailed

if TYPE_CHECKING:
    from torch import Tensor


class CoreRows:
    """Latents and reconstructions of the core batches by what sae-bench hands over."""

    def __init__(self, batches: "Sequence[Tensor]", scale: float) -> None:
        """batches: what core shows, raw [B, T, D], in the order of the evaluation split."""
        self._batches, self._scale = batches, scale
        self._latents: dict[bytes, Tensor] = {}
        self._decoded: dict[bytes, Tensor] = {}

    @property
    def rows(self) -> int:
        """How many rows of the evaluation split belong to these batches."""
        return sum(len(x_BTD) * (x_BTD.shape[1] - 1) for x_BTD in self._batches)

    def fill(self, f_NF: "Tensor", x_hat_ND: "Tensor") -> None:
        """Take the bfloat16 latents and the normalised reconstructions of these rows, in order."""
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
        """Return the float32 latents of a batch of activations in normalised space."""
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
