"""The fused step is the libraries' step: project, clip, Adam, unit norm."""

import pytest
import torch
from torch import Tensor, nn

D, F, STEPS = 24, 150, 12


def plainly(
    params: list[nn.Parameter], unit: nn.Parameter, dim: int, clip: bool, lr: float
) -> None:
    """Do the libraries' steps, spelled out."""
    adam = torch.optim.Adam(params, lr=lr)
    for step in range(STEPS):
        give_gradients(params, step)
        n = unit.detach() / (unit.detach().norm(dim=dim, keepdim=True) + 1e-8)
        assert unit.grad is not None
        unit.grad -= (unit.grad * n).sum(dim=dim, keepdim=True) * n
        if clip:
            torch.nn.utils.clip_grad_norm_(params, 1.0)
        adam.step()
        unit.data /= unit.data.norm(dim=dim, keepdim=True)


def give_gradients(params: list[nn.Parameter], step: int) -> None:
    for number, param in enumerate(params):
        draw = torch.Generator().manual_seed(100 * step + number)
        param.grad = 3 * torch.randn(param.shape, generator=draw) * (number + 1)


def fresh(layout: str) -> tuple[list[nn.Parameter], nn.Parameter, int]:
    """Return parameters, the one of unit norm and its dimension, in one of the usual layouts."""
    from core.kernels import latent_major

    draw = torch.Generator().manual_seed(0)
    decoder = nn.functional.normalize(torch.randn(D, F, generator=draw), dim=0)
    others = [nn.Parameter(torch.randn(F, D, generator=draw)), nn.Parameter(torch.zeros(F))]
    made: Tensor = {
        "linear": decoder,
        "latent_major": latent_major(decoder),
        "rows": decoder.T.contiguous(),
        "turned_rows": decoder.contiguous().T,
    }[layout]
    unit = nn.Parameter(made)
    return [others[0], unit, others[1]], unit, int(layout.endswith("rows"))


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("layout", ["linear", "latent_major", "rows", "turned_rows"])
def test_the_fused_step_gives_the_numbers_of_the_libraries_steps(layout: str, clip: bool) -> None:
    from core.kernels.adam import UnitNormAdam

    params, unit, dim = fresh(layout)
    plainly(params, unit, dim, clip, lr=1e-2)
    ours, our_unit, dim = fresh(layout)
    adam = UnitNormAdam(ours, {our_unit: dim}, lr=1e-2, most_norm=1.0 if clip else None)
    for step in range(STEPS):
        give_gradients(ours, step)
        adam.step()
    for plain, fused in zip(params, ours, strict=True):
        torch.testing.assert_close(fused.data, plain.data, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(our_unit.data.norm(dim=dim), torch.ones(F))


def test_rarer_options_of_adam_are_left_to_torch() -> None:
    from core.kernels.adam import UnitNormAdam

    params, unit, dim = fresh("linear")
    adam = UnitNormAdam(params, {unit: dim}, lr=1e-2)
    adam.param_groups[0]["weight_decay"] = 0.5
    give_gradients(params, 0)
    before = params[2].detach().clone().sub_(1.0)
    params[2].data.sub_(1.0)
    adam.step()
    # Decay pulls towards 0 against a gradient of either sign only if it is applied at all.
    assert not torch.equal(params[2].detach(), before)
    torch.testing.assert_close(unit.data.norm(dim=dim), torch.ones(F))


def test_the_libraries_trainers_use_the_fused_step_and_leave_a_decoders_bias_alone() -> None:
    from dictionary_learning.dictionary import AutoEncoder

    from core.kernels.adam import UnitNormAdam
    from core.library import StandardTrainer

    trainer = StandardTrainer(
        steps=10, activation_dim=D, dict_size=F, dict_class=AutoEncoder, layer=0, lm_name="x",
        warmup_steps=1, sparsity_warmup_steps=1, seed=0, device="cpu", resample_steps=None,
    )  # fmt: skip
    assert isinstance(trainer.optimizer, UnitNormAdam)
    assert [weight.shape for weight in trainer.optimizer.unit_norm] == [(D, F)]


@pytest.mark.parametrize("dim", [0, 1])
def test_complex_directions_are_kept_at_unit_norm_as_pairs_of_reals_are(dim: int) -> None:
    from core.kernels.adam import UnitNormAdam

    draw = torch.Generator().manual_seed(0)
    start = torch.randn(D, F, generator=draw, dtype=torch.complex64)
    weight = nn.Parameter(start / start.norm(dim=dim, keepdim=True))
    # Directions as rows of real numbers: [direction, part, real or imaginary].
    rows = torch.view_as_real(weight.detach() if dim == 1 else weight.detach().T)
    pairs = nn.Parameter(rows.reshape(len(rows), -1).clone())
    ours = UnitNormAdam([weight], {weight: dim}, lr=1e-2, most_norm=1.0)
    theirs = UnitNormAdam([pairs], {pairs: 1}, lr=1e-2, most_norm=1.0)
    for _ in range(STEPS):
        pairs.grad = torch.randn(pairs.shape, generator=draw)
        numbers = torch.view_as_complex(pairs.grad.reshape(rows.shape).contiguous())
        weight.grad = (numbers if dim == 1 else numbers.T).clone()
        ours.step()
        theirs.step()
    after = torch.view_as_real(weight.detach() if dim == 1 else weight.detach().T)
    torch.testing.assert_close(after.reshape(pairs.shape), pairs.detach(), rtol=1e-4, atol=1e-5)
