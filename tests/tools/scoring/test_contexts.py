"""A decoder that reads latents together is refused; an honest latent adds the same in all rows."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.contexts import WHOLE, WITHOUT, in_contexts, judge_contexts
from fumehood_tools.scoring.decoding import Encoded
from fumehood_tools.scoring.latents import pack

PARTS, ROWS, F, D, BOOKS = 4, 500, 64, 16, 16
PAGES = F - BOOKS
DIRECTIONS = torch.randn(F, D, generator=torch.Generator().manual_seed(1))
LIBRARY = torch.randn(BOOKS, PAGES, D, generator=torch.Generator().manual_seed(2))
SIGNS = torch.randn(BOOKS, PAGES, generator=torch.Generator().manual_seed(4)).sign()


def pages(f: Tensor) -> Tensor:
    """Decode a latent of the first ones as a book, and another one as a page of that book."""
    book, page = f[:, :BOOKS], f[:, BOOKS:]
    return book @ DIRECTIONS[:BOOKS] + 0.6 * torch.einsum("rb,rp,bpd->rd", book, page, LIBRARY)


def signs(f: Tensor) -> Tensor:
    """The same, but the book only decides on the sign of what a page adds."""
    book, page = f[:, :BOOKS], f[:, BOOKS:]
    signed = torch.einsum("rb,rp,bp->rp", book, page, SIGNS)
    return book @ DIRECTIONS[:BOOKS] + signed @ DIRECTIONS[BOOKS:]


HONEST: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda f: f @ DIRECTIONS + 0.3,
    "squared": lambda f: f.square() @ DIRECTIONS,
    "normed": lambda f: f @ DIRECTIONS / (1 + 0.02 * f.norm(dim=1, keepdim=True)),
    "gently bent": lambda f: (x := f @ DIRECTIONS) + 0.1 * torch.nn.functional.softplus(x),
}
CHEATS = {"pages": pages, "signs": signs}


def latents(seed: int, rows: int = ROWS) -> Tensor:
    """Return rows with one of the first latents, and one of the others, active at about 1."""
    draw = torch.Generator().manual_seed(seed)
    f = torch.zeros(rows, F)
    for first, last in ((0, BOOKS), (BOOKS, F)):
        chosen_R1 = torch.randint(first, last, (rows, 1), generator=draw)
        f.scatter_(1, chosen_R1, 0.8 + 0.4 * torch.rand(rows, 1, generator=draw))
    return f.bfloat16()


def kept(rows: int = ROWS) -> list[Encoded]:
    numbers = np.arange(rows)
    return [Encoded(numbers + rows * n, pack(latents(n, rows)), None) for n in range(PARTS)]


def spread(decode: Callable[[Tensor], Tensor]) -> float:
    found = in_contexts(kept(), 600, F)
    decoded = {name: decode(f.to_dense().float()) for name, f in found.trials.items()}
    return found.spread(decoded)


@pytest.mark.parametrize("name", HONEST)
def test_honest_decoders_pass(name: str) -> None:
    judge_contexts(spread(HONEST[name]))


@pytest.mark.parametrize("name", CHEATS)
def test_latents_that_are_read_together_are_refused(name: str) -> None:
    assert spread(CHEATS[name]) > 0.2
    with pytest.raises(IntegrityFailed, match="decoder_packing.* depends on the row"):
        judge_contexts(spread(CHEATS[name]))


def test_several_rows_of_a_latent_lack_it_and_nothing_else() -> None:
    found = in_contexts(kept(), 600, F)
    whole, without = (found.trials[name].to_dense() for name in (WHOLE, WITHOUT))
    counted = torch.from_numpy(found.latent_R >= 0)
    assert int(counted.sum()) > 550
    changed = (whole != without)[counted]
    assert bool((changed.sum(dim=1) == 1).all())
    assert changed.nonzero()[:, 1].tolist() == found.latent_R[found.latent_R >= 0].tolist()
    assert not bool(whole[~counted].any())
    _, sizes = np.unique(found.latent_R[found.latent_R >= 0], return_counts=True)
    assert sizes.min() >= 4 and sizes.max() == 16
    shown = {tuple(row) for n in range(PARTS) for row in latents(n).tolist()}
    assert all(tuple(row) in shown for row in whole[counted].tolist())


def test_without_latents_that_are_active_often_enough_nothing_is_judged() -> None:
    empty = [Encoded(np.arange(9), pack(torch.zeros(9, F).bfloat16()), None)]
    for some in (empty, kept(1)[:1]):
        found = in_contexts(some, 20, F)
        assert (found.latent_R == -1).all() and found.trials[WHOLE].rows == 20
        assert found.spread({name: torch.zeros(20, D) for name in (WHOLE, WITHOUT)}) == 0
