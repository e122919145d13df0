"""Sparse latents give the dense form's values and gradients, whatever screens them."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

ARITHMETICS = ("float32", "bfloat16", "integers", "integers beside bfloat16")


@contextlib.contextmanager
def screened(arithmetic: str, **how: bool) -> Iterator[None]:
    """Compute in this arithmetic; with "integers", screened in 8 bits, and alone in float32."""
    from core.kernels.arithmetic import products_in, screening_in_integers

    in_integers = arithmetic.startswith("integers")
    chosen = products_in("bfloat16" if "bfloat16" in arithmetic else "float32", **how)
    with chosen, screening_in_integers(in_integers):
        yield


def planted(seed: int, B: int = 96, D: int = 37, F: int = 300) -> dict[str, Tensor]:
    """Return activations and the weights of an SAE: x, W_enc [F, D], b_enc, W_dec [D, F]."""
    draw = torch.Generator().manual_seed(seed)
    made = {
        "x": torch.randn(B, D, generator=draw) / D**0.5,
        "W_enc": torch.randn(F, D, generator=draw) / D**0.5,
        "b_enc": 0.05 * torch.randn(F, generator=draw),
        "W_dec": torch.randn(D, F, generator=draw) / D**0.5,
    }
    return {name: tensor.requires_grad_() for name, tensor in made.items()}


def dense_topk(x: Tensor, W: Tensor, b: Tensor, k: int) -> Tensor:
    """Return f [B, F] as AutoEncoderTopK computes it."""
    pre = torch.relu(x @ W.T + b)
    value, index = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, index, value)


def dense_batch_topk(x: Tensor, W: Tensor, b: Tensor, k: int) -> Tensor:
    """Return f [B, F] as BatchTopKSAE computes it."""
    pre = torch.relu(x @ W.T + b).flatten()
    chosen = pre.topk(k * len(x))
    return torch.zeros_like(pre).scatter(-1, chosen.indices, chosen.values).view(len(x), -1)


def results(encode: Callable[..., Any], decode: Callable[..., Tensor], p: dict[str, Tensor]) -> Any:
    """Return reconstruction and all gradients of a loss that no symmetry can save."""
    f = encode(p["x"], p["W_enc"], p["b_enc"])
    x_hat = decode(f, p["W_dec"])
    weights = torch.linspace(0.5, 2.0, x_hat.shape[1])
    loss = ((p["x"] - x_hat).pow(2) * weights).sum(dim=-1).mean()
    return x_hat.detach(), torch.autograd.grad(loss, list(p.values()))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("name", ["topk", "batch_topk"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_values_and_gradients_are_those_of_the_dense_form(
    name: str, arithmetic: str, seed: int
) -> None:
    from core import batch_topk_encode, sparse_decode, topk_encode

    dense, sparse = {
        "topk": (dense_topk, topk_encode),
        "batch_topk": (dense_batch_topk, batch_topk_encode),
    }[name]
    p = planted(seed)
    x_hat, grads = results(lambda *a: dense(*a, 7), lambda f, W: f @ W.T, p)
    with screened(arithmetic):
        ours, our_grads = results(lambda *a: sparse(*a, 7), sparse_decode, p)
    torch.testing.assert_close(ours, x_hat, atol=1e-6, rtol=1e-5)
    for key, grad, our_grad in zip(p, grads, our_grads, strict=True):
        torch.testing.assert_close(our_grad, grad, atol=1e-6, rtol=1e-4, msg=key)


@given(
    B=st.integers(1, 300),
    D=st.integers(1, 70),
    F=st.integers(1, 900),
    k=st.integers(1, 100),
    seed=st.integers(0, 1000),
    bias=st.sampled_from([-0.5, 0.0, 0.3]),
    arithmetic=st.sampled_from(ARITHMETICS),
)
@settings(max_examples=120, deadline=None)
def test_any_shape_selects_what_the_reference_selects(
    B: int, D: int, F: int, k: int, seed: int, bias: float, arithmetic: str
) -> None:
    from core.kernels import cpu, reference

    p = {name: tensor.detach() for name, tensor in planted(seed, B, D, F).items()}
    x, W, b = p["x"], p["W_enc"], p["b_enc"] + bias
    with screened(arithmetic):
        found = cpu.topk(x, W, b, min(k, F))
        of_batch = cpu.batch_topk(x, W, b, k * B)
    wanted = reference.topk(x, W, b, min(k, F)).value_A.view(B, -1).sort(dim=1).values
    torch.testing.assert_close(
        found.value_A.view(B, -1).sort(dim=1).values, wanted, atol=1e-6, rtol=1e-5
    )
    exact = reference.batch_topk(x, W, b, k * B)
    assert len(of_batch.value_A) == len(exact.value_A)
    torch.testing.assert_close(
        of_batch.value_A.sort().values, exact.value_A.sort().values, atol=1e-6, rtol=1e-5
    )
    pre = torch.addmm(b, x, W.T)
    for entries in (found, of_batch):
        rows = torch.repeat_interleave(torch.arange(B), entries.start_B.diff())
        listed = entries.value_A > 0
        torch.testing.assert_close(
            pre[rows, entries.index_A.long()][listed],
            entries.value_A[listed],
            atol=1e-6,
            rtol=1e-5,
        )


def crowded(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return x, W, b where many latents differ by less than bfloat16 can tell."""
    draw = torch.Generator().manual_seed(3)
    x = torch.randn(64, 48, generator=draw)
    x = torch.nn.functional.normalize(x, dim=1)
    W = torch.randn(512, 48, generator=draw) / 48**0.5
    W[:count] = x[0] * (0.9 + 2e-5 * torch.arange(count)[:, None])
    return x, W, torch.zeros(512)


