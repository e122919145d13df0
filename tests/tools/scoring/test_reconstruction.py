"""Our explained variance depends on the SAE, not on units or batches."""

import pytest
import torch
from torch import Tensor

from fumehood_tools.errors import RunFailed
from fumehood_tools.scoring.reconstruction import Reconstruction, ReconstructionTotals

D, F, K = 24, 64, 4


class HomogeneousTopK:
    """A TopK SAE: scaling activations and biases by c scales the reconstruction by exactly c."""

    def __init__(self, seed: int = 0) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.W_FD = torch.nn.functional.normalize(torch.randn(F, D, generator=draw), dim=1)
        self.bias_D = torch.randn(D, generator=draw)

    def encode(self, x_BD: Tensor, c: float) -> Tensor:
        before_BF = ((x_BD - c * self.bias_D) @ self.W_FD.T).relu()
        values_BK, index_BK = before_BF.topk(K, dim=-1)
        return torch.zeros_like(before_BF).scatter_(-1, index_BK, values_BK)

    def decode(self, f_BF: Tensor, c: float) -> Tensor:
        return f_BF @ self.W_FD + c * self.bias_D


def measure(x_BD: Tensor, c: float = 1.0, batch: int = 100) -> Reconstruction:
    sae, totals = HomogeneousTopK(), ReconstructionTotals(D, F)
    for part_BD in (x_BD * c).split(batch):
        f_BF = sae.encode(part_BD, c)
        totals.add(part_BD, f_BF, sae.decode(f_BF, c))
    return totals.result()


@pytest.fixture
def x_BD() -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randn(1000, D, generator=draw) * 2 + torch.randn(D, generator=draw) * 5


@pytest.mark.parametrize("c", [0.1, 0.5, 2.0, 4.0, 5.0, 10.0])
def test_explained_variance_does_not_move_when_activations_and_biases_are_rescaled(
    x_BD: Tensor, c: float
) -> None:
    plain, scaled = measure(x_BD), measure(x_BD, c)
    assert scaled.explained_variance == pytest.approx(plain.explained_variance, abs=1e-5)
    assert scaled.mse == pytest.approx(plain.mse * c * c, rel=1e-5)
    assert scaled.l0 == plain.l0


def test_metrics_do_not_depend_on_how_tokens_are_batched(x_BD: Tensor) -> None:
    one, many = measure(x_BD, batch=1000), measure(x_BD, batch=7)
    assert many[:-1] == pytest.approx(one[:-1], rel=1e-6)
    assert many.density == one.density


def test_explained_variance_is_the_centred_one(x_BD: Tensor) -> None:
    sae = HomogeneousTopK()
    x_hat = sae.decode(sae.encode(x_BD, 1.0), 1.0).double()
    x = x_BD.double()
    expected = 1 - (x - x_hat).square().sum() / (x - x.mean(0)).square().sum()
    assert measure(x_BD).explained_variance == pytest.approx(float(expected), abs=1e-9)


def test_a_constant_guess_of_the_mean_explains_nothing(x_BD: Tensor) -> None:
    totals = ReconstructionTotals(D, F)
    totals.add(x_BD, torch.zeros(len(x_BD), F), x_BD.mean(0).expand_as(x_BD))
    result = totals.result()
    assert result.explained_variance == pytest.approx(0, abs=1e-6)
    assert (result.l0, result.alive) == (0, 0)


def test_activations_that_do_not_vary_are_refused() -> None:
    totals = ReconstructionTotals(D, F)
    totals.add(torch.ones(10, D), torch.zeros(10, F), torch.ones(10, D))
    with pytest.raises(RunFailed, match="another site"):
        totals.result()
