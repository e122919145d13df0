"""Decode with a declared nonlinear decoder that can neither remember nor compare rows.

Each request is answered by a new process that has decoded nothing before. Rows are assigned to
requests at random: rows of the evaluation split with their exact latents, and trial rows with
changed latents (trials.py). No request contains two versions of the same row.

R = trial rows, B = rows of a request, D = d_model, F = dictionary size; normalised space.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fumehood_tools.scoring.latents import Latents
from fumehood_tools.scoring.role_child import rows_per_request
from fumehood_tools.scoring.role_children import RoleChildren
from fumehood_tools.scoring.trials import PLAIN

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

# Average fill of a request. Less than 1, because random assignment makes some requests fuller.
FILLED = 0.8


class Encoded(NamedTuple):
    """Some evaluation rows: their numbers, their latents, and the output of the skip path."""

    number_B: "NDArray[np.int64]"
    f: Latents
    skip_BD: "Tensor | None"


def among(trial_R: "NDArray[np.int64]", number_B: "NDArray[np.int64]") -> "tuple[Tensor, Tensor]":
    """Return which rows are trial rows, bool [B], and the positions of these in trial_R."""
    import torch

    place_B = np.searchsorted(trial_R, number_B).clip(max=len(trial_R) - 1)
    hit_B = trial_R[place_B] == number_B
    return torch.from_numpy(hit_B), torch.from_numpy(place_B[hit_B])


class DecodeStream:
    """Decodes all rows and all trials. Afterwards `decoded` has the trials' reconstructions."""

    def __init__(
        self, halves: RoleChildren, trial_R: "NDArray[np.int64]", trials: Mapping[str, Latents]
    ) -> None:
        import torch

        self.halves, self.trial_R = halves, trial_R
        self.trials = {name: f.to_dense() for name, f in trials.items()}
        width = halves.given.activation_dim
        self.decoded = {name: torch.zeros(len(trial_R), width) for name in trials}
        self._most = rows_per_request(halves.given.dict_size)
        self._draw = np.random.default_rng()

    def run(self, kept: Sequence[Encoded]) -> "Iterator[tuple[Encoded, Tensor]]":
        """Yield each part with its reconstructions [B, D]. Raises RunFailed, IntegrityFailed."""
        request_R, dealt = self._deal(kept)
        changed = [name for name in self.trials if name != PLAIN]
        for number, parts in enumerate(dealt):
            # Version v of a row comes v + 1 requests after its exact latents, cyclically, so two
            # versions are never in the same request.
            trials = [
                (name, np.flatnonzero((request_R + 1 + v) % len(dealt) == number))
                for v, name in enumerate(changed)
            ]
            yield from self._answer(parts, trials)

    def _deal(self, kept: Sequence[Encoded]) -> "tuple[NDArray[np.int64], list[list[Encoded]]]":
        """Assign parts to requests at random.

        Returns the request number of each trial row's exact latents, and each request's parts.
        """
        rows = sum(len(part.number_B) for part in kept) + len(self.trial_R) * len(self.trials)
        count = max(len(self.trials), round(rows / (FILLED * self._most)) + 1)
        dealt: list[list[Encoded]] = [[] for _ in range(count)]
        request_R = np.zeros(len(self.trial_R), dtype=np.int64)
        for place, chosen in enumerate(self._draw.permutation(len(kept))):
            part = kept[chosen]
            dealt[place % count].append(part)
            request_R[np.isin(self.trial_R, part.number_B)] = place % count
        return request_R, dealt

    def _answer(
        self, parts: Sequence[Encoded], trials: "Sequence[tuple[str, NDArray[np.int64]]]"
    ) -> "Iterator[tuple[Encoded, Tensor]]":
        """Decode the rows of one request in random order, and undo the order in the answers."""
        import torch

        latents = [part.f.to_dense() for part in parts]
        latents += [self.trials[name][torch.from_numpy(row_B)] for name, row_B in trials]
        if not sum(len(one) for one in latents):
            return
        f_BF = torch.cat(latents)
        order = torch.from_numpy(self._draw.permutation(len(f_BF)))
        x_hat_BD = torch.empty(len(f_BF), self.halves.given.activation_dim)
        for some in torch.split(order, self._most):
            x_hat_BD[some] = self.halves.fresh("decode")(f_BF[some])
        self.halves.end("decode")
        sizes = [len(one) for one in latents]
        answers = torch.split(x_hat_BD, sizes)
        for part, answer in zip(parts, answers, strict=False):
            hit_B, place = among(self.trial_R, part.number_B)
            self.decoded[PLAIN][place] = answer[hit_B]
            yield part, answer
        for (name, row_B), answer in zip(trials, answers[len(parts) :], strict=True):
            self.decoded[name][torch.from_numpy(row_B)] = answer
