"""The controls of a run are generated from the packaged baseline, not from the sandbox."""

import ast
import json
from pathlib import Path

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.glass import ChildLimits, Nursery, choose_level
from fumehood_tools.kinds import SAE, template_folder
from fumehood_tools.runs.controls import ControlItem, plan_controls
from fumehood_tools.sandbox.check import check_static
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings

BASELINES = sorted(
    path.stem
    for path in (template_folder(SAE) / "variants").glob("*.py")
    if path.stem not in ("untrained", "example")
)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    settings = Settings(workspace=tmp_path / "ws", cache=tmp_path / "cache")
    return create_sandbox(settings, "box", subject="synthetic", dict_size=64)


def test_controls_are_made_from_the_first_baseline_with_seeds_of_their_own(
    sandbox: Sandbox,
) -> None:
    (sandbox.variants / "mine.py").write_text("", encoding="utf-8")
    found = plan_controls(sandbox, ["untrained", "mine", "gated", "topk"], [0, 1])
    assert [(item.name, item.twin) for item in found] == [
        ("blank", "gated"),
        ("blank_parameter", "gated"),
        ("spike", "gated"),
    ]
    assert [item.label for item in found][0] == "blank of gated"
    blank, with_parameter, spike = (set(item.seeds) for item in found)
    assert spike == {0, 1} and len({0, 1} | blank | with_parameter) == 6
    assert not list(sandbox.variants.glob("blank*")) and not list(sandbox.variants.glob("spike*"))
    assert [ControlItem.model_validate_json(item.model_dump_json()) for item in found] == list(
        found
    )


def test_a_run_without_an_unchanged_baseline_has_no_twin(sandbox: Sandbox) -> None:
    (sandbox.variants / "topk.py").write_text("K = 64\n", encoding="utf-8")
    for variants in (["untrained"], ["topk"]):
        with pytest.raises(BadRequest, match="Add 'topk'"):
            plan_controls(sandbox, variants, [0])


def test_a_file_with_the_name_of_a_control_is_said_to_be_in_the_way(sandbox: Sandbox) -> None:
    (sandbox.variants / "spike.py").write_text("", encoding="utf-8")
    with pytest.raises(BadRequest, match=r"variants/spike\.py .* Rename"):
        plan_controls(sandbox, ["topk"], [0])


@pytest.mark.parametrize("baseline", BASELINES)
def test_the_controls_of_every_baseline_pass_the_static_rules_and_name_their_parent(
    sandbox: Sandbox, baseline: str
) -> None:
    for item in plan_controls(sandbox, [baseline], [0]):
        assert not check_static(item.source.encode(), item.name), item.name
        assigned = [node for node in ast.parse(item.source).body if isinstance(node, ast.Assign)]
        assert f"PARENT = '{baseline}'" in [ast.unparse(node) for node in assigned]


@pytest.mark.child
def test_the_controls_of_every_baseline_train(
    sandbox: Sandbox, tmp_path: Path, kernels: Path | None
) -> None:
    root = tmp_path / "nursery"
    with Nursery(root, level=choose_level(), kernels=kernels) as nursery:
        children = []
        for baseline in BASELINES:
            for item in plan_controls(sandbox, [baseline], [0]):
                folder = root / f"{baseline}-{item.name}"
                folder.mkdir()
                variant = folder / f"{item.name}.py"
                variant.write_text(item.source, encoding="utf-8")
                spec = {
                    "variant": str(variant),
                    "activation_dim": 16,
                    "dict_size": 64,
                    "out": str(folder / "child"),
                }
                limits = ChildLimits(wall_seconds=60)
                child = nursery.start(
                    "core.check",
                    spec,
                    scratch=folder / "child",
                    limits=limits,
                    readable=[variant],
                )
                children.append((folder, child))
        for folder, child in children:
            outcome = child.wait()
            assert outcome.exit_code == 0, outcome
            findings = json.loads((folder / "child" / "findings.json").read_text(encoding="utf-8"))
            assert not [f for f in findings if f["severity"] == "error"], (folder.name, findings)
