"""Products in bfloat16 are rounded, nothing else is, and a choice ends where it was made."""

import pytest
import torch

LARGE, SMALL = (512, 256, 1024), (8, 8, 8)


def product(sizes: tuple[int, int, int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    rows, inner, columns = sizes
    left = torch.randn(rows, inner, generator=draw, requires_grad=True)
    right = torch.randn(inner, columns, generator=draw)
    return left, right, left @ right


def test_large_products_are_rounded_forwards_and_backwards_and_stay_float32() -> None:
    from core.kernels.arithmetic import products_in

    left, right, exact = product(LARGE)
    with products_in("bfloat16"):
        found = left @ right
        (grad,) = torch.autograd.grad(found.sum(), left)
        with_bias = torch.nn.functional.linear(left, right.T.contiguous(), torch.ones(LARGE[2]))
    (exact_grad,) = torch.autograd.grad(exact.sum(), left)
    assert found.dtype == grad.dtype == torch.float32
    for rounded, whole in ((found, exact), (grad, exact_grad), (with_bias, exact + 1)):
        apart = float((rounded - whole).detach().norm() / whole.detach().norm())
        assert 1e-4 < apart < 1e-2


def test_small_products_and_elementwise_work_are_not_touched() -> None:
    from core.kernels.arithmetic import products_in

    left, right, exact = product(SMALL)
    x = torch.randn(512, 1024)
    with products_in("bfloat16"):
        assert torch.equal(left @ right, exact)
        inside = (x * 3).exp().sum()
    assert torch.equal(inside, (x * 3).exp().sum())


def test_the_choice_ends_where_it_was_made_even_by_an_error() -> None:
    from core.kernels.arithmetic import product_dtype, products_in

    left, right, exact = product(LARGE)
    with pytest.raises(RuntimeError), products_in("bfloat16"):
        assert product_dtype() == torch.bfloat16
        raise RuntimeError
    assert product_dtype() == torch.float32 and torch.equal(left @ right, exact)
    with pytest.raises(ValueError, match="float32 or bfloat16"), products_in("float16"):
        pass
