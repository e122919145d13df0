"""Scores through the glass agree with sae-bench called directly on the same SAE."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fumehood_tools.files import data_path
from fumehood_tools.glass import Nursery, compiled_kernels
from fumehood_tools.receipts import WEIGHTS_FILE
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.orders import order_for, recipe_of
from fumehood_tools.runs.training import Place, Training
from fumehood_tools.scoring.requests import ScoringRequest, ScoringSetup
from fumehood_tools.spec import CorpusSpec, SandboxSpec, ScoringSpec, SubjectSpec

TEMPLATE = data_path("sandbox_template")
SPEC = SandboxSpec(
    dict_size=192,
    subject=SubjectSpec(name="synthetic", layer=0),
    corpus=CorpusSpec(name="synthetic", train_tokens=20_000, eval_tokens=2_032),
    scoring=ScoringSpec(loss_rows=16, probing_tasks=("topics",), probing_train=60, probing_test=40),
)
SMOLLM2 = SandboxSpec(
    dict_size=384,
    corpus=CorpusSpec(train_tokens=12_000, eval_tokens=2_032),
    scoring=ScoringSpec(
        probing_tasks=("ag_news",), probing_context=32, probing_train=60, probing_test=40
    ),
)


class Measured(NamedTuple):
    """One SAE measured through the glass, and directly with exact and with rounded latents."""

    glass: dict[str, Any]
    direct: dict[str, Any]
    rounded: dict[str, Any]


def environment() -> dict[str, str]:
    folders = [*(path for path in sys.path if path), str(TEMPLATE)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(folders),
        "JAXTYPING_DISABLE": "1",
    }


def trained(setup: ScoringSetup, variant: str, scratch: Path) -> Training:
    source = (TEMPLATE / "sae" / "variants" / f"{variant}.py").read_bytes()
    item = RunItem(variant, 0, source, "0" * 16, scratch)
    shards = {path.parent for path in setup.activations.train_shards}
    kernels = compiled_kernels(setup.cache)
    with Nursery(scratch, level=setup.glass, readable=shards, kernels=kernels) as nursery:
        place = Place(scratch / "run", nursery, threads=2)
        recipe = recipe_of(setup.spec, setup.activations, "cpu", "float32")
        shards = setup.activations.train_shards
        with Training(order_for(item, recipe), shards, place) as training:
            training.child.wait()
            assert training.finished() is not None
            return training


def through_the_glass(setup: ScoringSetup, training: Training) -> dict[str, Any]:
    request = ScoringRequest(
        name="it",
        variant=training.variant,
        weights=training.out / WEIGHTS_FILE,
        out=training.out,
    )
    done = subprocess.run(
        [sys.executable, "-m", "fumehood_tools.scoring"],
        input=f"{setup.model_dump_json()}\n{request.model_dump_json()}\n",
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert "metrics" in answer, answer
    return answer["metrics"]


def called_directly(setup: ScoringSetup, training: Training) -> dict[str, dict[str, Any]]:
    request = {
        "variant": str(training.variant),
        "weights": str(training.out / WEIGHTS_FILE),
        "setup": setup.model_dump(mode="json"),
    }
    script = Path(__file__).with_name("direct_sae_bench.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), json.dumps(request)],
        env=environment(),
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(setup: ScoringSetup, variant: str, folder: Path) -> Measured:
    training = trained(setup, variant, folder / "scratch")
    return Measured(through_the_glass(setup, training), **called_directly(setup, training))


def assert_same(ours: dict[str, Any], theirs: dict[str, Any], **tolerance: float) -> None:
    """Compare every metric of sae-bench. Tolerances are absolute, one for each kind of metric."""
    core, probing = theirs["core"], theirs["probing"]
    quality, loss = core["reconstruction_quality"], core["model_performance_preservation"]
    variance, nats, accuracy = (tolerance[name] for name in ("variance", "nats", "accuracy"))
    pairs = [
        ("sae_bench_explained_variance", quality["explained_variance"], variance),
        ("sae_bench_explained_variance_legacy", quality["explained_variance_legacy"], variance),
        ("sae_bench_mse", quality["mse"], variance * quality["mse"]),
        ("sae_bench_l1", core["sparsity"]["l1"], variance * core["sparsity"]["l1"]),
        ("loss_recovered", loss["ce_loss_score"], nats),
        ("ce_clean", loss["ce_loss_without_sae"], 1e-5),
        ("ce_ablated", loss["ce_loss_with_ablation"], 1e-5),
        ("ce_spliced", loss["ce_loss_with_sae"], nats),
        ("sae_bench_probing", probing["sae_test_accuracy"], accuracy),
        ("sae_bench_probing_top1", probing["sae_top_1_test_accuracy"], accuracy),
        ("sae_bench_probing_top2", probing["sae_top_2_test_accuracy"], accuracy),
        ("sae_bench_probing_top5", probing["sae_top_5_test_accuracy"], accuracy),
        ("probing_subject", probing["llm_test_accuracy"], 1e-9),
    ]
    apart = {
        name: (ours[name], value)
        for name, value, allowed in pairs
        if ours[name] != pytest.approx(value, abs=allowed)
    }
    assert not apart, apart


def assert_agreement(found: Measured) -> None:
    # The glass only rounds: activations are stored as float16, latents are passed as bfloat16.
    assert_same(found.glass, found.rounded, variance=1e-4, nats=1e-4, accuracy=0.003)
    # The effect of rounding is small. (A probe on one latent may choose between two equal ones.)
    assert_same(found.glass, found.direct, variance=5e-3, nats=5e-3, accuracy=0.06)


@pytest.mark.child
@pytest.mark.parametrize("variant", ["topk", pytest.param("standard", marks=pytest.mark.slow)])
def test_metrics_agree_with_sae_bench_called_directly(
    variant: str, tmp_path: Path, shared_cache: Path, harvest: Callable[..., ScoringSetup]
) -> None:
    found = measured(harvest(SPEC, tmp_path, shared_cache), variant, tmp_path)
    assert_agreement(found)
    # Our L0 is over all evaluation tokens, sae-bench's over its rows. Here these are the same.
    assert found.glass["l0"] == pytest.approx(found.direct["core"]["sparsity"]["l0"], rel=1e-3)


@pytest.mark.slow
def test_metrics_agree_on_the_real_language_model(
    tmp_path: Path, shared_cache: Path, harvest: Callable[..., ScoringSetup]
) -> None:
    setup = harvest(SMOLLM2, tmp_path, shared_cache)
    assert_agreement(measured(setup, "topk", tmp_path))
