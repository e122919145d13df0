"""Scores of transcoders on the synthetic subject, whose MLP is planted: every value is known.

D = 64, F = G = 128 planted neurons, N = evaluation rows.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fumehood_tools.glass import choose_level
from fumehood_tools.runs.harvesting import harvest
from fumehood_tools.scoring.requests import ScoringSetup
from fumehood_tools.settings import Settings
from fumehood_tools.spec import CorpusSpec, LimitsSpec, SandboxSpec, ScoringSpec, SubjectSpec
from fumehood_tools.subjects.synthetic import BOS, MLP_OUT, SyntheticSubject

from .conftest import ScorerProcess

pytestmark = pytest.mark.child

SPEC = SandboxSpec(
    template="transcoder",
    dict_size=128,
    subject=SubjectSpec(name="synthetic", layer=0),
    corpus=CorpusSpec(name="synthetic", context=64, train_tokens=4_000, eval_tokens=3_024),
    scoring=ScoringSpec(
        loss_rows=16,
        probing_tasks=("topics",),
        probing_context=16,
        probing_train=20,
        probing_test=10,
    ),
    limits=LimitsSpec(score_minutes=2, memory_gb=4),
)
PLAIN = "from core import BaseTranscoder\n\n\nclass CustomTranscoder(BaseTranscoder):\n    pass\n"
SKIP = """
import torch
from core import BaseTranscoder

SKIP = True


class CustomTranscoder(BaseTranscoder):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.W_skip = torch.nn.Parameter(torch.zeros(activation_dim, activation_dim))

    def skip(self, x):
        return x @ self.W_skip
"""
BENT = SKIP.replace("return x @ self.W_skip", "return torch.relu(x @ self.W_skip)")
PAIRS = """
import torch
from core import BaseTranscoder

DECODER = "nonlinear"


class CustomTranscoder(BaseTranscoder):
    def decode(self, f):
        return super().decode(f) * 1.0 + 1e-3 * torch.tanh(super().decode(f))
"""


class Planted(NamedTuple):
    """The setup, and the weights of the exact skip transcoder in normalised space."""

    setup: ScoringSetup
    weights: dict[str, torch.Tensor]
    x_ND: torch.Tensor
    y_ND: torch.Tensor

    def latents(self) -> torch.Tensor:
        """Return the latents [N, F] of the planted transcoder, from the stored rows."""
        x_ND = self.x_ND / self.setup.activations.scale
        return torch.relu(x_ND @ self.weights["encoder.weight"].T + self.weights["encoder.bias"])

    def explained(self, y_hat_ND: torch.Tensor) -> float:
        """Return the centred explained variance of y, in raw units."""
        y, y_hat = self.y_ND.double(), y_hat_ND.double()
        return float(1 - (y - y_hat).square().sum() / (y - y.mean(0)).square().sum())

    def parts(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what latents and the skip path predict, raw units."""
        assert self.setup.targets is not None
        x_ND, out = self.x_ND / self.setup.activations.scale, self.setup.targets.scale
        decoded = self.latents() @ self.weights["decoder.weight"].T
        return out * decoded, out * (x_ND @ self.weights["W_skip"])


def stored(shards: tuple[Path, ...]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([np.load(path) for path in shards])).float()


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    settings = Settings(workspace=folder, cache=shared_cache)
    found = harvest(SPEC, settings, folder)
    setup = found.scoring_setup(SPEC, settings, folder / "scratch", choose_level())
    assert setup.targets is not None
    subject, x_scale, y_scale = SyntheticSubject(), setup.activations.scale, setup.targets.scale
    weights = {
        "encoder.weight": (x_scale * subject.W_in_DG).T.contiguous(),
        "encoder.bias": subject.b_in_G.clone(),
        "decoder.weight": (subject.W_out_GD / y_scale).T.contiguous(),
        "decoder.bias": torch.zeros(64),
        "W_skip": (x_scale / y_scale * subject.W_linear_DD).contiguous(),
    }
    rows = stored(setup.activations.eval_shards), stored(setup.targets.eval_shards)
    return Planted(setup, weights, *rows)


