"""Sparse-probing artifacts in the form that sae-bench reads."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import torch

from fumehood_tools.harvest import Probing

TASK = {
    "probing_tasks": ["topics"],
    "probing_context": 24,
    "probing_train": 60,
    "probing_test": 40,
}
SPEC = {
    "subject": {"name": "synthetic", "layer": 0},
    "corpus": {"name": "synthetic"},
    "scoring": TASK,
    "parts": ["probing"],
}


def environment() -> dict[str, str]:
    """Return the environment of a child that can import the same modules as this process."""
    path = os.pathsep.join(sys.path)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Probing:
    """The artifacts of the synthetic subject's only task."""
    cache = tmp_path_factory.mktemp("probing")
    (cache / "spec.json").write_text(json.dumps({**SPEC, "cache": str(cache)}), encoding="utf-8")
    command = [sys.executable, "-m", "fumehood_tools.harvest", str(cache / "spec.json")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=120)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    return Probing.model_validate(json.loads(done.stdout.splitlines()[-1])["probing"])


def test_an_artifact_holds_texts_by_class_and_probes_of_the_model_itself(topics: Probing) -> None:
    held = torch.load(topics.folder / "topics_activations.pt", weights_only=True)
    assert {name: tuple(x.shape) for name, x in held["train"].items()} == {
        f"topic_{number}": (60, 24, 64) for number in range(3)
    }
    x_BTD = held["test"]["topic_1"]
    assert x_BTD.dtype == torch.float32 and len(x_BTD) == 40
    assert (x_BTD[:, 0] == 0).all() and (x_BTD[:, 1:].abs().sum(-1) > 0).all()
    results: dict[str, Any] = held["llm_results"]
    assert set(results) == {"llm_test_accuracy"} | {f"llm_top_{k}_test_accuracy" for k in (1, 2, 5)}
    assert all(value > 0.8 for value in results["llm_test_accuracy"].values())


SCORE = """
import sys, warnings; warnings.simplefilter("ignore")
import torch
from dictionary_learning.trainers.top_k import AutoEncoderTopK
from sae_bench.custom_saes.base_sae import BaseSAE
import sae_bench.sae_bench_utils.activation_collection as ac
import sae_bench.sae_bench_utils.general_utils as gu
import sae_bench.evals.sparse_probing.main as sp
from sae_bench.evals.sparse_probing.eval_config import SparseProbingEvalConfig
from fumehood_tools.harvest.probing import mean_over_tokens

class Untrained(BaseSAE):
    def __init__(self):
        super().__init__(64, 256, "synthetic", 0, torch.device("cpu"), torch.float32)
        self.inner = AutoEncoderTopK(64, 256, 8)
    def encode(self, x): return self.inner.encode(x)
    def decode(self, f): return self.inner.decode(f)
    def forward(self, x): return self.decode(self.encode(x))

folder = sys.argv[1]
held = torch.load(folder + "/topics_activations.pt")
theirs = ac.create_meaned_model_activations(held["train"])
for name, x in held["train"].items():
    torch.testing.assert_close(mean_over_tokens(x), theirs[name])
sae = Untrained(); gu._standardize_sae_cfg(sae.cfg)
config = SparseProbingEvalConfig(model_name="synthetic", dataset_names=["topics"],
    k_values=[1, 2, 5], llm_batch_size=32, llm_dtype="float32", context_length=24)
results, _ = sp.run_eval_single_sae(config, sae, None, "cpu", folder)
print("ACCURACY", results["sae_test_accuracy"], results["llm_test_accuracy"])
"""


@pytest.mark.slow
def test_sae_bench_scores_an_sae_from_the_artifacts_alone(topics: Probing) -> None:
    env = {**environment(), "JAXTYPING_DISABLE": "1"}
    command = [sys.executable, "-c", SCORE, str(topics.folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    sae, model = (float(word) for word in done.stdout.split("ACCURACY")[1].split())
    assert 0.6 < sae <= 1 and 0.8 < model <= 1
