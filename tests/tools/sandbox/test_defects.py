"""The ten defects of short runs with dictionary_learning 0.1.0 do not come back."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from fumehood_tools.kinds import SAE, template_folder

VARIANTS = template_folder(SAE) / "variants"
Spec = Callable[..., dict[str, Any]]


def variant(name: str) -> Path:
    return VARIANTS / f"{name}.py"


def trainer_of(core: SimpleNamespace, spec: dict[str, Any]) -> Any:
    run = core.package.TrainingRun.from_spec(spec)
    return core.package.build_trainer(core.package.load_variant(run.variant), run)


def test_normalising_never_writes_into_the_data(
    core: SimpleNamespace, training_spec: Spec, planted: np.ndarray
) -> None:
    spec = training_spec(variant("standard"), steps=3)
    before = [Path(path).read_bytes() for path in spec["train_shards"]]
    core.train.train(spec)
    assert [Path(path).read_bytes() for path in spec["train_shards"]] == before
    shards = core.batches.Shards(spec["train_shards"], spec["scale"], spec["activation_dim"])
    first = shards.rows(np.array([4, 2, 4_000]))
    first.mul_(0)
    again = shards.rows(np.array([4, 2, 4_000])).numpy() * spec["scale"]
    np.testing.assert_allclose(again, planted[[4, 2, 4_000]].astype(np.float32), rtol=1e-6)


def test_the_callers_configuration_is_not_changed(
    core: SimpleNamespace, training_spec: Spec
) -> None:
    spec = training_spec(variant("topk"), steps=3)
    kept = copy.deepcopy(spec)
    core.train.train(spec)
    assert spec == kept


def test_the_scale_is_written_down(core: SimpleNamespace, training_spec: Spec) -> None:
    spec = training_spec(variant("topk"), steps=3)
    core.train.train(spec)
    config = json.loads((Path(spec["out"]) / "config.json").read_text(encoding="utf-8"))
    assert config["scale"] == spec["scale"]


@pytest.mark.parametrize("name", ["batch_topk", "matryoshka"])
def test_a_short_run_is_evaluated_at_the_right_l0(
    core: SimpleNamespace, training_spec: Spec, write_variant: Callable[..., Path], name: str
) -> None:
    source = variant(name).read_text(encoding="utf-8").replace("K = 32", "K = 4")
    spec = training_spec(write_variant(source, name), steps=80)
    core.train.train(spec)
    module = core.package.load_variant(Path(spec["variant"]))
    sae = core.package.build_sae(module, spec["activation_dim"], spec["dict_size"])
    import torch
    from safetensors.torch import load_file as load_tensors

    sae.load_state_dict(load_tensors(Path(spec["out"]) / "sae.safetensors"), strict=True)
    shards = core.batches.Shards(spec["train_shards"], spec["scale"], spec["activation_dim"])
    with torch.no_grad():
        f = sae.eval().encode(shards.rows(np.arange(2_000)))
    assert 3 < float((f != 0).sum(dim=1).float().mean()) < 5.5


@pytest.mark.parametrize("name", ["topk", "batch_topk", "matryoshka"])
def test_thresholds_start_after_a_tenth_of_the_run(
    core: SimpleNamespace, training_spec: Spec, write_variant: Callable[..., Path], name: str
) -> None:
    spec = training_spec(variant(name), steps=200, dict_size=128)
    trainer = trainer_of(core, spec)
    assert trainer.threshold_start_step == 20
    assert trainer_of(core, {**spec, "steps": 1}).threshold_start_step < 0


def test_jumprelu_obeys_its_seed(core: SimpleNamespace, training_spec: Spec) -> None:
    first, again, other = (
        trainer_of(core, training_spec(variant("jumprelu"), seed=seed)).ae.W_dec.detach().numpy()
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
@pytest.mark.parametrize("name", ["standard", "batch_topk", "jumprelu", "p_anneal", "gated"])
def test_any_number_of_steps_trains(
    core: SimpleNamespace, training_spec: Spec, name: str, steps: int
) -> None:
    spec = training_spec(variant(name), steps=steps, warmup_steps=1_000, decay_start=5_000)
    core.train.train({**spec, "sparsity_warmup_steps": 2_000})
    assert load_file(Path(spec["out"]) / "sae.safetensors")


def test_loading_returns_the_subclass(core: SimpleNamespace, training_spec: Spec) -> None:
    spec = training_spec(variant("standard"), steps=3)
    core.train.train(spec)
    module = core.package.load_variant(variant("standard"))
    sae = module.CustomSAE.from_pretrained(Path(spec["out"]) / "sae.safetensors")
    assert type(sae) is module.CustomSAE
    built = core.package.build_sae(module, spec["activation_dim"], spec["dict_size"])
    assert type(built) is module.CustomSAE


@pytest.mark.parametrize("name", ["batch_topk", "matryoshka"])
def test_a_batch_without_activity_leaves_the_threshold_alone(
    core: SimpleNamespace, training_spec: Spec, name: str
) -> None:
    import torch

    trainer = trainer_of(core, training_spec(variant(name)))
    trainer.update_threshold(torch.zeros(4, trainer.ae.dict_size))
    assert float(trainer.ae.threshold) == -1.0
    trainer.update_threshold(torch.full((4, trainer.ae.dict_size), 0.5))
    trainer.update_threshold(torch.zeros(4, trainer.ae.dict_size))
    assert float(trainer.ae.threshold) == 0.5


def test_a_token_without_activity_leaves_the_threshold_of_topk_alone(
    core: SimpleNamespace, training_spec: Spec
) -> None:
    import torch

    spec = training_spec(variant("topk"))
    trainers = [trainer_of(core, spec) for _ in range(3)]
    kept = torch.rand(6, trainers[0].k) + 0.1
    silent = torch.cat([kept, torch.zeros(2, trainers[0].k)])
    for trainer, values in zip(trainers, (kept, silent, silent[6:]), strict=True):
        rows, k = values.shape
        start = torch.arange(rows + 1) * k
        trainer.follow(
            core.package.kernels.Latents(values.flatten(), torch.zeros(rows * k), start, 64)
        )
    assert float(trainers[0].ae.threshold) == float(trainers[1].ae.threshold)
    assert float(trainers[0].ae.threshold) == pytest.approx(float(kept.min(dim=1).values.mean()))
    assert float(trainers[2].ae.threshold) == -1.0, "a batch without any"


SPOILED = '''"""The library's own trainer, whose threshold takes infinity for a silent token."""