@pytest.fixture(scope="module")
def answers(
    planted: Planted, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """The scores of five transcoders with the planted weights, or parts of them."""
    folder = tmp_path_factory.mktemp("variants")
    plain = {name: part for name, part in planted.weights.items() if name != "W_skip"}
    nothing = {name: torch.zeros_like(part) for name, part in plain.items()}
    mean = planted.y_ND.mean(0) / planted.setup.predicted.scale
    given = {
        "exact": (SKIP, planted.weights),
        "without_skip": (PLAIN, plain),
        "zero": (PLAIN, nothing),
        "mean": (PLAIN, {**nothing, "decoder.bias": mean}),
        "bent": (BENT, planted.weights),
        "nonlinear": (PAIRS, plain),
        "linear_only": (SKIP, {**nothing, "W_skip": planted.weights["W_skip"]}),
        "too_large": (PLAIN, {**plain, "more": torch.zeros(3 * 2 * 64 * 128 + 500)}),
    }
    for name, (source, weights) in given.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
        save_file(weights, folder / f"{name}.safetensors")
    process = ScorerProcess(planted.setup)
    try:
        return {name: process.score(folder, name) for name in given}
    finally:
        process.close()


def test_both_sites_are_harvested_from_the_same_tokens_in_the_same_order(planted: Planted) -> None:
    setup, subject = planted.setup, SyntheticSubject()
    assert setup.targets is not None and setup.probing is not None
    tokens = torch.from_numpy(np.load(setup.activations.eval_tokens_file).astype(np.int64))
    assert np.array_equal(tokens.numpy(), np.load(setup.targets.eval_tokens_file))
    torch.testing.assert_close(
        planted.x_ND, subject.mlp_in(tokens)[:, 1:].flatten(0, 1), rtol=2e-3, atol=2e-3
    )
    torch.testing.assert_close(planted.y_ND, subject.mlp(planted.x_ND), rtol=5e-3, atol=5e-3)
    pairs = zip(setup.activations.train_shards, setup.targets.train_shards, strict=True)
    for x_shard, y_shard in pairs:
        x_ND, y_ND = stored((x_shard,)), stored((y_shard,))
        torch.testing.assert_close(y_ND, subject.mlp(x_ND), rtol=5e-3, atol=5e-3)
    assert setup.targets.digest != setup.activations.digest


def test_an_exact_transcoder_explains_the_output_and_recovers_the_loss(
    planted: Planted, answers: dict[str, dict[str, Any]]
) -> None:
    exact = answers["exact"]
    decoded_ND, skipped_ND = planted.parts()
    metrics, checks = exact["metrics"], exact["integrity"]
    assert metrics["explained_variance"] == pytest.approx(1, abs=1e-4)
    assert metrics["loss_recovered"] == pytest.approx(1, abs=2e-3)
    assert metrics["ce_spliced"] == pytest.approx(metrics["ce_clean"], abs=2e-3)
    l0 = float((planted.latents() > 0).sum(1).float().mean())
    assert metrics["l0"] == pytest.approx(l0, rel=1e-3)
    latents, skip = planted.explained(decoded_ND), planted.explained(skipped_ND)
    assert checks["explained_variance_latents"] == pytest.approx(latents, abs=1e-4)
    assert checks["explained_variance_skip"] == pytest.approx(skip, abs=1e-4)
    assert checks["explained_variance_with_skip"] == metrics["explained_variance"]
    assert "skip_nonlinear" in checks["checks"]
    # 64 x 64 numbers of the skip path are free.
    assert checks["parameter_ratio"] == pytest.approx(1, abs=0.01)
    assert checks["parameters"] == 2 * 64 * 128 + 128 + 64 + 64 * 64


def test_without_its_skip_path_it_explains_what_its_latents_explain(
    planted: Planted, answers: dict[str, dict[str, Any]]
) -> None:
    decoded_ND, _ = planted.parts()
    metrics, checks = (answers["without_skip"][part] for part in ("metrics", "integrity"))
    expected = planted.explained(decoded_ND)
    assert 0.5 < expected < 0.97
    assert metrics["explained_variance"] == pytest.approx(expected, abs=1e-4)
    mse = float((planted.y_ND - decoded_ND).square().sum(1).mean())
    assert metrics["mse"] == pytest.approx(mse, rel=1e-3)
    cosine = torch.nn.functional.cosine_similarity(planted.y_ND, decoded_ND, dim=1).mean()
    assert metrics["cosine"] == pytest.approx(float(cosine), abs=1e-4)
    assert checks["explained_variance_skip"] is None
    assert checks["explained_variance_latents"] is None
    both = answers["exact"]["metrics"]["loss_recovered"]
    assert 0.3 < metrics["loss_recovered"] < both
    assert answers["nonlinear"]["metrics"]["explained_variance"] == pytest.approx(
        metrics["explained_variance"], abs=1e-3
    )


def test_nothing_and_the_mean_recover_what_sae_bench_defines(
    planted: Planted, answers: dict[str, dict[str, Any]]
) -> None:
    zero, mean = answers["zero"]["metrics"], answers["mean"]["metrics"]
    assert zero["loss_recovered"] == pytest.approx(0, abs=1e-6)
    assert zero["ce_spliced"] == pytest.approx(zero["ce_ablated"], abs=1e-6)
    expected = planted.explained(torch.zeros_like(planted.y_ND))
    assert zero["explained_variance"] == pytest.approx(expected, abs=1e-5)
    assert mean["explained_variance"] == pytest.approx(0, abs=1e-5) and mean["l0"] == 0

    tokens = torch.from_numpy(np.load(planted.setup.activations.eval_tokens_file)[:16]).long()
    mean_D = planted.y_ND.mean(0)

    def replaced(y_BTD: torch.Tensor, hook: object) -> torch.Tensor:
        # sae-bench leaves BOS, which it does not score, as it is.
        return torch.where((tokens == BOS)[..., None], y_BTD, mean_D)

    subject, hooks = SyntheticSubject(), [(MLP_OUT, replaced)]
    losses = subject.run_with_hooks(
        tokens, return_type="loss", fwd_hooks=hooks, loss_per_token=True
    )
    spliced = float(losses[tokens[:, :-1] != BOS].mean())
    assert mean["ce_spliced"] == pytest.approx(spliced, abs=1e-4)
    span = mean["ce_ablated"] - mean["ce_clean"]
    recovered = (mean["ce_ablated"] - spliced) / span
    assert mean["loss_recovered"] == pytest.approx(recovered, abs=1e-4)


def test_a_linear_transcoder_without_latents_shows_that_it_has_none(
    planted: Planted, answers: dict[str, dict[str, Any]]
) -> None:
    _, skipped_ND = planted.parts()
    found = answers["linear_only"]
    expected = planted.explained(skipped_ND)
    assert found["metrics"]["l0"] == 0
    assert found["metrics"]["explained_variance"] == pytest.approx(expected, abs=1e-4)
    assert found["integrity"]["explained_variance_skip"] == pytest.approx(expected, abs=1e-4)


def test_probes_read_latents_of_what_enters_the_mlp(answers: dict[str, dict[str, Any]]) -> None:
    exact, plain = (answers[name]["metrics"] for name in ("exact", "without_skip"))
    assert exact["probing"] > 0.8 and exact["probing_subject"] > 0.8
    assert exact["probing"] == pytest.approx(plain["probing"], abs=0.02)
    assert answers["mean"]["metrics"]["probing"] < 0.7


def test_a_skip_path_that_is_not_linear_is_refused(answers: dict[str, dict[str, Any]]) -> None:
    error = answers["bent"]["error"]
    assert error["check"] == "skip_nonlinear" and "x @ W + b" in error["message"]


def test_a_transcoder_has_the_budget_of_a_plain_one(answers: dict[str, dict[str, Any]]) -> None:
    error = answers["too_large"]["error"]
    assert error["check"] == "parameter_budget" and "plain transcoder" in error["message"]
