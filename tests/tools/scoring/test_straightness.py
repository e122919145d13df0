"""Decoders that read codes from the sizes of latents bend; those of honest SAEs hardly do."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.latents import pack
from fumehood_tools.scoring.straightness import PART, bend_of, judge_bend, with_part
from fumehood_tools.scoring.trials import DROPPED, PLAIN, changed

ROWS, F, D = 400, 64, 16
DIRECTIONS = torch.randn(F, D, generator=torch.Generator().manual_seed(1))
CODES = torch.randn(2, F, D, generator=torch.Generator().manual_seed(2))


def codewords(f: Tensor) -> Tensor:
    """Decode small and large latents as unrelated codewords."""
    near = ((f > 0) & (f <= 3)).float() @ CODES[0]
    return near + (f > 3).float() @ CODES[1]


def lines_between(f: Tensor) -> Tensor:
    """The same, but what is near neither of the sizes 1 and 5 counts in proportion."""
    size = torch.where(f > 3, 5.0, 1.0)
    share = torch.where((f / size - 1).abs() < 0.4, 1.0, f / size) * (f > 0)
    return (share * (f <= 3)) @ CODES[0] + (share * (f > 3)) @ CODES[1]


def guesses(f: Tensor) -> Tensor:
    """Decode as a code only what is near a size, and all else as a part of the likelier size."""
    near_small, near_large = (f - 1).abs() < 0.3, (f / 5 - 1).abs() < 0.3
    large = near_large | ((f > 1.3) & ~near_small)
    share = torch.where(near_small | near_large, 1.0, torch.where(large, f / 5, f)) * (f > 0)
    return (share * ~large) @ CODES[0] + (share * large) @ CODES[1]


HONEST: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda f: f @ DIRECTIONS + 0.3,
    "normed": lambda f: f @ DIRECTIONS / (1 + 0.02 * f.norm(dim=1, keepdim=True)),
    "softplus": lambda f: torch.nn.functional.softplus(f @ DIRECTIONS),
}
CHEATS = {"codewords": codewords, "lines between": lines_between, "guesses": guesses}


def bend(decode: Callable[[Tensor], Tensor], active: int) -> float:
    draw = torch.Generator().manual_seed(3)
    order_RF = torch.rand(ROWS, F, generator=draw).argsort(dim=1)[:, :active]
    size_RF = torch.where(torch.rand(ROWS, active, generator=draw) < 0.5, 1.0, 5.0)
    exact = pack(torch.zeros(ROWS, F).scatter_(1, order_RF, size_RF).bfloat16())
    dropped = dict(changed(exact, torch.ones(F)))[DROPPED]
    trials = {PLAIN: exact, DROPPED: dropped, PART: with_part(exact, dropped)}
    return bend_of(trials, {name: decode(f.to_dense().float()) for name, f in trials.items()})


@pytest.mark.parametrize("active", [1, 4, 16])
@pytest.mark.parametrize("name", HONEST)
def test_honest_decoders_pass_however_many_latents_are_active(name: str, active: int) -> None:
    judge_bend(bend(HONEST[name], active))


@pytest.mark.parametrize("active", [1, 4])
@pytest.mark.parametrize("name", CHEATS)
def test_sizes_that_are_codes_are_refused(name: str, active: int) -> None:
    with pytest.raises(IntegrityFailed, match="decoder_packing"):
        judge_bend(bend(CHEATS[name], active))


def test_one_latent_of_each_row_is_changed_and_stays_active() -> None:
    assert bend(HONEST["linear"], 3) < 1e-5
    exact = pack(torch.ones(ROWS, F).bfloat16())
    dropped = dict(changed(exact, torch.ones(F)))[DROPPED]
    part_RF = with_part(exact, dropped).to_dense()
    changed_RF = part_RF != 1
    assert bool((changed_RF.sum(dim=1) == 1).all())
    assert 0.09 < float(part_RF[changed_RF].min()) < 0.2
    assert 0.85 < float(part_RF[changed_RF].max()) < 0.96
