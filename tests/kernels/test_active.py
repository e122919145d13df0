"""ReLU-like SAEs have the dense form's loss and gradients, whether latents are listed or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from fumehood_tools.files import data_path

VARIANTS = data_path("sandbox_template") / "sae" / "variants"
D, F, BATCH, STEP = 24, 160, 96, 20
NAMES = ("standard", "jumprelu", "gated")
# How far the biases of the encoder are moved: from every latent active to none.
SHIFTS = {"all active": 2.0, "as drawn": 0.0, "few active": -0.3, "none active": -3.0}
LEAST = {"all active": 1.0, "as drawn": 0.3, "few active": 0.02, "none active": 0.0}
MOST = {"all active": 1.0, "as drawn": 0.7, "few active": 0.2, "none active": 0.0}


@contextmanager
def dense_from(share: float) -> Iterator[None]:
    """Compute densely from this share of active latents on: 0 never lists, 1 always does."""
    from core.kernels import active

    before = dict(active.DENSE_FROM)
    active.DENSE_FROM.update(dict.fromkeys(before, share))
    try:
        yield
    finally:
        active.DENSE_FROM.update(before)


def trainer_of(name: str, steps: int = 24) -> Any:
    import core

    run = core.TrainingRun(
        VARIANTS / f"{name}.py",
        *(D, F, steps, BATCH),
        lr=5e-3,
        warmup_steps=4,
        sparsity_warmup_steps=5,
    )
    trainer: Any = core.build_trainer(core.load_variant(run.variant), run)
    return trainer


def rows(seed: int) -> Tensor:
    """Return activations [BATCH, D] of about unit norm."""
    draw = torch.Generator().manual_seed(seed)
    x: Tensor = torch.randn(BATCH, D, generator=draw) / D**0.5 + 0.1
    return x


def put_biases(sae: Any, shift: float) -> None:
    """Move every bias and scale away from where it starts."""
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, weight in sae.named_parameters():
            if weight.ndim == 1:
                weight.copy_(0.05 * torch.randn(weight.shape, generator=draw))
            if name == "encoder.weight":
                weight.div_(weight.norm(dim=1, keepdim=True))
            if name in ("encoder.bias", "b_enc", "gate_bias"):
                weight.add_(shift)
            if name == "mag_bias":
                weight.add_(max(shift, 0.0))
        if hasattr(sae, "threshold"):
            # Also below 0 and within the window of what is not active at all.
            sae.threshold.copy_(torch.linspace(-0.003, 0.02, F))


def put_one_active(sae: Any, x: Tensor) -> None:
    """Let one latent be active for one token."""
    put_biases(sae, SHIFTS["none active"])
    encoder = sae.W_enc.t() if hasattr(sae, "W_enc") else sae.encoder.weight
    with torch.no_grad():
        encoder[7] = 100 * (x[3] - x.mean(dim=0)) / x[3].norm() ** 2
        centre = getattr(sae, "bias", getattr(sae, "decoder_bias", torch.zeros(D)))
        reached = ((x - centre) @ encoder[7]).topk(2).values.mean()
        bias = {"b_enc", "gate_bias"} & set(dict(sae.named_parameters()))
        (getattr(sae, bias.pop()) if bias else sae.encoder.bias)[7] = -reached


def dense_loss(trainer: Any, x: Tensor) -> Tensor:
    """Return the loss as BaseSAE's parts or dictionary_learning's own trainer compute it."""
    library: list[Any] = [
        base for base in type(trainer).__mro__ if base.__module__.startswith("dictionary_learning")
    ]
    loss: Tensor
    if "standard" not in library[0].__module__:
        loss = library[0].loss(trainer, x, STEP)
        return loss
    x_hat, f = trainer.ae(x, output_features=True)
    penalty = trainer.l1_penalty * f.norm(p=1, dim=-1).mean()
    loss = (x - x_hat).pow(2).sum(dim=-1).mean() + penalty
    return loss


def results(trainer: Any, loss: Tensor) -> dict[str, Tensor]:
    """Return the loss and the gradients of all parameters."""
    parameters = dict(trainer.ae.named_parameters())
    grads = torch.autograd.grad(loss, list(parameters.values()), materialize_grads=True)
    return {"loss": loss.detach(), **dict(zip(parameters, grads, strict=True))}


def assert_same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    for key, number in wanted.items():
        size = float(number.abs().max())
        torch.testing.assert_close(found[key], number, atol=1e-6 * size, rtol=1e-4, msg=key)


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("state", SHIFTS)
@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradients_are_those_of_the_dense_form(
    name: str, state: str, share: float
) -> None:
    trainer, x = trainer_of(name), rows(1)
    put_biases(trainer.ae, SHIFTS[state])
    active = float((trainer.ae.encode(x) > 0).float().mean())
    assert LEAST[state] <= active <= MOST[state]
    wanted = results(trainer, dense_loss(trainer, x))
    with dense_from(share):
        assert_same(results(trainer, trainer.loss(x, STEP)), wanted)


@pytest.mark.parametrize("name", NAMES)
def test_one_active_latent_of_one_token_has_its_gradients(name: str) -> None:
    trainer, x = trainer_of(name), rows(1)
    put_one_active(trainer.ae, x)
    wanted = results(trainer, dense_loss(trainer, x))
    encoder = wanted["W_enc"].t() if name == "jumprelu" else wanted["encoder.weight"]
    assert encoder.any(dim=1).nonzero().flatten().tolist() == [7]
    with dense_from(1.0):
        assert_same(results(trainer, trainer.loss(x, STEP)), wanted)


@pytest.mark.parametrize("name", NAMES)
def test_a_training_that_lists_latents_ends_where_a_dense_one_ends(name: str) -> None:
    ends, shares = [], []
    for share in (0.0, 0.25, 1.0):
        trainer = trainer_of(name)
        with dense_from(share):
            for step in range(24):
                trainer.update(step, rows(step))
        ends.append(trainer)
        shares.append(float((trainer.ae.encode(rows(99)) > 0).float().mean()))
    x, first = rows(99), ends[0]
    wanted = results(first, dense_loss(first, x))
    for other in ends[1:]:
        assert float(dense_loss(other, x).detach()) == pytest.approx(
            float(wanted["loss"]), rel=1e-3
        )
    # Trained weights have a sparsity of their own: the same gradients there.
    with dense_from(1.0):
        assert_same(results(first, first.loss(x, STEP)), wanted)
    assert min(shares) > 0 and max(shares) < 0.5


def test_what_is_listed_is_chosen_by_the_share_of_active_latents_of_each_batch() -> None:
    from core.kernels.active import preactivations

    x, W = rows(0), torch.nn.functional.normalize(rows(2).expand(BATCH, D), dim=1)
    pre = x @ W.t()
    many, few = preactivations(x, W), preactivations(x, W, floor=float(pre.quantile(0.9)))
    assert many.place is None and torch.allclose(many.value, pre)
    assert few.place is not None and len(few.value) == int((pre > pre.quantile(0.9)).sum())
    assert torch.allclose(few.place.dense(), pre * (pre > pre.quantile(0.9)))
    assert torch.equal(few.counted(few.value > 0), (pre > pre.quantile(0.9)).sum(dim=0))


def test_activations_that_want_gradients_get_them_from_both_forms() -> None:
    from core.kernels.active import preactivations

    W, centre, found = rows(2), torch.full((D,), 0.1, requires_grad=True), []
    for share in (0.0, 1.0):
        x = rows(0).requires_grad_()
        with dense_from(share):
            pre = preactivations(x, W, floor=0.2, centre_D=centre)
        kept = pre.value * (pre.value > 0.2)
        found.append(torch.autograd.grad(pre.decode(kept, W.t()).pow(2).sum(), [x, centre]))
    for dense, listed in zip(*found, strict=True):
        torch.testing.assert_close(listed, dense)


def test_a_number_that_is_none_is_not_left_out() -> None:
    trainer, x = trainer_of("standard"), rows(0)
    put_biases(trainer.ae, SHIFTS["few active"])
    with torch.no_grad():
        trainer.ae.encoder.weight[3, 3] = float("nan")
    with dense_from(1.0):
        assert bool(trainer.loss(x, STEP).isnan())


@pytest.mark.parametrize("method", ["encode", "decode", "forward"])
def test_an_sae_with_a_method_of_its_own_is_trained_through_it(method: str) -> None:
    import core

    called: list[str] = []

    def own(self: Any, *given: Any, **how: Any) -> Any:
        called.append(method)
        return getattr(core.BaseSAE, method)(self, *given, **how)

    own_class = type("CustomSAE", (core.BaseSAE,), {method: own})
    trainer = core.BaseTrainer(
        **core.TrainingRun(VARIANTS / "standard.py", D, F, 10, BATCH).keywords(own_class)
    )
    trainer.update(0, rows(0))
    assert called


def test_an_sae_that_is_looked_at_by_a_hook_is_trained_through_it() -> None:
    trainer, seen = trainer_of("standard"), []
    trainer.ae.decoder.register_forward_hook(lambda *given: seen.append(given[2].shape))
    trainer.update(0, rows(0))
    assert seen == [(BATCH, D)]


def test_an_sae_without_a_decoder_bias_is_trained_as_it_decodes() -> None:
    import core

    class CustomSAE(core.BaseSAE):
        def __init__(self, activation_dim: int, dict_size: int) -> None:
            super().__init__(activation_dim, dict_size)
            self.decoder = torch.nn.Linear(dict_size, activation_dim, bias=False)

    trainer = core.BaseTrainer(
        **core.TrainingRun(VARIANTS / "standard.py", D, F, 10, BATCH).keywords(CustomSAE)
    )
    loss = trainer.loss(rows(0), STEP)
    assert float(loss.detach()) == pytest.approx(float(dense_loss(trainer, rows(0)).detach()))