def test_latents_that_bfloat16_cannot_tell_apart_are_told_apart() -> None:
    from core.kernels import cpu, reference
    from core.kernels.arithmetic import products_in

    x, W, b = crowded(60)
    rounded = (x.bfloat16() @ W.bfloat16().T).topk(8, dim=-1).indices[0].sort().values
    exact = reference.topk(x, W, b, 8).index_A.view(64, 8)[0].sort().values
    assert not torch.equal(rounded.int(), exact)
    with products_in("bfloat16"):
        ours = cpu.topk(x, W, b, 8).index_A.view(64, 8)[0].sort().values
    assert torch.equal(ours, exact)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_a_row_with_more_candidates_than_room_is_done_again_exactly(arithmetic: str) -> None:
    from core.kernels import cpu, reference

    x, W, b = crowded(500)
    if arithmetic != "bfloat16":
        W[:500] = W[499]  # equal ones: every one of them reaches the threshold
    before = cpu.redone["rows"]
    with screened(arithmetic):
        found = cpu.topk(x, W, b, 8)
    assert cpu.redone["rows"] > before
    torch.testing.assert_close(
        found.value_A.view(64, 8).sort(dim=1).values,
        reference.topk(x, W, b, 8).value_A.view(64, 8).sort(dim=1).values,
    )


