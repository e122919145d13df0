"""Trained on active latents only, an SAE is the one that the library trains densely."""

from collections.abc import Iterator
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from fumehood_tools.files import data_path

VARIANTS = data_path("sandbox_template") / "sae" / "variants"
D, F, BATCH, STEPS = 32, 256, 256, 60


def planted(seed: int) -> Tensor:
    """Return activations [8192, D] of unit mean square norm with a known dictionary."""
    draw = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(96, D, generator=draw), dim=1)
    active = torch.rand(8192, 96, generator=draw) < 0.05
    x = (active * (0.5 + torch.rand(8192, 96, generator=draw))) @ directions + 0.2
    return x / x.pow(2).sum(dim=1).mean().sqrt()


def batches(x: Tensor, seed: int) -> Iterator[Tensor]:
    draw = torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        yield x[torch.randint(0, len(x), (BATCH,), generator=draw)]


def both(name: str, seed: int, dead_after: int) -> tuple[Any, Any]:
    """Return the packaged variant's trainer and the library's own, with the same knobs."""
    import core

    run = core.TrainingRun(
        VARIANTS / f"{name}.py", D, F, STEPS, BATCH, lr=5e-3, warmup_steps=4, seed=seed
    )
    module: ModuleType = core.load_variant(run.variant)
    vars(module)["K"] = 6
    ours = core.build_trainer(module, run)
    library = next(
        base for base in type(ours).__mro__ if base.__module__.startswith("dictionary_learning")
    )
    keywords = {
        **core.keywords_for(library, run.keywords(library)),
        **core.threshold_keywords(STEPS),
        "k": 6,
    }
    del keywords["dict_class"]
    if name == "matryoshka":
        keywords["group_fractions"] = list(module.GROUPS)
    theirs = library(**keywords)
    ours.dead_feature_threshold = theirs.dead_feature_threshold = dead_after
    return ours, theirs


def explained(sae: Any, x: Tensor) -> float:
    with torch.no_grad():
        left = (x - sae.decode(sae.encode(x))).pow(2).sum()
    return 1 - float(left / (x - x.mean(dim=0)).pow(2).sum())


@pytest.mark.parametrize("arithmetic", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["topk", "batch_topk", "matryoshka"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_short_training_ends_where_the_librarys_ends(
    name: str, seed: int, arithmetic: str
) -> None:
    from core.kernels.arithmetic import products_in

    ours, theirs = both(name, seed, dead_after=10_000_000)
    x = planted(seed)
    for step, (one, two) in enumerate(zip(batches(x, seed), batches(x, seed), strict=True)):
        with products_in(arithmetic):
            loss = ours.update(step, one)
        expected = theirs.update(step, two)
        if step < 20:
            assert loss == pytest.approx(expected, rel=1e-4)
    assert explained(theirs.ae, x) > 0.5
    assert explained(ours.ae, x) == pytest.approx(explained(theirs.ae, x), abs=5e-3)


@pytest.mark.parametrize("name", ["topk", "batch_topk", "matryoshka"])
def test_the_loss_of_dead_latents_is_the_librarys(name: str) -> None:
    ours, theirs = both(name, 0, dead_after=BATCH)
    x, helped = planted(0), 0
    for step, (one, two) in enumerate(zip(batches(x, 0), batches(x, 0), strict=True)):
        loss, expected = ours.update(step, one), theirs.update(step, two)
        helped += theirs.dead_features > 0
        if step == 12:
            break
        assert loss == pytest.approx(expected, rel=1e-3)
    assert helped > 5


@pytest.mark.parametrize("many", [5, 40], ids=["few", "more than the loss takes"])
@pytest.mark.parametrize("name", ["topk", "batch_topk", "matryoshka"])
def test_the_gradients_of_dead_latents_are_those_of_autograd(name: str, many: int) -> None:
    ours, _ = both(name, 0, dead_after=10_000)
    x = planted(0)[:BATCH]
    ours.ae.b_dec.data = x.mean(dim=0)
    with torch.no_grad():
        # The last latents are active, but are seldom among the largest.
        bias = ours.encoder()[1]
        bias[-many:] -= 0.2
    ours.auxk_alpha = 1.0

    def gradients(*, in_update: bool) -> dict[str, Tensor]:
        ours.num_tokens_since_fired[:] = 0
        ours.num_tokens_since_fired[-many:] = 20_000
        ours.optimizer.zero_grad()
        with ours.few_rows.collected() if in_update else nullcontext():
            ours.loss(x, step=0).backward()
        assert int((ours.num_tokens_since_fired >= 10_000).sum()) > many // 4
        return {name: weight.grad.clone() for name, weight in ours.ae.named_parameters()}

    collected, usual = gradients(in_update=True), gradients(in_update=False)
    assert collected.keys() == usual.keys()
    for weight, gradient in usual.items():
        assert torch.allclose(collected[weight], gradient, rtol=1e-4, atol=1e-6), weight
    W_FD = usual.get("encoder.weight")
    if W_FD is not None:
        assert float(W_FD[-many:].abs().max()) > 0


@pytest.mark.parametrize("centred", [True, False])
def test_the_loss_of_dead_latents_has_the_values_and_gradients_of_its_definition(
    centred: bool,
) -> None:
    ours, _ = both("topk", 0, dead_after=0)
    x, dead = planted(0)[:BATCH], torch.tensor([3, 5, 17])
    error = torch.randn_like(x) + 0.3
    centre = ours.ae.b_dec if centred else None
    W, b, out = *ours.encoder(), ours.decoder()
    given = [W, b, out, *([centre] if centred else [])]
    found = ours.dead_loss(error, x, dead, centre)
    gradients = torch.autograd.grad(found, given)
    f = torch.relu((x - (centre if centre is not None else 0)) @ W[dead].T + b[dead])
    left = (error - f @ out[:, dead].T).pow(2).sum()
    definition = left / (error - error.mean(dim=0)).pow(2).sum()
    torch.testing.assert_close(found, definition, rtol=1e-5, atol=1e-6)
    expected = torch.autograd.grad(definition, given)
    for gradient, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-4, atol=1e-6)
        assert float(gradient.abs().max()) > 0


def test_a_hook_on_a_weight_sees_the_gradients_of_dead_latents() -> None:
    ours, _ = both("topk", 0, dead_after=0)
    ours.auxk_alpha, seen = 1.0, []
    weight = ours.ae.decoder.weight
    weight.register_post_accumulate_grad_hook(lambda w: seen.append(w.grad.clone()))
    ours.num_tokens_since_fired[:] = 1
    kept_before = weight.detach().clone()
    with ours.few_rows.collected():
        ours.loss(planted(0)[:BATCH], step=0).backward()
    assert torch.equal(seen[0], weight.grad)
    assert torch.equal(kept_before, weight)
