"""Our own metrics of one SAE over all evaluation tokens, and measurements for its checks.

The order matters. First a linear decoder is read out. Then evaluation and probing rows are encoded
in one stream. When no encode child is left, the variant's own code decodes what it has to. The
spliced passes of sae-bench's core evaluation use the latents computed here: the rows of loss
recovered are rows of the evaluation split and are encoded once, like all others.

x are the rows that are read and y those that are predicted; for an SAE they are the same. A
transcoder's y_hat is decode(f) + skip(x). An SAE's skip path is measured beside its metrics.

B = rows of a request, R = trial rows, N = rows, D = d_model, F = dictionary size, T = context.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fumehood_tools.harvest import Activations
from fumehood_tools.scoring.contexts import in_contexts
from fumehood_tools.scoring.decoders import LinearDecoder
from fumehood_tools.scoring.decoding import DecodeStream, Encoded, among
from fumehood_tools.scoring.latents import Latents, pack
from fumehood_tools.scoring.reconstruction import Reconstruction, ReconstructionTotals
from fumehood_tools.scoring.role_children import RoleChildren
from fumehood_tools.scoring.skip_path import LinearSkip
from fumehood_tools.scoring.straightness import PART, bend_of, with_part
from fumehood_tools.scoring.trials import DROPPED, PLAIN, Curve, CurveTotals, changed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

# The number of rows for the noise curve; more if loss recovered is measured on more rows.
TRIAL_ROWS = 2048


class EvaluationRows:
    """The evaluation split. Its shards are memory-mapped."""

    def __init__(self, activations: Activations) -> None:
        self.shards = [np.load(path, mmap_mode="r") for path in activations.eval_shards]
        self.ends = np.cumsum([len(shard) for shard in self.shards])
        self.count = int(self.ends[-1])
        self.width = activations.d_model

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The type in which activations are stored."""
        found: np.dtype[Any] = self.shards[0].dtype
        return found

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


class ReconstructionResult(NamedTuple):
    """Metrics over all evaluation tokens. `exact`: with exact latents. `own`: the score."""

    own: Reconstruction
    exact: Reconstruction
    curve: Curve
    linear_explained: float | None = None
    skip_explained: float | None = None
    with_skip_explained: float | None = None
    latents_explained: float | None = None
    bend: float | None = None
    spread: float | None = None