import torch
from dictionary_learning.trainers.top_k import AutoEncoderTopK, TopKTrainer

from core import keywords_for, threshold_keywords

K = 4


class CustomSAE(AutoEncoderTopK):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.register_buffer("seen", torch.zeros(3))


class CustomTrainer(TopKTrainer):
    def __init__(self, **kwargs):
        super().__init__(k=K, **keywords_for(TopKTrainer, kwargs))

    def update(self, step, x):
        told = super().update(step, x)
        if step == 2:
            self.ae.NAME = self.ae.NAME * float("VALUE")
        return told
'''


@pytest.mark.parametrize(
    ("name", "value", "what"), [("threshold", "inf", "infinity"), ("seen", "nan", "NaN")]
)
def test_a_buffer_that_is_not_finite_is_named_with_its_step_and_a_cure(
    core: SimpleNamespace,
    training_spec: Spec,
    write_variant: Callable[..., Path],
    name: str,
    value: str,
    what: str,
) -> None:
    source = SPOILED.replace("NAME", name).replace("VALUE", value)
    with pytest.raises(core.package.VariantError) as told:
        core.train.train(training_spec(write_variant(source, "spoiled"), steps=5))
    rule = f"the buffer {name} holds {what} since step 2; all parameters are finite"
    assert told.value.rule == rule
    assert source.splitlines()[told.value.line - 1].startswith("class CustomTrainer")
    assert ("FollowsThreshold" in told.value.instead) == (name == "threshold")
    assert "persistent=False" in told.value.instead and "lower lr" not in told.value.instead


def test_the_log_needs_no_settings_to_be_written(
    core: SimpleNamespace, training_spec: Spec
) -> None:
    spec = training_spec(variant("topk"), steps=12)
    core.train.train(spec)
    log = (Path(spec["out"]) / "train_log.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(log[-1])
    assert len(log) == 12
    assert set(last) == {"step", "tokens", "loss", "tokens_per_s"}
    assert (last["step"], last["tokens"]) == (11, 12 * 256)


def test_data_that_end_early_are_an_error_or_a_further_epoch_and_said(
    core: SimpleNamespace, training_spec: Spec
) -> None:
    spec = training_spec(variant("topk"), steps=50)
    core.train.train(spec)
    config = json.loads((Path(spec["out"]) / "config.json").read_text(encoding="utf-8"))
    assert (config["rows"], config["epochs"]) == (6_000, 3)
    with pytest.raises(core.package.VariantError, match="fewer than one batch") as told:
        core.train.train(training_spec(variant("topk"), batch_size=6_001))
    assert told.value.kind == "data"
    cut = Path(spec["out"]) / "cut.npy"
    cut.write_bytes(Path(spec["train_shards"][0]).read_bytes()[:5_000])
    with pytest.raises(core.package.VariantError, match="cannot be read"):
        core.train.train({**spec, "train_shards": [str(cut)]})


@pytest.mark.parametrize("name", ["topk", "batch_topk", "matryoshka", "jumprelu"])
def test_a_latent_counts_as_dead_after_a_tenth_of_the_tokens(
    core: SimpleNamespace, training_spec: Spec, name: str
) -> None:
    trainer = trainer_of(core, training_spec(variant(name), steps=60))
    assert trainer.dead_feature_threshold == 60 * 256 // 10


def test_a_decoders_bias_is_not_forced_to_norm_one(
    core: SimpleNamespace, training_spec: Spec
) -> None:
    spec = training_spec(variant("standard"), steps=20)
    core.train.train(spec)
    weights = load_file(Path(spec["out"]) / "sae.safetensors")
    np.testing.assert_allclose(np.linalg.norm(weights["decoder.weight"], axis=0), 1, atol=1e-5)
    assert 0 < np.linalg.norm(weights["decoder.bias"]) < 0.7
