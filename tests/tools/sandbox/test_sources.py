"""A sandbox is made from a template, from another sandbox, or from a draft; results never come."""

import shutil
from pathlib import Path

import pytest

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.sandbox.sources import origin_of
from fumehood_tools.sandbox.variants import variant_names
from fumehood_tools.settings import Settings


@pytest.fixture
def used(settings: Settings) -> Sandbox:
    """A sandbox with settings, a variant and a result of its own."""
    box = create_sandbox(settings, "used", subject="synthetic", layer=0, dict_size=96, seeds=[3, 4])
    (box.variants / "mine.py").write_text('"""Mine."""\n', encoding="utf-8")
    (box.results / "topk").mkdir()
    (box.results / "topk" / "score.json").write_text("{}", encoding="utf-8")
    return box


@pytest.mark.parametrize("own_variants", [False, True])
def test_a_fork_has_the_settings_and_never_the_results(
    settings: Settings, used: Sandbox, own_variants: bool
) -> None:
    fork = create_sandbox(
        settings, "fork", source="used", own_variants=own_variants, eval_tokens=4_064
    )
    changed = {"eval_tokens": 4_064}
    corpus = used.spec.corpus.model_copy(update=changed)
    assert fork.spec == used.spec.model_copy(update={"corpus": corpus})
    assert ("mine" in variant_names(fork)) is own_variants and "topk" in variant_names(fork)
    assert not list(fork.results.iterdir())
    origin = origin_of(fork.folder)
    assert origin.source == "sandbox:used" and len(origin.sha256) == 64
    assert ("variants/mine.py" in origin.files) is own_variants


def test_a_draft_becomes_a_sandbox_with_the_packaged_core(
    settings: Settings, used: Sandbox
) -> None:
    draft = settings.workspace / "drafts" / "idea"
    shutil.copytree(used.folder, draft)
    (draft / "core" / "train.py").write_text("# not what runs\n", encoding="utf-8")
    box = create_sandbox(settings, "made", source="drafts/idea")
    assert "mine" in variant_names(box) and not list(box.results.iterdir())
    assert (box.folder / "core" / "train.py").read_text("utf-8") != "# not what runs\n"
    assert origin_of(box.folder).source == "draft:drafts/idea"


def test_a_draft_may_leave_sections_of_its_settings_to_their_defaults(settings: Settings) -> None:
    draft = settings.workspace / "drafts" / "idea"
    shutil.copytree(create_sandbox(settings, "steer", source="steering").folder, draft)
    manifest = draft / "sandbox.toml"
    text = manifest.read_text(encoding="utf-8")
    before, _, after = text.partition("[training]")
    manifest.write_text(before + "[custom]" + after.partition("[custom]")[2], encoding="utf-8")
    assert create_sandbox(settings, "made", source="drafts/idea").spec.training.seeds
    seeded = create_sandbox(settings, "seeded", source="drafts/idea", seeds=[3, 4, 5])
    assert seeded.spec.training.seeds == (3, 4, 5)


def test_a_draft_with_a_link_or_outside_the_workspace_is_refused(
    settings: Settings, used: Sandbox, tmp_path: Path
) -> None:
    draft = settings.workspace / "drafts" / "idea"
    shutil.copytree(used.folder, draft)
    (draft / "variants" / "link.py").symlink_to(tmp_path)
    with pytest.raises(BadRequest, match="variants/link.py"):
        create_sandbox(settings, "made", source="drafts/idea")
    shutil.copytree(used.folder, tmp_path / "elsewhere")
    with pytest.raises(BadRequest, match="cannot be a draft"):
        create_sandbox(settings, "made", source=str(tmp_path / "elsewhere"))
    assert not (settings.sandboxes / "made").exists()


def test_an_unknown_source_names_kinds_and_sandboxes(settings: Settings, used: Sandbox) -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'used'.*sae.*transcoder"):
        create_sandbox(settings, "made", source="use")
