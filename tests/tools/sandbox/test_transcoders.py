"""A sandbox of transcoders: its rules, its trainings from shards of two sites, its checks."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.glass import available_levels
from fumehood_tools.kinds import SAE, TRANSCODER, template_folder
from fumehood_tools.sandbox.check import Complaint, check_static, check_variant
from fumehood_tools.sandbox.create import Sandbox, create_sandbox, tampered_core
from fumehood_tools.sandbox.declarations import parent_of, read_declarations
from fumehood_tools.sandbox.trial import prepare_trial, read_said, subjects_of
from fumehood_tools.sandbox.trial_findings import Findings
from fumehood_tools.sandbox.variants import list_variants
from fumehood_tools.settings import Settings

PACKAGED = sorted((template_folder(TRANSCODER) / "variants").glob("*.py"))
HEAD = '"""Mine."""\nfrom core import BaseTranscoder, BaseTranscoderTrainer, BaseTrainer\n'
HEAD += "from core import LinearSkip, TopKTranscoder, TopKTranscoderTrainer\n"
CLASS = "class CustomTranscoder(BaseTranscoder):\n    pass\n\n\n"
TOPK = HEAD + 'K = 32\nPARENT = "topk"\n\n\n'
TRAINER = "\n\nclass CustomTrainer(TopKTranscoderTrainer):\n    pass\n"
Spec = Callable[..., dict[str, Any]]


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    return create_sandbox(settings, "tc", template="transcoder", subject="synthetic", dict_size=256)


@pytest.fixture
def spec(training_spec: Spec, planted: np.ndarray, tmp_path: Path) -> Spec:
    """Return a function that builds the spec.json of a training on x and y = M x."""
    x = planted.astype(np.float32)
    M = np.random.default_rng(1).normal(size=(32, 32)).astype(np.float32)
    y = x @ M + 2
    target_scale = float(np.sqrt((y**2).sum(axis=1).mean()))
    paths = [tmp_path / "y0.npy", tmp_path / "y1.npy"]
    np.save(paths[0], y[:5_000])
    np.save(paths[1], y[5_000:])

    def make(variant: Path, **changes: Any) -> dict[str, Any]:
        targets = {"target_shards": [str(path) for path in paths], "target_scale": target_scale}
        return training_spec(variant, **targets, template="transcoder", **changes)

    return make


def test_a_transcoder_sandbox_reads_mlp_in_and_shares_core(box: Sandbox) -> None:
    assert box.spec.sites() == ("mlp_in", "mlp_out") and box.spec.subject.site == "mlp_in"
    assert not tampered_core(box) and (box.folder / "core" / "transcoder.py").is_file()
    assert "CustomTranscoder" in (box.folder / "AGENTS.md").read_text(encoding="utf-8")
    listed = list_variants(box, 20).variants
    assert [one.name for one in listed] == [path.stem for path in PACKAGED]
    assert all(one.is_baseline and not one.problem for one in listed)


def test_another_site_is_refused_with_the_site_to_write(settings: Settings) -> None:
    with pytest.raises(BadRequest, match='a transcoder reads mlp_in: write site = "mlp_in"'):
        create_sandbox(settings, "tc", template="transcoder", site="resid_post")


def test_the_packaged_transcoders_break_no_static_rule() -> None:
    assert [path.stem for path in PACKAGED] == [
        *("batch_topk", "example", "jumprelu", "skip_topk", "standard", "topk", "untrained")
    ]
    for path in PACKAGED:
        assert check_static(path.read_bytes(), path.stem, TRANSCODER) == [], path.stem


MISTAKES = {
    "class CustomSAE(BaseTranscoder):\n    pass\n": "no class CustomTranscoder, but a class "
    "CustomSAE: this sandbox is about transcoders",
    "class CustomTranscoder(object):\n    pass\n": "CustomTranscoder has no method encode",
    "class CustomTranscoder:\n    pass\n": "CustomTranscoder has no base class",
    f"{CLASS}class CustomTrainer(BaseTrainer):\n    pass\n": "derives from BaseTrainer, which does "
    "not train a transcoder",
    f"SKIP = True\n\n\n{CLASS}": "SKIP is True, but there is no method skip",
}


@pytest.mark.parametrize("body", MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes_are_named_with_the_classes_of_transcoders(body: str) -> None:
    errors = [
        one
        for one in check_static(f"{HEAD}\n\n{body}".encode(), "mine", TRANSCODER)
        if one.severity == "error"
    ]
    assert MISTAKES[body] in errors[0].message
    assert "Transcoder" in errors[0].instead and "CustomSAE" not in errors[0].instead


def test_a_packaged_transcoder_in_a_sandbox_of_saes_is_named_as_one() -> None:
    [found, *_] = check_static(PACKAGED[-2].read_bytes(), "topk", SAE)
    assert "a class CustomTranscoder: this sandbox is about SAEs" in found.message


def test_an_inherited_skip_path_is_enough_and_the_base_class_names_the_parent() -> None:
    source = (
        f"{HEAD}SKIP = True\n\n\nclass CustomTranscoder(LinearSkip, TopKTranscoder):\n    pass\n"
    )
    assert check_static(source.encode(), "mine", TRANSCODER) == []
    assert parent_of(source.encode(), "mine", is_packaged=False) == "topk"


def test_a_training_pairs_rows_and_saves_both_scales(core: SimpleNamespace, spec: Spec) -> None:
    from safetensors.torch import load_file

    path = next(one for one in PACKAGED if one.stem == "skip_topk")
    out = Path((made := spec(path, steps=100))["out"])
    core.train.train(made)
    config = core_config(out)
    assert config["template"] == "transcoder" and config["target_scale"] == made["target_scale"]
    assert config["space"].startswith("y_hat = target_scale * (decode(encode(x / scale)) + skip")
    assert not (out / "sae.safetensors").exists()
    weights = load_file(out / "transcoder.safetensors")
    assert weights["W_skip"].shape == (32, 32)
    # y is linear in x, so nearly all of it is explained if, and only if, rows belong together.
    assert config["final_loss"] < 0.02


def core_config(out: Path) -> dict[str, Any]:
    """Return the config.json of a training."""
    import json

    content: dict[str, Any] = json.loads((out / "config.json").read_text(encoding="utf-8"))
    return content


def test_targets_that_are_fewer_than_the_inputs_are_refused(
    core: SimpleNamespace, spec: Spec
) -> None:
    made = spec(PACKAGED[0])
    made["target_shards"] = made["target_shards"][:1]
    with pytest.raises(core.package.VariantError, match="6000 activations and 5000 targets"):
        core.train.train(made)


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
def test_the_packaged_transcoders_keep_the_contract(
    core: SimpleNamespace, path: Path, tmp_path: Path
) -> None:
    spec = {"variant": str(path), "template": "transcoder", "activation_dim": 48, "dict_size": 256}
    assert core.check.check({**spec, "out": str(tmp_path)}) == []


@pytest.fixture
def tried(box: Sandbox, program: ModuleType, tmp_path: Path) -> Callable[[str], list[Complaint]]:
    """Return a function that runs the trial of a source in this process."""

    def run(source: str) -> list[Complaint]:
        files = subjects_of(box, "mine", source.encode())
        trial = prepare_trial(box, 48, files, 60, tmp_path / "trial")
        trial.folder.mkdir(exist_ok=True)
        program.Trial(trial.spec).run()
        said = read_said(trial.folder)
        assert said is not None and said.done, said
        findings = Findings(said, files, read_declarations(source.encode()), TRANSCODER)
        return findings.all(said.comparison(files.declared))

    return run


def test_a_decode_that_the_loss_never_calls_gets_the_lines_of_predict(
    core: SimpleNamespace, tried: Callable[[str], list[Complaint]]
) -> None:
    body = "class CustomTranscoder(TopKTranscoder):\n    def decode(self, f):\n"
    source = f"{TOPK}{body}        return super().decode(f) + f[:, :1]\n{TRAINER}"
    [found] = [one for one in tried(source) if one.rule == "untrained_path"]
    assert found.severity == "error" and "never calls decode" in found.message
    assert found.write is not None and "def predict(self, x, f)" in found.write
    assert "TopKTranscoderTrainer computes y_hat in predict(x, f)" in found.instead


def test_a_copy_of_topk_under_another_name_is_said_to_be_topk(
    core: SimpleNamespace, tried: Callable[[str], list[Complaint]]
) -> None:
    source = f"{TOPK}class CustomTranscoder(TopKTranscoder):\n    pass\n{TRAINER}"
    [found] = [one for one in tried(source) if one.rule == "same"]
    assert "computes exactly what topk computes" in found.message


@pytest.mark.child
def test_the_worked_example_passes_its_check_behind_the_glass(
    box: Sandbox, kernels: Path | None
) -> None:
    report = check_variant(box, "example", available_levels()[0], kernels=lambda: kernels)
    assert report.ok and not report.findings, report.text()
    assert report.comparison is not None and report.comparison.mechanism != "same"
    assert report.trial is not None and report.trial.l0 == 32
