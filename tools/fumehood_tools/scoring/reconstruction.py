"""Our own reconstruction metrics, over all evaluation tokens.

sae-bench 0.6.0 computes `explained_variance` with E[x_d^2]^2 instead of E[x_d]^2, so it depends on
the units of the activations, and it divides `mse` by the number of tokens in a batch. We compute
the centered form 1 - sum |x - x_hat|^2 / sum |x - mean(x)|^2, like SAELens since
decoderesearch/SAELens#659, and the mean of |x - x_hat|^2 over tokens.

B = tokens in a batch, D = d_model, F = dictionary size.
"""

from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.errors import RunFailed
from fumehood_tools.scoring.density import density

if TYPE_CHECKING:
    from torch import Tensor


class Reconstruction(NamedTuple):
    """Metrics over all evaluation tokens."""

    tokens: int
    l0: float
    explained_variance: float
    mse: float
    cosine: float
    alive: float
    density: list[int]
    """The histogram of density.py: how many latents are active how often."""


class ReconstructionTotals:
    """Sums over batches in float64, so that the batch size hardly changes the result."""

    def __init__(self, activation_dim: int, dict_size: int) -> None:
        import torch

        self.tokens = 0
        self.residual = self.square = self.active = self.cosine = 0.0
        self.sum_D = torch.zeros(activation_dim, dtype=torch.float64)
        self.fired_F = torch.zeros(dict_size, dtype=torch.int64)

    def add(self, x_BD: "Tensor", f_BF: "Tensor", x_hat_BD: "Tensor") -> None:
        """Add one batch of activations, latents and reconstructions."""
        active_BF = f_BF != 0
        self.count(x_BD, x_hat_BD, int(active_BF.sum()), active_BF.sum(0))

    def count(self, x_BD: "Tensor", x_hat_BD: "Tensor", active: int, fired_F: "Tensor") -> None:
        """Add one batch. active: its active latents. fired_F: in how many rows each is active."""
        import torch

        x, x_hat = x_BD.double(), x_hat_BD.double()
        self.tokens += len(x)
        self.residual += float((x - x_hat).square_().sum())
        self.square += float(x.square().sum())
        self.sum_D += x.sum(0)
        self.cosine += float(torch.nn.functional.cosine_similarity(x, x_hat, dim=-1).sum())
        self.active += active
        self.fired_F += fired_F

    def variance(self) -> float:
        """Return sum |x - mean(x)|^2. Raises RunFailed when the activations do not vary."""
        if self.tokens == 0:
            raise RunFailed("There are no evaluation tokens. Raise corpus.eval_tokens.")
        mean_D = self.sum_D / self.tokens
        variance = self.square - self.tokens * float(mean_D.square().sum())
        if variance <= 1e-12 * self.square:
            raise RunFailed("The evaluation activations are all the same. Choose another site.")
        return variance

    def result(self) -> Reconstruction:
        """Return the metrics. Raises RunFailed when the activations do not vary."""
        variance = self.variance()
        return Reconstruction(
            tokens=self.tokens,
            l0=self.active / self.tokens,
            explained_variance=1 - self.residual / variance,
            mse=self.residual / self.tokens,
            cosine=self.cosine / self.tokens,
            alive=float((self.fired_F > 0).double().mean()),
            density=density(self.fired_F, self.tokens),
        )
