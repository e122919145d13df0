"""Score trained SAEs one after another in one trusted process.

The subject, its clean and ablated passes and sae-bench's imports (about 14 s) are paid for once
per job. Per SAE: two children behind the glass, our metrics over all evaluation tokens, sae-bench
core on `scoring.loss_rows` rows, sae-bench sparse probing on every task.
"""

import contextlib
import io
import time
from typing import Any

import numpy as np
import torch

from fumehood_tools.bench.records import Metrics
from fumehood_tools.glass import ChildLimits
from fumehood_tools.harvest import Activations
from fumehood_tools.scoring.bench_sae import GlassSAE
from fumehood_tools.scoring.core_eval import run_core
from fumehood_tools.scoring.halves import Halves, TrainedSAE
from fumehood_tools.scoring.passes import SharedPasses
from fumehood_tools.scoring.probing_eval import run_probing
from fumehood_tools.scoring.reconstruction import Reconstruction, ReconstructionTotals
from fumehood_tools.scoring.requests import ScoringRequest, ScoringSetup
from fumehood_tools.scoring.subject import scoring_subject

BATCH = 8192


class Scorer:
    """The subject and the evaluation data of one job, ready to score SAEs against."""

    def __init__(self, setup: ScoringSetup) -> None:
        self.setup = setup
        subject = scoring_subject(setup.spec.subject, setup.cache)
        self.hook, self.ignore = subject.hook, subject.ignore_tokens
        rows = np.load(setup.activations.eval_tokens_file)[: setup.spec.scoring.loss_rows]
        self.rows = torch.from_numpy(rows.astype(np.int64))
        late_start = subject.late_start
        if late_start is not None and not late_start.works(self.rows):
            late_start = None
        self.passes = SharedPasses(subject.model, late_start)

    def start(self, request: ScoringRequest) -> "PendingScore":
        """Start the two children of a request; they load while something else is scored."""
        return PendingScore(self, request)


class PendingScore:
    """One SAE whose children have been started."""

    def __init__(self, scorer: Scorer, request: ScoringRequest) -> None:
        self.scorer, self.request = scorer, request
        spec = scorer.setup.spec
        width = scorer.setup.activations.d_model
        self.sae = TrainedSAE(request.variant, request.weights, width, spec.dict_size)
        limits = ChildLimits(
            wall_seconds=spec.limits.score_minutes * 60,
            memory_gb=spec.limits.memory_gb,
            threads=torch.get_num_threads(),
        )
        self.halves = Halves(self.sae, request.scratch, limits)

    def score(self) -> dict[str, Any]:
        """Return {"metrics": …, "seconds": …}; sae-bench's two result files go to request.out.

        Raises RunFailed when the variant's code fails, hangs or returns nonsense.
        """
        started = time.monotonic()
        with self.halves, torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
            self.halves.wait_until_ready()
            metrics = self._measure()
        return {"metrics": metrics.model_dump(), "seconds": round(time.monotonic() - started, 2)}

    def _measure(self) -> Metrics:
        scorer, out = self.scorer, self.request.out
        spec, activations, probing = scorer.setup.spec, scorer.setup.activations, {}
        ours = reconstruct(self.halves, activations, spec.dict_size)
        bench = GlassSAE(
            self.sae,
            self.halves,
            activations.scale,
            subject=spec.subject.name,
            layer=spec.subject.layer,
            hook=scorer.hook,
        )
        core = run_core(bench, scorer.passes, scorer.rows, scorer.ignore, out / "core.json")
        if scorer.setup.probing is not None:
            path = out / "sparse_probing.json"
            probing = run_probing(bench, scorer.setup.probing, spec.scoring, path)
        return _metrics(ours, core, probing)


def reconstruct(halves: Halves, activations: Activations, dict_size: int) -> Reconstruction:
    """Return our metrics over every evaluation token, in raw units of the activations."""
    totals = ReconstructionTotals(activations.d_model, dict_size)
    for shard in activations.eval_shards:
        rows = np.load(shard, mmap_mode="r")
        for start in range(0, len(rows), BATCH):
            x_BD = torch.from_numpy(np.array(rows[start : start + BATCH], dtype=np.float32))
            f_BF = halves.encode(x_BD / activations.scale)
            totals.add(x_BD, f_BF, halves.decode(f_BF) * activations.scale)
    return totals.result()


def _metrics(ours: Reconstruction, core: dict[str, Any], probing: dict[str, Any]) -> Metrics:
    loss = core["model_performance_preservation"]
    quality, sparsity = core["reconstruction_quality"], core["sparsity"]
    return Metrics(
        l0=ours.l0,
        l1=sparsity["l1"],
        explained_variance=ours.explained_variance,
        mse=ours.mse,
        cosine=ours.cosine,
        alive=ours.alive,
        loss_recovered=loss["ce_loss_score"],
        ce_clean=loss["ce_loss_without_sae"],
        ce_spliced=loss["ce_loss_with_sae"],
        ce_ablated=loss["ce_loss_with_ablation"],
        probing=probing.get("sae_test_accuracy"),
        probing_top1=probing.get("sae_top_1_test_accuracy"),
        probing_top2=probing.get("sae_top_2_test_accuracy"),
        probing_top5=probing.get("sae_top_5_test_accuracy"),
        probing_subject=probing.get("llm_test_accuracy"),
        sae_bench_explained_variance=quality["explained_variance"],
        sae_bench_explained_variance_legacy=quality["explained_variance_legacy"],
        sae_bench_mse=quality["mse"],
    )
