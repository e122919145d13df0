"""Made-up activations, the same numbers in every check: a planted dictionary, a mean and noise.

A transcoder is tried on pairs: its targets are the same active directions in another dictionary,
beside a linear map of the input.

B = rows, D = activation_dim, N = planted directions.
"""

import torch
from torch import Tensor

DIRECTIONS, ACTIVE = 512, 16
MEAN = 2.0
SEED = 20_240_613


class Planted:
    """Draws rows of unit mean square norm; two instances of one width draw the same rows."""

    def __init__(self, width: int) -> None:
        self._draw = torch.Generator().manual_seed(SEED)
        W_ND = self._normal(DIRECTIONS, width)
        self.W_ND = W_ND / W_ND.norm(dim=1, keepdim=True)
        mean_D = self._normal(width)
        self.mean_D = MEAN * mean_D / mean_D.norm()
        self.size = 1.0
        self.size = float(self.rows(256).pow(2).sum(dim=1).mean().sqrt())

    def rows(self, count: int) -> Tensor:
        """Return the next rows, x_BD."""
        active_BN = torch.rand(count, DIRECTIONS, generator=self._draw) < ACTIVE / DIRECTIONS
        value_BN = 0.5 + torch.rand(count, DIRECTIONS, generator=self._draw)
        width = len(self.mean_D)
        noise_BD = self._normal(count, width) / width**0.5
        x_BD: Tensor = (active_BN * value_BN) @ self.W_ND + self.mean_D + noise_BD
        return x_BD / self.size

    def pairs(self, count: int) -> tuple[Tensor, Tensor]:
        """Return the next rows, x_BD, and their targets y_BD; both of unit mean square norm."""
        x_BD = self.rows(count)
        return x_BD, self._targets(x_BD)

    def _targets(self, x_BD: Tensor) -> Tensor:
        width = x_BD.shape[1]
        draw = torch.Generator().manual_seed(SEED + 1)
        V_ND = torch.randn(DIRECTIONS, width, generator=draw) / width**0.5
        M_DD = torch.randn(width, width, generator=draw) / width**0.5
        a_BN = torch.relu((x_BD - self.mean_D / self.size) @ self.W_ND.T * self.size - 0.5)
        y_BD: Tensor = a_BN @ V_ND + 0.3 * self.size * x_BD @ M_DD
        return y_BD / y_BD.pow(2).sum(dim=1).mean().sqrt()

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._draw)
