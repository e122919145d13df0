"""Score trained SAEs one after another in one trusted process.

sae-bench's imports (4 s of processor time) are paid once per job, and the subject's clean and
ablated passes once per evaluation set, in the first job that needs them. The steps for each SAE:
check the files of the training; read out a linear decoder; encode evaluation and probing rows in
one stream; end the encoders; decode latents; run sae-bench's core evaluation on the results. Probes
are fitted in a second thread as soon as all rows are encoded. In a third one a second encoder gets
a sample, all checks are judged, and the distance from the parent variant is measured. A nonlinear
decoder is checked before it decodes. A score is returned only when everything has ended.

Memory is about 0.4 GB for imports, and as much for all else at F = 1,536 and a vocabulary of 49,152
words: no tensor over the vocabulary is ever whole (sliced_tensor.py), and the activations of
probing texts are mapped from a file (row_file.py).
"""

import contextlib
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.glass import Nursery, compiled_kernels
from fumehood_tools.records.inertness import Inertness
from fumehood_tools.records.integrity import Integrity
from fumehood_tools.scoring.bench_sae import GlassSAE
from fumehood_tools.scoring.core_eval import ROWS_PER_BATCH, run_core
from fumehood_tools.scoring.core_rows import CoreRows
from fumehood_tools.scoring.inertness import Parent, ProbeCase, measure_inertness
from fumehood_tools.scoring.leakage import judge_leakage
from fumehood_tools.scoring.pass_store import passes_file, read_passes, write_passes
from fumehood_tools.scoring.passes import SharedPasses
from fumehood_tools.scoring.probing_eval import Probed, Sides, run_probing
from fumehood_tools.scoring.probing_texts import ProbingTexts
from fumehood_tools.scoring.reconstruction import Reconstruction
from fumehood_tools.scoring.reconstruction_run import ReconstructionResult, fresh_folder
from fumehood_tools.scoring.requests import ScoringAnswer, ScoringRequest, ScoringSetup
from fumehood_tools.scoring.sae_under_test import Checked, Measured, SaeUnderTest
from fumehood_tools.scoring.stopwatch import Stopwatch
from fumehood_tools.scoring.subject import scoring_subject
from fumehood_tools.scoring.threads import one_thread
from fumehood_tools.where import here


class _Measured(NamedTuple):
    """All results for one SAE."""

    metrics: dict[str, float]
    """Metrics that were not measured are absent."""
    integrity: Integrity
    inertness: Inertness | None
    density: list[int]
    held_back: dict[str, float]
    """The metrics that only a sealed holdout has; empty elsewhere."""


