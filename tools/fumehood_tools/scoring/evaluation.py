"""Our own metrics of one SAE over all evaluation tokens, and what its checks measure on the way.

The order is the point: a linear decoder is read out first; then rows are encoded; then, when no
encode child is left, what has to be decoded by the variant's own code is decoded.

B = rows of a request, N = rows of a call, D = d_model, F = dictionary size.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fumehood_tools.harvest import Activations
from fumehood_tools.scoring.decoders import LinearDecoder
from fumehood_tools.scoring.encoder import Encoder
from fumehood_tools.scoring.halves import Halves
from fumehood_tools.scoring.latents import Latents
from fumehood_tools.scoring.reconstruction import Reconstruction, ReconstructionTotals
from fumehood_tools.scoring.robustness import Robustness, RobustnessTrial

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

ROWS_PER_CALL = 8192


class EvaluationRows:
    """The evaluation split in a secret random order. Shards are mapped, not loaded."""

    def __init__(self, activations: Activations, draw: np.random.Generator) -> None:
        self.shards = [np.load(path, mmap_mode="r") for path in activations.eval_shards]
        self.ends = np.cumsum([len(shard) for shard in self.shards])
        self.order = draw.permutation(int(self.ends[-1]))
        self.width = activations.d_model

    def calls(self) -> Iterator["NDArray[np.int64]"]:
        """Yield the numbers of all rows, some thousands at a time."""
        for start in range(0, len(self.order), ROWS_PER_CALL):
            yield self.order[start : start + ROWS_PER_CALL]

    def read(self, chosen_N: "NDArray[np.int64]") -> "Tensor":
        """Return the rows with these numbers, float32 [N, D], raw units."""
        import torch

        back_N = np.argsort(chosen_N, kind="stable")
        sorted_N = chosen_N[back_N]
        x_ND = np.empty((len(chosen_N), self.width), dtype=np.float32)
        begin, first = 0, 0
        for shard, cut, end in zip(
            self.shards, np.searchsorted(sorted_N, self.ends), self.ends, strict=True
        ):
            x_ND[back_N[begin:cut]] = shard[sorted_N[begin:cut] - first]
            begin, first = int(cut), int(end)
        return torch.from_numpy(x_ND)


class Encoded(NamedTuple):
    """One request's rows: their numbers, latents, what the skip path gives."""

    number_B: "NDArray[np.int64]"
    f: Latents
    skip_BD: "Tensor | None"


class Outcome(NamedTuple):
    """What all evaluation tokens say."""

    own: Reconstruction
    linear_explained: float | None = None
    robustness: Robustness | None = None
    skip_explained: float | None = None
    with_skip_explained: float | None = None


class Evaluation:
    """One pass over the evaluation split, for a linear decoder or a declared nonlinear one."""

    def __init__(
        self, halves: Halves, encoder: Encoder, decoder: LinearDecoder, activations: Activations
    ) -> None:
        self.halves, self.encoder, self.decoder = halves, encoder, decoder
        self.activations, self.scale = activations, activations.scale
        self.rows = EvaluationRows(activations, encoder.draw)
        self.totals = self._fresh_totals()
        self.skip, self.both = self._fresh_totals(), self._fresh_totals()
        self.kept: list[Encoded] = []

    def _fresh_totals(self) -> ReconstructionTotals:
        return ReconstructionTotals(self.activations.d_model, self.halves.given.dict_size)

    def encode_all(self, *, skips: bool, keep: bool) -> None:
        """Encode every evaluation row. `keep`: for a nonlinear decoder, which is asked later."""
        for number_N in self.rows.calls():
            x_ND = self.rows.read(number_N)
            for part in self.encoder.parts(x_ND / self.scale, "eval"):
                x_BD = x_ND[part.row_B]
                skip_BD = self._skip(x_BD) if skips else None
                self._count(
                    x_BD, part.f, self.decoder(part.f) * self.scale, skip_BD, final=not keep
                )
                if keep:
                    packed = None if skip_BD is None else skip_BD.bfloat16()
                    self.kept.append(Encoded(number_N[part.row_B.numpy()], part.f, packed))
        self.halves.end("skip")

    def _skip(self, x_BD: "Tensor") -> "Tensor":
        import torch

        half = self.halves.get("skip")
        return torch.cat(list(half.all(x_BD / self.scale))) * self.scale

    def _count(
        self,
        x_BD: "Tensor",
        f: Latents,
        x_hat_BD: "Tensor",
        skip_BD: "Tensor | None",
        *,
        final: bool,
    ) -> None:
        fired_F = f.rows_active()
        self.totals.count(x_BD, x_hat_BD, f.active, fired_F)
        if skip_BD is not None and final:
            self.skip.count(x_BD, skip_BD, f.active, fired_F)
            self.both.count(x_BD, x_hat_BD + skip_BD, f.active, fired_F)

    def outcome(self, *, skips: bool) -> Outcome:
        """Return the metrics; what was kept is decoded now. The encode children must be gone."""
        import torch

        if not self.kept:
            return self._outcome(skips, None, None)
        linear = self.totals.result().explained_variance
        self.totals = self._fresh_totals()
        half = self.halves.fresh("decode")
        trial = RobustnessTrial(half, self.scale, self._fresh_totals)
        for number_B, f, skip_BD in self.kept:
            x_BD, f_BF = self.rows.read(number_B), f.to_dense()
            x_hat_BD = torch.cat(list(half.all(f_BF))) * self.scale
            given = None if skip_BD is None else skip_BD.float()
            self._count(x_BD, f, x_hat_BD, given, final=True)
            trial.add(x_BD, f_BF, x_hat_BD)
        self.kept = []
        return self._outcome(skips, linear, trial.result())

    def _outcome(self, skips: bool, linear: float | None, robustness: Robustness | None) -> Outcome:
        return Outcome(
            own=self.totals.result(),
            linear_explained=linear,
            robustness=robustness,
            skip_explained=self.skip.result().explained_variance if skips else None,
            with_skip_explained=self.both.result().explained_variance if skips else None,
        )


def fresh_folder(root: Path, name: str) -> Path:
    """Return a new folder below root that nobody could have prepared."""
    import tempfile

    root.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=root, prefix=f"{name}-"))