def test_rows_that_are_done_again_are_exact_where_products_are_rounded() -> None:
    from core import topk_encode
    from core.kernels import cpu
    from core.kernels.arithmetic import products_in

    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2048, 256, generator=draw)
    W = x[:1].expand(1024, -1) * (1 + 1e-5 * torch.arange(1024))[:, None]
    wanted = dense_topk(x, W, torch.zeros(1024), 5)
    before = cpu.redone["rows"]
    with products_in("bfloat16"):
        f = topk_encode(x, W, torch.zeros(1024), 5)
    # So many that the product that does them again would be rounded if it were any other.
    assert cpu.redone["rows"] > before + 800
    torch.testing.assert_close(f.dense().sum(dim=1), wanted.sum(dim=1), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_rows_without_enough_active_latents_are_padded_with_zeros_that_carry_no_gradient(
    arithmetic: str,
) -> None:
    from core import topk_encode

    p = planted(0)
    with screened(arithmetic):
        f = topk_encode(p["x"], p["W_enc"], p["b_enc"] - 0.55, 16)
    assert 0 < int((f.value_A > 0).sum()) < len(f.value_A) == 96 * 16
    (grad,) = torch.autograd.grad(f.value_A.sum(), p["b_enc"])
    assert float(grad.sum()) == float((f.value_A > 0).sum())


@pytest.mark.parametrize("name", ["topk_encode", "batch_topk_encode"])
def test_a_bias_that_x_is_centred_on_has_the_gradient_that_it_has_through_x(name: str) -> None:
    import core

    p, centre = planted(2), torch.linspace(-0.1, 0.2, 37, requires_grad=True)
    encode, weights, grads = getattr(core, name), (p["W_enc"], p["b_enc"]), []
    for x, how in (
        (p["x"] - centre, {}),
        ((p["x"] - centre).detach(), {"centred_on": centre}),
    ):
        f = encode(x, *weights, 7, **how)
        loss = core.sparse_decode(f, p["W_dec"]).pow(2).sum()
        grads.append(torch.autograd.grad(loss, [centre, *weights]))
    for through_x, direct in zip(*grads, strict=True):
        assert float(direct.abs().max()) > 0
        torch.testing.assert_close(direct, through_x, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["topk_encode", "batch_topk_encode"])
@pytest.mark.parametrize("k", [0, -1, 301])
def test_a_number_of_latents_that_there_is_not_is_refused(name: str, k: int) -> None:
    import core

    p = planted(0)
    with pytest.raises(ValueError, match="from 1 to the number of latents, 300"):
        getattr(core, name)(p["x"], p["W_enc"], p["b_enc"], k)
    assert getattr(core, name)(p["x"], p["W_enc"], p["b_enc"], 300).dense().shape == (96, 300)


def test_two_threads_give_the_numbers_of_one() -> None:
    from core import sparse_decode, topk_encode

    p, threads = planted(1, B=600), torch.get_num_threads()
    found = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(results(lambda *a: topk_encode(*a, 7), sparse_decode, p))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0][0], found[1][0])
    for one, two in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(one, two)


def test_the_error_of_a_decoder_has_the_values_and_gradients_of_the_dense_form() -> None:
    from core import topk_encode
    from core.kernels.functions import decode_error

    p, weights = planted(6), torch.linspace(0.5, 2.0, 37)
    given = [p["W_enc"], p["b_enc"], p["W_dec"], torch.randn(37, requires_grad=True)]
    W_enc, b_enc, W_dec, bias = given
    x, y = p["x"].detach(), torch.randn(96, 37)

    def gradients(loss: Tensor, error: Tensor, *, of: str) -> Any:
        # A variant may use the error, the loss, or both.
        parts = {"loss": loss, "error": (error.abs() * weights).sum()}
        return torch.autograd.grad(sum(parts[name] for name in of.split()), given)

    for of in ("loss", "error", "loss error"):
        error = y - (dense_topk(x, W_enc, b_enc, 8) @ W_dec.T + bias)
        expected = gradients(error.pow(2).sum(dim=1).mean(), error, of=of)
        loss, ours = decode_error(y, topk_encode(x, W_enc, b_enc, 8), W_dec, bias)
        torch.testing.assert_close(ours, error, atol=1e-5, rtol=1e-5)
        for grad, our_grad in zip(expected, gradients(loss, ours, of=of), strict=True):
            torch.testing.assert_close(our_grad, grad, atol=1e-5, rtol=1e-4)


def test_a_slice_of_latents_reconstructs_what_the_dense_slice_does() -> None:
    from core import sparse_decode, topk_encode

    p = planted(2)
    f = topk_encode(p["x"], p["W_enc"], p["b_enc"], 7)
    part = f.between(100, 200)
    torch.testing.assert_close(part.dense(), f.dense()[:, 100:200])
    torch.testing.assert_close(
        sparse_decode(part, p["W_dec"][:, 100:200]),
        f.dense()[:, 100:200] @ p["W_dec"][:, 100:200].T,
    )
    assert torch.equal(f.fired(), (f.dense() > 0).any(dim=0))


