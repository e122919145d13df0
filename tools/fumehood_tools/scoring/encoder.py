"""The encoder behind the glass, asked so that only what it makes of a row can count.

Every request holds the rows of a call in a secret random order, has another size than the last,
and hides rows that were shown before. A second child, fresh, is shown a sample in another order
and in batches of 1 to a few hundred. What differs is measured per row as |f - f'| / max(|f|, |f'|)
on the latents as they are handed over, in bfloat16.

Honest encoders differ too: float32 sums depend on the size of a batch (1e-7), which seldom turns a
bfloat16 rounding, and may exchange two latents that tie for the last place of TopK or lie on a
threshold (then the row differs by about 1 / sqrt(L0)).

N = rows of a call, B = rows of a request, D = d_model, F = dictionary size; normalised space.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.half import Half
from fumehood_tools.scoring.latents import Latents, pack
from fumehood_tools.scoring.witnesses import Witnesses, relative_difference

if TYPE_CHECKING:
    from torch import Tensor

# Measured means: 0 to 4e-10 on every packaged baseline, the examples and ISTA, on the synthetic
# subject and on SmolLM2-135M; a BatchTopK without a threshold 0.09, a switch to dense 0.37.
DIFFERENCE_LIMIT = 0.02
# One row in so many of a request is a repeat.
REPEAT_EVERY = 32
# Sizes of the second child's requests, over and over until the witnesses are used up.
OTHER_SIZES = (1, 2, 61, 3, 7, 17, 200, 1, 5)
# L0 of a phase is counted on so many rows of each request.
COUNTED = 48


class Mean:
    """A running mean."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, values: "Tensor") -> None:
        """Count these values."""
        self.total += float(values.double().sum())
        self.count += values.numel()

    @property
    def value(self) -> float | None:
        """The mean; None before the first value."""
        return self.total / self.count if self.count else None


class Part(NamedTuple):
    """Latents of the rows `row_B` of a call, in the request's order."""

    row_B: "Tensor"
    f: Latents


class _Request(NamedTuple):
    """Rows `x_BD` of a call, what repeats of other rows gave before, and both as they are shown.

    Row i of the two together stands at `place[i]` of what is shown.
    """

    row_B: "Tensor"
    x_BD: "Tensor"
    before_RF: "Tensor"
    shown: "Tensor"
    place: "Tensor"


