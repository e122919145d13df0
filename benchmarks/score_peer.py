"""Run sae-bench directly, for `score.py`: one process, no glass, nothing shared between runs.

usage: python -W ignore score_peer.py SETUP     (SETUP: a file with a ScoringSetup as JSON)

Prints {"imports", "subject": seconds} once. Each line on standard input, {"variant": path,
"weights": path, "rounded": bool}, is answered with {"core": metric groups, "probing": mean
accuracies, "seconds": {"core", "probing"}}. With "rounded", activations are rounded to float16, as
they are stored, and latents to bfloat16, as they cross the glass. The activations for probing are
already on disk, as after an earlier run of sae-bench.
"""

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

# sae-bench's beartype hints fail with current jaxtyping. This must be set before its import.
os.environ["JAXTYPING_DISABLE"] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "sandbox_template")]
started = time.perf_counter()

import numpy as np
import sae_bench.evals.core.main as core_evaluation
import sae_bench.evals.sparse_probing.main as sparse_probing
import sae_bench.sae_bench_utils.general_utils as general_utils
import torch
from sae_bench.custom_saes.base_sae import BaseSAE
from sae_bench.evals.sparse_probing.eval_config import SparseProbingEvalConfig
from safetensors.torch import load_file

IMPORTS = time.perf_counter() - started

from core.loading import build_sae, load_variant
from fumehood_tools.scoring.core_eval import core_config
from fumehood_tools.scoring.passes import TokenRows
from fumehood_tools.scoring.requests import ScoringSetup
from fumehood_tools.scoring.subject import ScoringSubject, scoring_subject


class Direct(BaseSAE):  # type: ignore[misc]
    """The variant wrapped in sae-bench's interface."""

    def __init__(self, request: dict[str, Any], setup: ScoringSetup, hook: str) -> None:
        spec, width = setup.spec, setup.activations.d_model
        super().__init__(
            width,
            spec.dict_size,
            spec.subject.name,
            spec.subject.layer,
            torch.device("cpu"),
            torch.float32,
            hook_name=hook,
        )
        self.inner = build_sae(load_variant(Path(request["variant"])), width, spec.dict_size)
        self.inner.load_state_dict(load_file(request["weights"]), strict=True)
        self.inner.eval()
        self.scale, self.rounded = setup.activations.scale, request["rounded"]
        general_utils._standardize_sae_cfg(self.cfg)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        # Activations of the evaluation split are stored as float16.
        x = x.half() if self.rounded else x
        f = self.inner.encode(x.float() / self.scale)
        return (f.bfloat16().float() if self.rounded else f) * self.scale

    def decode(self, feature_acts: torch.Tensor) -> torch.Tensor:
        return self.inner.decode(feature_acts / self.scale) * self.scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))


def run_core(
    sae: Direct, setup: ScoringSetup, subject: ScoringSubject, out: Path
) -> dict[str, Any]:
    """Return sae-bench's core metrics, with the rows and settings of our scoring."""
    rows = np.load(setup.activations.eval_tokens_file)[: setup.spec.scoring.loss_rows]
    config = core_config(setup.spec.subject.name, len(rows), rows.shape[1])
    store = TokenRows(torch.from_numpy(rows.astype(np.int64)), config.batch_size_prompts)
    metrics, features = core_evaluation.run_evals(
        sae, store, subject.model, config, ignore_tokens=subject.ignore_tokens
    )
    metrics["misc_metrics"] = core_evaluation.calculate_misc_metrics(features)
    record = {
        "eval_cfg": config,
        "metrics": metrics,
        "feature_metrics": features,
        "sae_id": "direct",
        "sae_set": "direct",
    }
    core_evaluation.save_single_eval_result(
        core_evaluation.replace_nans_with_negative_one(record), "id", "", "", str(out), sae
    )
    return dict(metrics)


def run_probing(sae: Direct, setup: ScoringSetup) -> dict[str, float]:
    """Return sae-bench's mean probing accuracies on the prepared activations."""
    assert setup.probing is not None
    config = SparseProbingEvalConfig(
        model_name=setup.spec.subject.name,
        dataset_names=list(setup.probing.tasks),
        k_values=[1, 2, 5],
        llm_batch_size=32,
        llm_dtype="float32",
    )
    results, _ = sparse_probing.run_eval_single_sae(
        config, sae, None, "cpu", str(setup.probing.folder), save_activations=False
    )
    return {name: value for name, value in results.items() if not isinstance(value, dict)}


@torch.no_grad()
def answer(request: dict[str, Any], setup: ScoringSetup, subject: ScoringSubject) -> dict[str, Any]:
    """Run both evaluations of one SAE."""
    times = [time.perf_counter()]
    with contextlib.redirect_stdout(io.StringIO()):
        sae = Direct(request, setup, subject.hook)
        out = Path(request["weights"]).with_name("core_direct.json")
        metrics = run_core(sae, setup, subject, out)
        times.append(time.perf_counter())
        probing = run_probing(sae, setup)
        times.append(time.perf_counter())
    seconds = {"core": times[1] - times[0], "probing": times[2] - times[1]}
    return {"core": metrics, "probing": probing, "seconds": seconds}


def main() -> None:
    """Answer requests until standard input is closed."""
    setup = ScoringSetup.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    begun = time.perf_counter()
    subject = scoring_subject(setup.spec.subject, setup.spec.sites()[1], setup.cache)
    loaded = time.perf_counter() - begun
    print(json.dumps({"imports": IMPORTS, "subject": loaded}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), setup, subject)), flush=True)


if __name__ == "__main__":
    main()