def test_latents_of_two_looks_add_up_in_one_dense_form_with_a_gradient_for_each_look() -> None:
    from core import topk_encode

    p = planted(2)
    first = topk_encode(p["x"], p["W_enc"], p["b_enc"], 7)
    second = topk_encode(p["x"], p["W_enc"], p["b_enc"] + 0.5, 9)
    weight_BF = torch.randn(96, 300, generator=torch.Generator().manual_seed(0))

    together, apart = first.dense(second), first.dense() + second.dense()
    assert torch.equal(together, apart)
    values = [first.value_A, second.value_A]
    found, wanted = (torch.autograd.grad(f, values, weight_BF) for f in (together, apart))
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other)


def test_other_number_formats_are_computed_by_the_reference() -> None:
    from core import sparse_decode, topk_encode

    p = {name: tensor.detach().double() for name, tensor in planted(0).items()}
    f = topk_encode(p["x"], p["W_enc"], p["b_enc"], 7)
    wanted = dense_topk(p["x"], p["W_enc"], p["b_enc"], 7)
    torch.testing.assert_close(f.dense(), wanted)
    torch.testing.assert_close(sparse_decode(f, p["W_dec"]), wanted @ p["W_dec"].T)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("floors", ["none", "one", "own"])
def test_what_is_above_a_floor_is_what_the_dense_form_keeps(floors: str, arithmetic: str) -> None:
    from core import rectified, sparse_decode, threshold_encode

    p = planted(4)
    floor = {"none": 0.0, "one": 0.1, "own": torch.linspace(0.0, 0.3, 300)}[floors]
    b = p["b_enc"] - 0.3

    def dense(x: Tensor, W: Tensor, b_enc: Tensor) -> Tensor:
        pre = x @ W.T + b_enc - 0.3
        return pre * (pre > floor)

    x_hat, grads = results(dense, lambda f, W: f @ W.T, p)
    with screened(arithmetic):
        ours, our_grads = results(
            lambda x, W, b_enc: threshold_encode(x, W, b_enc - 0.3, floor), sparse_decode, p
        )
    torch.testing.assert_close(ours, x_hat, atol=1e-6, rtol=1e-5)
    for key, grad, our_grad in zip(p, grads, our_grads, strict=True):
        torch.testing.assert_close(our_grad, grad, atol=1e-6, rtol=1e-4, msg=key)
    with screened(arithmetic, screening_only=True), torch.no_grad():
        shown = rectified(p["x"].view(12, 8, -1), p["W_enc"], b, floor)
    torch.testing.assert_close(shown.view(96, -1), dense(p["x"], p["W_enc"], p["b_enc"]).detach())


@pytest.mark.parametrize("floor", [0.0, 0.1, torch.tensor(0.1), torch.linspace(0.0, 0.3, 300)])
def test_dense_latents_are_those_of_relu_and_a_mask_bit_for_bit(floor: Tensor | float) -> None:
    from core import rectified

    p = {name: tensor.detach() for name, tensor in planted(4).items()}
    p["x"][3, 0], p["x"][5] = torch.nan, 1e30
    pre = torch.nn.functional.linear(p["x"], p["W_enc"], p["b_enc"])
    wanted = torch.relu(pre) * (pre > floor)
    assert bool(wanted.isnan().any()) and bool((wanted > 1e29).any())
    for with_gradients in (True, False):
        with torch.set_grad_enabled(with_gradients):
            shown = rectified(p["x"], p["W_enc"], p["b_enc"], floor)
        assert torch.equal(shown.nan_to_num(-1.0), wanted.nan_to_num(-1.0))


def test_a_floor_that_lets_many_pass_is_computed_densely_and_exactly() -> None:
    from core.kernels import cpu, reference
    from core.kernels.arithmetic import products_in

    p = {name: tensor.detach() for name, tensor in planted(5).items()}
    given, before = (p["x"], p["W_enc"], p["b_enc"], torch.full((300,), -0.1)), cpu.redone["rows"]
    with products_in("bfloat16"):
        found = cpu.above(*given)
    assert cpu.redone["rows"] == before + 96
    wanted = reference.above(*given)
    assert torch.equal(found.index_A, wanted.index_A)
    torch.testing.assert_close(found.value_A, wanted.value_A)


