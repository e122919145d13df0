"""Run the encoder behind the glass so that it cannot know what a row is used for.

All rows that will be measured go through one stream: the evaluation split, and the probing texts of
all classes, training and test. They come in one secret random order, in requests of random size,
mixed with rows that were shown before, and go to one or two children in turn; a row that is shown
again may go to the other one. The evaluator sorts the latents by purpose afterwards. So neither the
number of rows so far, nor the size of a request, nor the neighbors of a row tell an encoder what is
being measured.

Afterwards another, fresh child gets a sample of the rows in another order and in batches of 1 to
200. `differences.py` measures how much its answers differ.

N = rows of a source, B = rows of a request, D = d_model, F = dictionary size; normalised space.
"""

from collections import deque
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

# One row in REPEAT_EVERY of a request was shown before.
REPEAT_EVERY = 32
# Sizes of the fresh child's requests, repeated until all witnesses have been shown.
OTHER_SIZES = (1, 2, 61, 3, 7, 17, 200, 1, 5)


class Source(Protocol):
    """Rows to encode, and the use of their latents."""

    name: str

    @property
    def rows(self) -> int:
        """The number of rows, N."""

    def read(self, number_B: "NDArray[np.int64]") -> "Tensor":
        """Return the rows with these numbers, normalized, float32 [B, D]."""

    def take(self, number_B: "NDArray[np.int64]", f: Latents) -> None:
        """Use the latents of these rows."""


class Sparsity:
    """The mean number of active latents over the rows of a source."""

    def __init__(self) -> None:
        self.active, self.rows = 0, 0

    @property
    def l0(self) -> float:
        """The mean over all rows so far; 0 before the first row."""
        return self.active / self.rows if self.rows else 0.0


class Sizes:
    """The root mean square of each latent over the rows on which it is active."""

    def __init__(self, dict_size: int) -> None:
        import torch

        self.square_F = torch.zeros(dict_size, dtype=torch.float64)
        self.active_F = torch.zeros(dict_size, dtype=torch.int64)

    def add(self, f: Latents) -> None:
        """Include these latents."""
        import torch

        f, most = f.sparse(), len(self.square_F)
        square_A = f.value_A.double().square()
        self.square_F += torch.bincount(f.index_A, weights=square_A, minlength=most)
        self.active_F += torch.bincount(f.index_A, minlength=most)

    def rms(self) -> "Tensor":
        """Return the root mean squares, float32 [F]; 1 for latents that were never active."""
        import torch

        rms_F = (self.square_F / self.active_F.clamp(min=1)).sqrt().float()
        return torch.where(rms_F > 0, rms_F, torch.ones_like(rms_F))


class _Request(NamedTuple):
    """Rows of several sources, followed by rows that were shown before.

    groups: for each source its number, the numbers of its rows, and their slice of `x_BD`. rows_ND:
    x_BD, then the repeated rows. before_RF: the earlier latents of the repeated rows. The child
    gets rows_ND[order], so the answer to rows_ND[i] is at place[i].
    """

    groups: "list[tuple[int, NDArray[np.int64], slice]]"
    x_BD: "Tensor"
    rows_ND: "Tensor"
    before_RF: "Tensor"
    order: "Tensor"
    place: "Tensor"


class Encoder:
    """Sends rows to children. `start` starts one or more of them."""

    def __init__(self, start: Callable[[], Sequence[RoleChild]], dict_size: int) -> None:
        self.start = start
        self.draw = np.random.default_rng()  # seeded by the system, so no variant can predict it
        self.witnesses = Witnesses(dict_size, self.draw)
        self.repeats = Differences(dict_size)
        self.sizes = Sizes(dict_size)
        self.sparsity: dict[str, Sparsity] = {}

    def run(self, sources: Sequence[Source]) -> None:
        """Encode all rows of all sources in one mixed stream and pass latents to their source.

        Requests go to the children in turn. They compute the next ones while an answer is processed
        here. Raises RunFailed, IntegrityFailed.
        """
        children = self.start()
        asked: deque[tuple[RoleChild, _Request]] = deque()
        for number, following in enumerate(self._requests(sources, children[0].rows)):
            child = children[number % len(children)]
            before = asked.popleft() if len(asked) == len(children) else None
            answer = None if before is None else child.answer(before[1].place)
            child.ask(following.rows_ND, following.order)
            asked.append((child, following))
            if before is not None and answer is not None:
                self._take(sources, before[1], child, answer)
        for child, request in asked:
            self._take(sources, request, child, child.answer(request.place))

    def _requests(self, sources: Sequence[Source], most: int) -> Iterator[_Request]:
        """Yield requests of random sizes that together contain every row of all sources once."""
        ends = np.cumsum([source.rows for source in sources])
        order = self.draw.permutation(int(ends[-1]))
        room = max(1, most - most // REPEAT_EVERY - 1)
        start = 0
        while start < len(order):
            size = int(self.draw.integers(max(1, room * 3 // 4), room + 1))
            # Sorted, so that files are read from front to back. The request is shuffled later.
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
        """Return a request with these rows and some that were shown before."""
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
        """Pass the latents of a request to their sources, and store repeats for comparison."""
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
    """How the answers of another, fresh encoder to the witnesses differ."""

    same_batch: AnswerDifference  # the same batch, sent twice
    other_batches: AnswerDifference  # the same rows in batches of other sizes
    first_encoder: AnswerDifference  # those batches, against the answers in the stream


def ask_again(half: RoleChild, encoder: Encoder, W_FD: "Tensor") -> SecondOpinion:
    """Send the witnesses to another child, in another order and in other batches."""
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
    """Raise IntegrityFailed if the encoder answered the same row differently."""
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
