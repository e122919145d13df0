"""Packing latents changes neither the latents nor their reconstructions."""

import pytest
import torch

from fumehood_tools.scoring.latents import decode_linear, pack

ROWS, F, D = 37, 200, 24


def latents(share: float) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    values = torch.rand(ROWS, F, generator=draw)
    f = (values * (torch.rand(ROWS, F, generator=draw) < share)).bfloat16()
    f[3] = 0
    f[-1] = 0
    return f


@pytest.mark.parametrize("share", [0.0, 0.03, 0.5])
def test_what_is_packed_comes_back_and_is_counted(share: float) -> None:
    f = latents(share)
    packed = pack(f)
    assert torch.equal(packed.to_dense(), f)
    assert packed.active == int((f != 0).sum())
    assert torch.equal(packed.rows_active(), (f != 0).sum(0))


@pytest.mark.parametrize("share", [0.0, 0.03, 0.5])
def test_decoding_what_is_packed_is_the_product_with_the_decoder(share: float) -> None:
    f = latents(share)
    draw = torch.Generator().manual_seed(1)
    W, b = torch.randn(F, D, generator=draw), torch.randn(D, generator=draw)
    expected = f.float() @ W + b
    assert torch.allclose(decode_linear(pack(f), W, b), expected, atol=1e-5)
