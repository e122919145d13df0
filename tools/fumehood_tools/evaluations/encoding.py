"""The latents of an SAE on the evaluation split, and its decoder.

They come from fresh children behind the glass, in the same stream as for scoring: all evaluation
rows and all probing texts in secret random order, some of them twice. Nothing that a variant wrote
is read, except its weights, whose digest must be that of the score. The encoder must be as sparse
as it was scored, and pass the scorer's checks for determinism again.

B = rows of a request, N = rows that are kept, D = d_model, F = dictionary size.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from fumehood_tools.errors import IntegrityFailed, RunFailed
from fumehood_tools.evaluations.requests import SaeFiles
from fumehood_tools.glass import Nursery
from fumehood_tools.scoring.encoder import ask_again, judge_encoder
from fumehood_tools.scoring.latents import Latents
from fumehood_tools.scoring.probing_texts import Means, ProbingTexts, TaskRows
from fumehood_tools.scoring.reconstruction_run import EvaluationRows, fresh_folder
from fumehood_tools.scoring.requests import ScoringRequest, ScoringSetup
from fumehood_tools.scoring.sae_under_test import SaeUnderTest
from fumehood_tools.scoring.threads import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

MOST_ROWS = 32_768
"""Rows that evaluations get: whole passages from the beginning of the split."""
MOST_ACTIVE = 1 << 25
"""Active latents that are kept, 8 bytes each."""
L0_TOLERANCE = 1e-3


class Encoded(NamedTuple):
    """An SAE's latents on the first N rows, in raw units, and its decoder.

    start_N1, index_A, value_A: as in compressed sparse rows. W_FD, b_D: None for a nonlinear
    decoder. tasks: name -> mean latents of training and test texts by label.
    """

    start_N1: "NDArray[np.int64]"
    index_A: "NDArray[np.int32]"
    value_A: "NDArray[np.float32]"
    dict_size: int
    W_FD: "NDArray[np.float32] | None"
    b_D: "NDArray[np.float32] | None"
    tasks: dict[str, tuple[Means, Means]]


class KeptRows:
    """The evaluation split as a source of the encoder's stream. Keeps the latents of its first N
    rows."""

    name = "eval"

    def __init__(self, split: EvaluationRows, scale: float, kept: int) -> None:
        self.split, self._scale, self._kept = split, scale, kept
        self._parts: list[tuple[Tensor, Tensor, Tensor]] = []
        self._active = 0

    @property
    def rows(self) -> int:
        """The number of rows, of which the first N are kept."""
        return self.split.count

    def read(self, number_B: "NDArray[np.int64]") -> "Tensor":
        """Return normalized rows."""
        return self.split.read(number_B) / self._scale

    def take(self, number_B: "NDArray[np.int64]", f: Latents) -> None:
        """Keep the latents of those rows that are to be kept. Raises RunFailed if they are many."""
        sparse = f.sparse()
        row_A = torch.from_numpy(number_B)[sparse.row_A()]
        wanted = row_A < self._kept
        self._active += int(wanted.sum())
        if self._active > MOST_ACTIVE:
            raise RunFailed(
                f"The dictionary is too dense for evaluations: {self._kept:,} rows have more than "
                f"{MOST_ACTIVE:,} active latents in all. Make the variant sparser, or create a "
                "sandbox with fewer corpus.eval_tokens."
            )
        self._parts.append((row_A[wanted], sparse.index_A[wanted], sparse.value_A[wanted]))

    def csr(
        self, scale: float
    ) -> "tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]":
        """Return start, index and value of the kept rows, in order. scale: of raw units."""
        row_A, index_A, value_A = (torch.cat(part) for part in zip(*self._parts, strict=True))
        order = torch.argsort(row_A, stable=True)
        counts = torch.bincount(row_A, minlength=self._kept)
        start = np.concatenate([[0], np.cumsum(counts.numpy())]).astype(np.int64)
        value = value_A[order].float() * scale
        return start, index_A[order].int().numpy(), value.numpy()


def kept_rows(setup: ScoringSetup, split: EvaluationRows) -> int:
    """Return how many rows evaluations get: whole passages, at most MOST_ROWS."""
    body = setup.spec.corpus.context - 1
    return max(body, min(split.count, MOST_ROWS) // body * body)


class SaeReader:
    """Reads SAEs of one job: decoders, and latents of the evaluation split."""

    def __init__(self, nursery: Nursery, setup: ScoringSetup) -> None:
        self._nursery, self._setup = nursery, setup
        self.split = EvaluationRows(setup.activations)
        self.kept = kept_rows(setup, self.split)
        self._texts: ProbingTexts | None = None
        if setup.probing is not None:
            self._texts = ProbingTexts(setup.probing, self.split.dtype, setup.scratch)

    def decoder(self, files: SaeFiles) -> "NDArray[np.float32] | None":
        """Return an SAE's decoder rows [F, D]; None for a nonlinear one. Raises as `encode`."""
        with self.opened(files) as measuring:
            return None if measuring.nonlinear else measuring.decoder.W_FD.numpy()

    def encode(self, files: SaeFiles, l0: float | None) -> Encoded:
        """Return an SAE's latents and decoder. l0: as scored.

        Raises RunFailed if its code fails or its weights are others, IntegrityFailed if a check
        fails.
        """
        with self.opened(files) as measuring, torch.no_grad():
            rows = KeptRows(self.split, measuring.scale, self.kept)
            tasks = self._tasks(measuring)
            with one_thread():
                measuring.encoder.run([rows, *tasks])
            measuring.halves.end("encode")
            self._judge(measuring, l0)
            W, b = measuring.decoder.W_FD.numpy(), measuring.decoder.b_D.numpy()
            is_linear = not measuring.nonlinear
            return Encoded(
                *rows.csr(measuring.out_scale),
                dict_size=measuring.given.dict_size,
                W_FD=W if is_linear else None,
                b_D=b * measuring.out_scale if is_linear else None,
                tasks={task.name: task.means() for task in tasks},
            )

    @contextmanager
    def opened(self, files: SaeFiles) -> Iterator[SaeUnderTest]:
        """Enter an SAE whose decoder was read. Raises as `encode`."""
        with self._taken(files) as measuring:
            measuring.read_decoder()
            yield measuring

    def _taken(self, files: SaeFiles) -> SaeUnderTest:
        request = ScoringRequest(
            name="evaluation",
            variant=files.variant,
            weights=files.weights,
            out=fresh_folder(self._setup.scratch, "out"),
        )
        measuring = SaeUnderTest(self._nursery, self._setup, request)
        if measuring.weights.sha256 != files.weights_sha256:
            raise RunFailed(
                "The weights are not those that were scored. Restore them from a backup; `fumehood "
                "verify` names every file that was changed."
            )
        return measuring

    def _tasks(self, measuring: SaeUnderTest) -> list[TaskRows]:
        if self._texts is None:
            return []
        sizes = (measuring.scale, measuring.given.dict_size, measuring.out_scale)
        return [TaskRows(name, self._texts.task(name), *sizes) for name in self._texts.names]

    def _judge(self, measuring: SaeUnderTest, l0: float | None) -> None:
        """Raise IntegrityFailed if the encoder is not deterministic, or not as it was scored."""
        encoder, W_FD = measuring.encoder, measuring.decoder.W_FD
        opinion = ask_again(measuring.halves.fresh("encode"), encoder, W_FD)
        measuring.halves.end("encode")
        judge_encoder(opinion, encoder.repeats.result(W_FD))
        now = encoder.sparsity[KeptRows.name].l0
        if l0 is not None and abs(now - l0) > L0_TOLERANCE * max(1.0, l0):
            raise IntegrityFailed(
                "scored_encoder",
                f"L0 is {now:.4g} on the rows on which {l0:.4g} was scored",
                "encode must do the same whoever asks; call run_variants again.",
            )
