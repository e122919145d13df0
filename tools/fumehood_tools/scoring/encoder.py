"""The encoder behind the glass, asked so that only what it makes of a row can count.

Everything that will ever be measured goes through one stream: rows of the evaluation split and of
the probing texts of all classes, for training and for test, in one secret random order, in requests
of random size, with rows hidden among them that were shown before. What a row is for is decided
outside, when its latents are there. So neither the number of rows so far, nor the size of a
request, nor a row's neighbours tell an encoder what is being measured.

Afterwards a second child, fresh, is shown a sample in another order and in batches of 1 to a few
hundred. What differs is measured in `differences.py`.

N = rows of a source, B = rows of a request, D = d_model, F = dictionary size; normalised space.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.differences import AnswerDifference, Differences
from fumehood_tools.scoring.latents import Latents, pack
from fumehood_tools.scoring.reshown_rows import Witnesses
from fumehood_tools.scoring.role_child import RoleChild

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

# One row in so many of a request is a repeat.
REPEAT_EVERY = 32
# Sizes of the second child's requests, over and over until the witnesses are used up.
OTHER_SIZES = (1, 2, 61, 3, 7, 17, 200, 1, 5)


class Source(Protocol):
    """Rows that are to be encoded, and what becomes of their latents."""

    name: str

    @property
    def rows(self) -> int:
        """How many rows there are: N."""

    def read(self, number_B: "NDArray[np.int64]") -> "Tensor":
        """Return the rows with these numbers as the variant is shown them, float32 [B, D]."""

    def take(self, number_B: "NDArray[np.int64]", f: Latents) -> None:
        """Use the latents of these rows."""


class Sparsity:
    """How many latents are active, mean over the rows of a source."""

    def __init__(self) -> None:
        self.active, self.rows = 0, 0

    @property
    def l0(self) -> float:
        """The mean; 0 before the first row."""
        return self.active / self.rows if self.rows else 0.0


class Sizes:
    """The root mean square of each latent over the rows on which it is active."""

    def __init__(self, dict_size: int) -> None:
        import torch

        self.square_F = torch.zeros(dict_size, dtype=torch.float64)
        self.active_F = torch.zeros(dict_size, dtype=torch.int64)

    def add(self, f: Latents) -> None:
        """Count these latents."""
        import torch

        f, most = f.sparse(), len(self.square_F)
        square_A = f.value_A.double().square()
        self.square_F += torch.bincount(f.index_A, weights=square_A, minlength=most)
        self.active_F += torch.bincount(f.index_A, minlength=most)

    def rms(self) -> "Tensor":
        """Return the sizes, float32 [F]; 1 for latents that were never active."""
        import torch

        rms_F = (self.square_F / self.active_F.clamp(min=1)).sqrt().float()
        return torch.where(rms_F > 0, rms_F, torch.ones_like(rms_F))


class _Request(NamedTuple):
    """Rows of several sources, then repeats with what those gave before, and how all are shown.

    groups: source number, row numbers, their places in `x_BD`. rows_ND: x_BD and the repeats. Row
    order[i] of them is shown as row i, so row i is found at place[i] of the answer.
    """

    groups: "list[tuple[int, NDArray[np.int64], slice]]"
    x_BD: "Tensor"
    rows_ND: "Tensor"
    before_RF: "Tensor"
    order: "Tensor"
    place: "Tensor"


class Encoder:
    """Shows rows to a child that `start` starts."""

    def __init__(self, start: Callable[[], RoleChild], dict_size: int) -> None:
        self.start = start
        self.draw = np.random.default_rng()  # seeded by the system: no variant can know it
        self.witnesses = Witnesses(dict_size, self.draw)
        self.repeats = Differences(dict_size)
        self.sizes = Sizes(dict_size)
        self.sparsity: dict[str, Sparsity] = {}

    def run(self, sources: Sequence[Source]) -> None:
        """Encode every row of all sources, mixed with each other, and hand latents to their source.

        The child works on the next request while an answer is looked at. Raises RunFailed,
        IntegrityFailed.
        """
        half = self.start()
        asked: _Request | None = None
        for following in self._requests(sources, half.rows):
            answer = None if asked is None else half.answer(asked.place)
            half.ask(following.rows_ND, following.order)
            if asked is not None and answer is not None:
                self._take(sources, asked, half, answer)
            asked = following
        if asked is not None:
            self._take(sources, asked, half, half.answer(asked.place))

    def _requests(self, sources: Sequence[Source], most: int) -> Iterator[_Request]:
        """Yield requests of random sizes until every row of all sources was shown."""
        ends = np.cumsum([source.rows for source in sources])
        order = self.draw.permutation(int(ends[-1]))
        room = max(1, most - most // REPEAT_EVERY - 1)
        start = 0
        while start < len(order):
            size = int(self.draw.integers(max(1, room * 3 // 4), room + 1))
            # In order, so that files are read from front to back; what is shown is shuffled.
            chosen = np.sort(order[start : start + size])
            start += size
            yield self._mix(sources, ends, chosen, most)

    def _mix(
        self,
        sources: Sequence[Source],
        ends: "NDArray[np.int64]",
        chosen: "NDArray[np.int64]",
        most: int,
    ) -> _Request:
        """Return a request whose rows are mixed with some that were shown before."""
        import torch

        groups, rows = [], []
        cuts = [0, *np.searchsorted(chosen, ends)]
        for number, (begin, end) in enumerate(zip(cuts, cuts[1:], strict=False)):
            if end > begin:
                local = chosen[begin:end] - (ends[number] - sources[number].rows)
                groups.append((number, local, slice(int(begin), int(end))))
                rows.append(sources[number].read(local))
        own = len(chosen)
        again_RD, before_RF = self.witnesses.some(min(most - own, 1 + own // REPEAT_EVERY))
        rows_ND = torch.cat([*rows, again_RD] if again_RD.numel() else rows)
        order = torch.from_numpy(self.draw.permutation(len(rows_ND)))
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order))
        return _Request(groups, rows_ND[:own], rows_ND, before_RF, order, place)

    def _take(
        self, sources: Sequence[Source], asked: _Request, half: RoleChild, f: "Tensor"
    ) -> None:
        """Hand the latents of a request to their sources; the repeats are kept for comparison."""
        every, rows = half.packed(f), len(asked.x_BD)
        if asked.before_RF.numel():
            self.repeats.add(every.part(rows, every.rows), pack(asked.before_RF))
        own = every.part(0, rows)
        self.sizes.add(own)
        for number, local, part in asked.groups:
            source = sources[number]
            latents = own.part(part.start, part.stop)
            counted = self.sparsity.setdefault(source.name, Sparsity())
            counted.active += latents.active
            counted.rows += latents.rows
            self.witnesses.add(source.name, asked.x_BD[part], f[part])
            source.take(local, latents)


class SecondOpinion(NamedTuple):
    """What a second, fresh encoder makes of the witnesses."""

    same_batch: AnswerDifference  # one batch, asked twice
    other_batches: AnswerDifference  # the same rows in batches of other sizes
    first_encoder: AnswerDifference  # those, against what the first encoder made of them


def ask_again(half: RoleChild, encoder: Encoder, W_FD: "Tensor") -> SecondOpinion:
    """Show the witnesses to another child, in another order and in other batches."""
    import torch

    x_WD, f_WF = encoder.witnesses.all()
    found, start = [], 0
    while start < len(x_WD):
        for size in OTHER_SIZES:
            part = x_WD[start : start + min(size, half.rows)]
            if len(part):
                found.append(half(part))
            start += len(part)
    apart_WF, batch = torch.cat(found), x_WD[: half.rows]
    whole_BF = half(batch)
    pairs = (whole_BF, half(batch)), (whole_BF, apart_WF[: len(batch)]), (f_WF, apart_WF)
    compared = [Differences(f_WF.shape[1]) for _ in pairs]
    for one, (f, g) in zip(compared, pairs, strict=True):
        one.add(pack(f), pack(g))
    return SecondOpinion(*(one.result(W_FD) for one in compared))


def judge_encoder(opinion: SecondOpinion, repeats: AnswerDifference) -> None:
    """Raise IntegrityFailed for an encoder that answers the same row differently."""
    if said := opinion.same_batch.problem():
        raise IntegrityFailed(
            "determinism",
            f"encode answered the same batch differently: {said}",
            "Switch noise and dropout off unless self.training.",
        )
    if said := opinion.other_batches.problem():
        raise IntegrityFailed(
            "batch_invariance",
            f"in batches of other sizes the same rows got other latents: {said}",
            "In eval mode treat each row by itself, e.g. with a threshold learned in training.",
        )
    if said := repeats.problem() or opinion.first_encoder.problem():
        raise IntegrityFailed(
            "determinism",
            f"rows shown again, later or to a fresh process, got other latents: {said}",
            "encode must depend on the row alone, not on calls before or on time.",
        )