def hard_case(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return x [B, D], W [F, D], b [F] that are hard to tell apart in few bits."""
    draw = torch.Generator().manual_seed(6)
    x, W = torch.randn(300, 70, generator=draw), torch.randn(900, 70, generator=draw) / 70**0.5
    b = 0.1 * torch.randn(900, generator=draw)
    if name == "trained":  # heavy tails: every row is made of few directions, which W has found
        active = torch.rand(300, 900, generator=draw) < 0.01
        x = (active * torch.rand(300, 900, generator=draw)) @ W + 0.01 * x
    elif name == "duplicated latents":
        W[300:600], W[600:] = W[:300], W[:300] * (1 + 1e-6)
        b = torch.zeros(900)
    elif name == "one huge coordinate":
        x[:, 7] *= 3000
        W[::2, 7] = 0
    elif name == "ties":
        x, W, b = x.sign(), W.sign(), torch.zeros(900)
    elif name == "all sizes":
        x *= 10.0 ** torch.linspace(-30, 15, 300)[:, None]
        x[5], W[9] = 0, 0
    return x, W, b


@pytest.mark.parametrize("arithmetic", ARITHMETICS[1:])
@pytest.mark.parametrize(
    "name",
    ["untrained", "trained", "duplicated latents", "one huge coordinate", "ties", "all sizes"],
)
def test_screening_chooses_the_latents_of_the_dense_form(name: str, arithmetic: str) -> None:
    from core.kernels import cpu, reference

    x, W, b = hard_case(name)
    with screened(arithmetic):
        found, of_batch = cpu.topk(x, W, b, 12), cpu.batch_topk(x, W, b, 12 * 300)
    pre, wanted = x.double() @ W.double().T + b, reference.topk(x, W, b, 12)
    size = x.norm(dim=1).double() * W.norm(dim=1).max() + b.abs().max()
    # What the dense form cannot tell apart in float32 may be chosen in either way.
    values = [entries.value_A.view(300, 12).sort(dim=1).values for entries in (found, wanted)]
    assert bool(((values[0] - values[1]).abs() <= 2e-6 * size[:, None]).all())
    exact = reference.batch_topk(x, W, b, 12 * 300)
    assert len(of_batch.value_A) == len(exact.value_A)
    ordered = [entries.value_A.sort().values for entries in (of_batch, exact)]
    assert torch.allclose(*ordered, rtol=1e-5, atol=2e-6 * float(size.median()))
    for entries in (found, of_batch):
        rows = torch.repeat_interleave(torch.arange(300), entries.start_B.diff())
        listed = entries.value_A > 0
        apart = (pre[rows, entries.index_A.long()] - entries.value_A).abs()[listed]
        assert bool((apart <= 2e-6 * size[rows][listed]).all())
        # No latent twice in a row.
        places = rows[listed] * 900 + entries.index_A[listed]
        assert len(places.unique()) == len(places)


def test_no_pre_activation_is_above_its_bound_in_integers() -> None:
    from core.kernels.integers import bounded

    for name in ("untrained", "trained", "one huge coordinate", "ties"):
        x, W, b = hard_case(name)
        found = bounded(x, W, b)
        assert found is not None
        bounds, pre = found.bounds().view(torch.bfloat16).double(), x.double() @ W.double().T + b
        assert bool((bounds >= pre).all())
        # And it is a bound that leaves out most latents.
        size = x.norm(dim=1, keepdim=True) * W.norm(dim=1)
        assert float(((bounds - pre) / size).mean()) < 0.04


def test_numbers_that_are_not_finite_are_not_screened_in_integers() -> None:
    from core.kernels import cpu

    x, W, b = hard_case("untrained")
    W[3, 5] = torch.nan
    with screened("integers"):
        found = cpu.topk(x, W, b, 4)
    assert torch.equal(found.value_A, cpu.topk(x, W, b, 4).value_A)