class ReconstructionRun:
    """The evaluation split as a source of the encoder's stream.

    targets: what is predicted; None: what is read. skip: a transcoder's skip path, which is part of
    its y_hat; or whether an SAE has one. keep: whether latents are stored until the end, for a
    nonlinear decoder.
    """

    name = "eval"

    def __init__(
        self,
        halves: RoleChildren,
        decoder: LinearDecoder,
        activations: Activations,
        loss_rows: int,
        *,
        targets: Activations | None = None,
        skip: LinearSkip | bool,
        keep: bool,
    ) -> None:
        self.halves, self.decoder = halves, decoder
        self.activations, self.scale = activations, activations.scale
        self.out_scale = (targets or activations).scale
        self.split = EvaluationRows(activations)
        self.targets = self.split if targets is None else EvaluationRows(targets)
        assert self.targets.count == self.split.count
        self.skip_path, self.keep = skip, keep
        fresh = (self.fresh_totals() for _ in range(4))
        self.totals, self.skip, self.both, self.latents = fresh
        self.adds_l1 = 0.0
        self.kept: list[Encoded] = []
        self.trial_R = trial_rows(self.split.count, loss_rows)
        self.trial_f_RF = self._empty_latents()
        self.lost_N = np.zeros(self.split.count)
        """|y - y_hat|^2 of each row, in raw units, with exact latents."""
        self._norm_F = decoder.W_FD.norm(dim=1) * self.out_scale

    def fresh_totals(self) -> ReconstructionTotals:
        """Return totals of no rows."""
        return ReconstructionTotals(self.activations.d_model, self.halves.given.dict_size)

    def _empty_latents(self) -> "Tensor":
        import torch

        return torch.zeros(len(self.trial_R), self.halves.given.dict_size, dtype=torch.bfloat16)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.split.count

    @property
    def l1(self) -> float:
        """The sum over latents of |f_i W_i| in raw units, mean over tokens."""
        return self.adds_l1 / self.totals.tokens

    def read(self, number_B: "NDArray[np.int64]") -> "Tensor":
        """Return normalized rows x."""
        return self.split.read(number_B) / self.scale

    def _read_targets(self, number_B: "NDArray[np.int64]") -> "Tensor":
        """Return rows y, raw units."""
        return self.targets.read(number_B)

    def take(self, number_B: "NDArray[np.int64]", f: Latents) -> None:
        """Add the rows of a request to the totals; store latents that are needed later."""
        hit_B, place = among(self.trial_R, number_B)
        self.trial_f_RF[place] = f.to_dense()[hit_B]
        y_BD = self._read_targets(number_B)
        skip_BD = self._skip(number_B, y_BD) if self.skip_path else None
        sparse = f.sparse()
        self.adds_l1 += float((sparse.value_A.float() * self._norm_F[sparse.index_A]).sum())
        y_hat_BD = self.decoder(f) * self.out_scale
        self._count(number_B, y_BD, f, y_hat_BD, skip_BD, final=not self.keep)
        if self.keep:
            packed = None if skip_BD is None else skip_BD.bfloat16()
            # A copy, because a part of a request would keep the whole request in memory.
            self.kept.append(Encoded(number_B, f.copy(), packed))

    def _skip(self, number_B: "NDArray[np.int64]", y_BD: "Tensor") -> "Tensor":
        """Return what the skip path adds to y_hat, raw units. y_BD: an SAE's rows, read before."""
        import torch

        if isinstance(self.skip_path, LinearSkip):
            return self.skip_path(self.read(number_B)) * self.out_scale
        half = self.halves.get("skip")
        return torch.cat(list(half.all(y_BD / self.scale))) * self.scale

    def _count(
        self,
        number_B: "NDArray[np.int64]",
        y_BD: "Tensor",
        f: Latents,
        latents_BD: "Tensor",
        skip_BD: "Tensor | None",
        *,
        final: bool,
    ) -> None:
        """Add rows to the totals. latents_BD: what latents reconstruct; skip_BD: the skip path."""
        fired_F = f.rows_active()
        y_hat_BD = latents_BD
        if skip_BD is not None:
            with_skip_BD = latents_BD + skip_BD
            y_hat_BD = with_skip_BD if isinstance(self.skip_path, LinearSkip) else latents_BD
            if final:
                self.skip.count(y_BD, skip_BD, f.active, fired_F)
                self.both.count(y_BD, with_skip_BD, f.active, fired_F)
                self.latents.count(y_BD, latents_BD, f.active, fired_F)
        if final:
            self.lost_N[number_B] = (y_BD - y_hat_BD).square().sum(1).numpy()
        self.totals.count(y_BD, y_hat_BD, f.active, fired_F)

    def outcome(self, rms_F: "Tensor") -> ReconstructionResult:
        """Decode what was stored and return the metrics. All encode children must have ended."""
        exact = pack(self.trial_f_RF)
        trials = {PLAIN: exact, **dict(changed(exact, rms_F))}
        if not self.keep:
            decoded = ((name, self.decoder(f)) for name, f in trials.items())
            return self._concluded(trials, decoded, None)
        linear = self.totals.result().explained_variance
        self.totals = self.fresh_totals()
        trials[PART] = with_part(exact, trials[DROPPED])
        contexts = in_contexts(self.kept, len(self.trial_R), self.halves.given.dict_size)
        stream = DecodeStream(self.halves, self.trial_R, trials | contexts.trials)
        for part, y_hat_BD in stream.run(self.kept):
            y_BD = self._read_targets(part.number_B)
            given = None if part.skip_BD is None else part.skip_BD.float()
            self._count(part.number_B, y_BD, part.f, y_hat_BD * self.out_scale, given, final=True)
        self.kept = []
        bend = bend_of(trials, stream.decoded)
        spread = contexts.spread(stream.decoded)
        for name in (PART, *contexts.trials):
            del stream.decoded[name]
        found = self._concluded(trials, stream.decoded.items(), linear)
        return found._replace(bend=bend, spread=spread)

    def _concluded(
        self,
        trials: dict[str, Latents],
        decoded: "Iterable[tuple[str, Tensor]]",
        linear: float | None,
    ) -> ReconstructionResult:
        totals, y_RD = CurveTotals(self.fresh_totals), self._read_targets(self.trial_R)
        linear_skip = self.skip_path if isinstance(self.skip_path, LinearSkip) else None
        skip_RD = None if linear_skip is None else linear_skip(self.read(self.trial_R))
        kept: dict[str, Tensor] = {}
        for name, latents_RD in decoded:
            y_hat_RD = latents_RD if skip_RD is None else latents_RD + skip_RD
            totals.add(name, y_RD, y_hat_RD * self.out_scale, trials[name])
            if name == PLAIN or self.keep:
                kept[name] = y_hat_RD
        curve, exact = totals.result(), self.totals.result()
        rough = self.keep and curve.needs_digits
        scored = curve.worse_kind if rough else PLAIN
        self.scored_y_hat_RD, self.scored_f_RF = kept[scored], trials[scored].to_dense()
        skipped = (self.skip, self.both, self.latents)
        said = [one.result().explained_variance if self.skip_path else None for one in skipped]
        return ReconstructionResult(
            own=curve.at_noise(exact) if rough else exact,
            exact=exact,
            curve=curve,
            linear_explained=linear,
            skip_explained=said[0],
            with_skip_explained=said[1],
            latents_explained=said[2] if linear_skip else None,
        )


def trial_rows(count: int, loss_rows: int) -> "NDArray[np.int64]":
    """Return the numbers of the trial rows, ascending: the first `loss_rows` and random others."""
    first = np.arange(min(loss_rows, count))
    room = min(TRIAL_ROWS, count) - len(first)
    if room <= 0:
        return first
    others = np.random.default_rng().permutation(np.arange(len(first), count))[:room]
    return np.sort(np.concatenate([first, others]))


def fresh_folder(root: Path, name: str) -> Path:
    """Return a new folder in `root` with an unpredictable name."""
    import tempfile

    root.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=root, prefix=f"{name}-"))