class Encoder:
    """Encodes rows through a child that `start` starts when there is none."""

    def __init__(self, start: Callable[[], Half], dict_size: int) -> None:
        self.start, self.dict_size = start, dict_size
        self.draw = np.random.default_rng()  # seeded by the system: no variant can know it
        self.witnesses = Witnesses(dict_size, self.draw)
        self.repeats = Mean()
        self.l0: dict[str, Mean] = {}
        self._remembered: dict[bytes, list[Part]] = {}
        self._remembered_sizes: set[int] = set()

    def parts(self, x_ND: "Tensor", phase: str) -> Iterator[Part]:
        """Yield the latents of all rows, a request at a time. Raises RunFailed."""
        for row_B, f_BF in self.answers(x_ND, phase):
            yield Part(row_B, pack(f_BF))

    def dense(self, x_ND: "Tensor", phase: str) -> "Tensor":
        """Return float32 latents [N, F]. Rows of x that are 0 throughout are not asked for: 0.

        (Padding, which sae-bench leaves out of its means.) Raises RunFailed.
        """
        import torch

        f_NF = torch.zeros(len(x_ND), self.dict_size)
        if (parts := self._memory(x_ND)) is not None:
            for part in parts:
                f_NF.index_copy_(0, part.row_B, part.f.to_dense().float())
            return f_NF
        live_M = x_ND.abs().sum(dim=1).nonzero().flatten()
        for row_B, f_BF in self.answers(x_ND[live_M], phase):
            f_NF.index_copy_(0, live_M[row_B], f_BF.float())
        return f_NF

    def _memory(self, x_ND: "Tensor") -> list[Part] | None:
        if len(x_ND) not in self._remembered_sizes:
            return None  # saves the hashing
        return self._remembered.get(fingerprint(x_ND))

    def remember(self, x_ND: "Tensor", phase: str) -> None:
        """Encode rows that `dense` will be asked for when the child is gone."""
        key = fingerprint(x_ND)
        if key not in self._remembered:
            self._remembered[key] = list(self.parts(x_ND, phase))
            self._remembered_sizes.add(len(x_ND))

    def answers(self, x_ND: "Tensor", phase: str) -> Iterator["tuple[Tensor, Tensor]"]:
        """Yield row numbers [B] and their bfloat16 latents [B, F] until every row was encoded.

        The child works on the next request while an answer is looked at, here and by the caller:
        no other use of the encoder before the end. Raises RunFailed, IntegrityFailed.
        """
        import torch

        half, count = self.start(), self.l0.setdefault(phase, Mean())
        parts = self._cut(torch.from_numpy(self.draw.permutation(len(x_ND))), half.rows)
        asked: _Request | None = None
        for row_B in parts:
            following = self._mix(half.rows, row_B, x_ND[row_B])
            answer = None if asked is None else half.answer()
            half.ask(following.shown)
            if asked is not None and answer is not None:
                yield asked.row_B, self._take(asked, half.checked(answer), phase, count)
            asked = following
        if asked is not None:
            yield asked.row_B, self._take(asked, half.checked(half.answer()), phase, count)

    def _cut(self, order_N: "Tensor", most: int) -> Iterator["Tensor"]:
        """Yield parts of random sizes with room for repeats."""
        room = max(1, most - most // REPEAT_EVERY - 1)
        start = 0
        while start < len(order_N):
            size = int(self.draw.integers(max(1, room * 3 // 4), room + 1))
            yield order_N[start : start + size]
            start += size

    def _mix(self, most: int, row_B: "Tensor", x_BD: "Tensor") -> "_Request":
        """Return a request whose rows are mixed with some that were shown before."""
        import torch

        hidden = min(most - len(x_BD), 1 + len(x_BD) // REPEAT_EVERY)
        again_RD, before_RF = self.witnesses.some(hidden)
        shown = torch.cat([x_BD, again_RD]) if again_RD.numel() else x_BD
        order = torch.from_numpy(self.draw.permutation(len(shown)))
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order))
        return _Request(row_B, x_BD, before_RF, shown[order], place)

    def _take(self, asked: "_Request", answer: "Tensor", phase: str, count: Mean) -> "Tensor":
        """Return the latents of the rows that were asked for; the repeats are compared."""
        f, rows = answer[asked.place], len(asked.x_BD)
        if asked.before_RF.numel():
            self.repeats.add(relative_difference(f[rows:], asked.before_RF))
        f_BF = f[:rows]
        count.add((f_BF[:COUNTED] != 0).sum(dim=1))
        self.witnesses.add(phase, asked.x_BD, f_BF)
        return f_BF


class SecondOpinion(NamedTuple):
    """What a second, fresh encoder makes of the witnesses; mean differences per row."""

    same_batch: float  # one batch, asked twice
    other_batches: float  # the same rows in batches of other sizes
    first_encoder: float  # those, against what the first encoder made of them


def ask_again(half: Half, encoder: Encoder) -> SecondOpinion:
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
    return SecondOpinion(*(float(relative_difference(*pair).mean()) for pair in pairs))


def judge_encoder(opinion: SecondOpinion, repeats: float) -> None:
    """Raise IntegrityFailed for an encoder that answers the same row differently."""
    if opinion.same_batch > DIFFERENCE_LIMIT:
        raise IntegrityFailed(
            "determinism",
            f"encode answered the same batch differently: {opinion.same_batch:.1%} of the latents' "
            f"norm (allowed: {DIFFERENCE_LIMIT:.0%})",
            "Switch noise and dropout off unless self.training.",
        )
    if opinion.other_batches > DIFFERENCE_LIMIT:
        raise IntegrityFailed(
            "batch_invariance",
            "in batches of other sizes the same rows got latents that differ by "
            f"{opinion.other_batches:.1%} of their norm (allowed: {DIFFERENCE_LIMIT:.0%})",
            "In eval mode treat each row by itself, e.g. with a threshold learned in training.",
        )
    apart = max(repeats, opinion.first_encoder)
    if apart > DIFFERENCE_LIMIT:
        raise IntegrityFailed(
            "determinism",
            f"rows shown again, later or to a fresh process, got latents that differ by {apart:.1%}"
            f" of their norm (allowed: {DIFFERENCE_LIMIT:.0%})",
            "encode must depend on the row alone, not on calls before or on time.",
        )


def fingerprint(x_ND: "Tensor") -> bytes:
    """Return a key for the content of a tensor."""
    return hashlib.blake2b(x_ND.contiguous().numpy().data, digest_size=16).digest()