class Scorer:
    """Scores SAEs with the subject and the evaluation data of one job.

    Use as a context manager: on exit it ends the nursery. Raises IntegrityFailed if a document is
    in both splits.
    """

    def __init__(self, setup: ScoringSetup) -> None:
        self.setup = setup
        self.shared_documents = judge_leakage(setup.activations)
        # First, so that it loads torch while the subject is loaded here.
        self.nursery = Nursery(
            fresh_folder(setup.scratch, "scoring"),
            level=setup.glass,
            threads=torch.get_num_threads(),
            kernels=compiled_kernels(setup.cache),
        )
        try:
            self._load_subject()
        except BaseException:
            self.nursery.close()
            raise

    def _load_subject(self) -> None:
        setup = self.setup
        _, writes = setup.spec.sites()
        subject = scoring_subject(setup.spec.subject, writes, setup.cache)
        self.hook, self.ignore = subject.hook, subject.ignore_tokens
        rows = np.load(setup.activations.eval_tokens_file)[: setup.spec.scoring.loss_rows]
        self.rows = torch.from_numpy(rows.astype(np.int64))
        self.passes_file = passes_file(setup)
        known = {} if setup.sealed else read_passes(self.passes_file)
        self.passes_kept = set(known)
        late, head = (
            one if one is not None and one.works(self.rows) else None
            for one in (subject.late_start, subject.head)
        )
        self.passes = SharedPasses(subject.model, late, head, known, setup.scratch)
        stored = np.load(setup.activations.eval_shards[0], mmap_mode="r").dtype
        self.texts = None
        if setup.probing is not None:
            self.texts = ProbingTexts(setup.probing, stored, setup.scratch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.nursery.close()

    def prepare(self) -> None:
        """Compute the passes that all SAEs share, so that the first SAE need not wait for them."""
        with torch.no_grad():
            self.core_activations()
            for tokens in self._batches():
                self.passes.prepare(tokens)

    def keep_passes(self) -> None:
        """Store new results of the subject's passes for later jobs, unless the rows are sealed."""
        if not self.setup.sealed and self.passes.small.keys() != self.passes_kept:
            write_passes(self.passes_file, self.passes.small)
            self.passes_kept = set(self.passes.small)

    def score(self, request: ScoringRequest) -> ScoringAnswer:
        """Return the metrics, the results of the checks, and what it took.

        Writes sae-bench's two result files to request.out. Raises RunFailed if the variant's code
        fails or hangs, IntegrityFailed if a check fails.
        """
        watch = Stopwatch()
        with watch.stage("start"):
            measuring = SaeUnderTest(self.nursery, self.setup, request)
        with measuring, torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
            found = self._measure(measuring, request, watch)
        self.keep_passes()
        return ScoringAnswer(
            name=request.name,
            metrics=found.metrics,
            integrity=found.integrity,
            inertness=found.inertness,
            density=found.density,
            held_back=found.held_back,
            where=here("cpu", torch.get_num_threads(), self.nursery.level),
            weights_sha256=measuring.weights.sha256,
            decode_seconds=round(measuring.halves.decode_seconds, 3),
            seconds=round(watch.total, 2),
            split={name: round(took, 3) for name, took in watch.seconds.items()},
        )

    def _inertness(self, measuring: SaeUnderTest, request: ScoringRequest) -> Inertness | None:
        if not request.compare:
            return None
        given, folder = measuring.given, fresh_folder(measuring.folder, "inertness")
        case = ProbeCase(given.variant, given.weights, folder, request.seed)
        parent = Parent(request.parent.stem, request.parent) if request.parent else None
        setup = self.setup
        return measure_inertness(
            self.nursery, case, setup.activations, setup.spec, parent, setup.targets
        )

    def _measure(
        self, measuring: SaeUnderTest, request: ScoringRequest, watch: Stopwatch
    ) -> _Measured:
        core_rows = CoreRows(self.core_activations(), measuring.out_scale)
        with watch.stage("decode"):
            measuring.read_decoder()
        with watch.stage("encode"):
            measuring.encode(core_rows, self.texts)
        bench = measuring.bench_sae(core_rows, self.hook)
        with ThreadPoolExecutor(3) as beside:
            sides = [task.means() for task in measuring.tasks]
            probing = beside.submit(self._probing, bench, sides, request.out)
            with watch.stage("checks"), one_thread():
                # A nonlinear decoder answers in new children, after all encoders have ended.
                checked = measuring.check() if measuring.nonlinear else None
                outcome = measuring.reconstruct(core_rows)
            concluding = beside.submit(self._conclude, measuring, outcome, checked, request)
            try:
                core = self._core(bench, request.out, watch)
            except FumehoodError:
                concluding.result()  # a failed check says more about the variant
                raise
            with watch.stage("checks"):
                measured, inertness = concluding.result()
            with watch.stage("probing"):
                probed = probing.result()
        integrity = measuring.integrity(measured, self.shared_documents)
        own, evaluation = measured.outcome.own, measuring.evaluation
        metrics = _metrics(own, evaluation.l1, core, probed)
        held_back = measuring.held_back() if self.setup.sealed else {}
        return _Measured(metrics, integrity, inertness, own.density, held_back)

    def _conclude(
        self,
        measuring: SaeUnderTest,
        outcome: ReconstructionResult,
        checked: Checked | None,
        request: ScoringRequest,
    ) -> tuple[Measured, Inertness | None]:
        """Run the checks if they have not been run, then measure the distance from the parent.

        Runs in its own thread, in parallel with core's passes. The children of the comparison share
        only the weights with the encoders, which have ended before.
        """
        with torch.no_grad(), one_thread():
            measured = measuring.measured(outcome, checked or measuring.check())
            return measured, self._inertness(measuring, request)

    def _core(self, bench: GlassSAE, out: Path, watch: Stopwatch) -> dict[str, Any]:
        with watch.stage("core"), _blaming_latents("core evaluation"):
            return run_core(bench, self.passes, self.rows, self.ignore, out / "core.json")

    def _probing(self, bench: GlassSAE, sides: Sequence[Sides], out: Path) -> Probed | None:
        """Fit the probes. Runs in its own thread, in parallel with core's passes."""
        if self.texts is None:
            return None
        with torch.no_grad(), _blaming_latents("sparse probing"):
            path = out / "sparse_probing.json"
            return run_probing(bench, self.texts, sides, self.setup.spec.scoring, path)

    def core_activations(self) -> list[torch.Tensor]:
        """Return what is predicted, for each batch of sae-bench's core evaluation."""
        return [self.passes.activations_at(self.hook, tokens) for tokens in self._batches()]

    def _batches(self) -> Iterator[torch.Tensor]:
        per_batch = min(ROWS_PER_BATCH, len(self.rows))
        # As in sae-bench, the last rows are left out if they do not fill a batch.
        for start in range(0, len(self.rows) - per_batch + 1, per_batch):
            yield self.rows[start : start + per_batch]


@contextlib.contextmanager
def _blaming_latents(what: str) -> Iterator[None]:
    """Turn errors of sae-bench into RunFailed: it cannot compute with some latents."""
    try:
        yield
    except (ValueError, ArithmeticError, RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise RunFailed(
            f"sae-bench's {what} cannot work with these latents: {reason}. Look at their range."
        ) from error


def _metrics(
    ours: Reconstruction, l1: float, core: dict[str, Any], probed: Probed | None
) -> dict[str, float]:
    loss = core["model_performance_preservation"]
    quality, sparsity = core["reconstruction_quality"], core["sparsity"]
    probing = probed.standardised if probed else {}
    raw = probed.raw if probed else {}
    found: dict[str, float | None] = {
        "l0": ours.l0,
        "l1": l1,
        "explained_variance": ours.explained_variance,
        "mse": ours.mse,
        "cosine": ours.cosine,
        "alive": ours.alive,
        "loss_recovered": loss["ce_loss_score"],
        "ce_clean": loss["ce_loss_without_sae"],
        "ce_spliced": loss["ce_loss_with_sae"],
        "ce_ablated": loss["ce_loss_with_ablation"],
        "probing": probing.get("sae_test_accuracy"),
        "probing_top1": probing.get("sae_top_1_test_accuracy"),
        "probing_top2": probing.get("sae_top_2_test_accuracy"),
        "probing_top5": probing.get("sae_top_5_test_accuracy"),
        "probing_subject": raw.get("llm_test_accuracy"),
        "sae_bench_explained_variance": quality["explained_variance"],
        "sae_bench_explained_variance_legacy": quality["explained_variance_legacy"],
        "sae_bench_mse": quality["mse"],
        "sae_bench_l1": sparsity["l1"],
        "sae_bench_probing": raw.get("sae_test_accuracy"),
        "sae_bench_probing_top1": raw.get("sae_top_1_test_accuracy"),
        "sae_bench_probing_top2": raw.get("sae_top_2_test_accuracy"),
        "sae_bench_probing_top5": raw.get("sae_top_5_test_accuracy"),
    }
    return {name: float(value) for name, value in found.items() if value is not None}
