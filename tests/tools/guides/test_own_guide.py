"""The guide to fumehood's own sandbox: its blocks, its tool calls, and the variants in it."""

import ast
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.sandbox_files import tiny_sandbox

from fumehood_tools.files import data_path
from fumehood_tools.glass import available_levels, compiled_kernels
from fumehood_tools.guides.checking import BlockRun, Bounds, glass_level
from fumehood_tools.guides.environments import INSIDE, OURS, OWN_FOLDER, find_environment
from fumehood_tools.guides.format import Guide, parse_guide
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.check import check_variant
from fumehood_tools.settings import Settings

Ended = Callable[[JobStore, Job], Job]
SCHEMAS = Path(__file__).parents[2] / "server" / "tool_schemas.json"
QUICK = ("write-a-variant-of-topk", "read-a-score-and-its-receipt", "move-a-file-of-the-2025-pilot")
# The texts of whole files in the guide's blocks, by the variable that holds them.
WHOLE = ("VARIANT", "SKIPPING", "BENDING")
walled = pytest.mark.skipif(
    available_levels() == ("rlimits",), reason="needs Landlock or bubblewrap"
)


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


def _guide() -> Guide:
    path = data_path("guides") / "fumehood.md"
    return parse_guide(path.read_text(encoding="utf-8"), path.name)


def _variants() -> Iterator[tuple[str, str]]:
    """Yield the task and the source of every variant that the guide tells to write."""
    for task in _guide().tasks:
        for block in task.blocks:
            for node in ast.walk(ast.parse(block.code)):
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                    [name] = [ast.unparse(it) for it in node.targets]
                    if name in WHOLE:
                        yield f"{task.name[:20]}_{name}".replace("-", "_").lower(), node.value.value


def test_every_tool_call_in_the_guide_has_the_arguments_of_that_tool() -> None:
    schemas = json.loads(SCHEMAS.read_text(encoding="utf-8"))
    fences = re.findall(r"```text\n(.*?)```", _guide().text, re.S)
    calls = [line.split(" ", 1) for fence in fences for line in fence.splitlines()]
    assert {"create_sandbox", "check_variant", "run_variants"} <= {name for name, _ in calls}
    for name, content in calls:
        schema = schemas[name]["inputSchema"]
        assert set(json.loads(content)) <= set(schema["properties"]), name
        assert set(schema.get("required", ())) <= set(json.loads(content)), name


@walled
def test_only_blocks_that_import_our_own_code_see_it(settings: Settings) -> None:
    ours = find_environment(OURS, settings)
    template = data_path("sandbox_template")
    assert ours.profile({"json"}).readable == (INSIDE,)
    assert template in ours.profile({"core"}).readable
    assert OWN_FOLDER not in ours.profile({"core"}).readable
    assert {template, OWN_FOLDER} <= set(ours.profile({"fumehood_tools"}).readable)
    named = find_environment("nnsight-0.8", settings)
    assert template not in named.profile({"core"}).readable


@walled
@pytest.mark.child
def test_quick_tasks_run_and_a_variant_that_is_broken_on_purpose_fails(settings: Settings) -> None:
    guide = _guide()
    quick = [task.blocks for task in guide.tasks if task.name in QUICK]
    assert len(quick) == len(QUICK)
    [good] = quick[0]
    broken = good._replace(code=good.code.replace("return keep_largest(", "return ("))
    assert broken != good
    run = BlockRun(
        "guide.md", guide.text, [*quick, (broken,)], find_environment(OURS, settings), Bounds()
    )
    checked = run.checked(glass_level(settings.glass), lambda done, total: None)
    assert [it.why for it in checked[:-1] if it.outcome != "passed"] == []
    assert checked[-1].outcome == "wrong_output" and "contract" in checked[-1].why


@pytest.mark.slow
@pytest.mark.child
def test_every_variant_of_the_guide_is_accepted_differs_from_its_parent_and_gets_a_score(
    settings: Settings, ended: Ended
) -> None:
    sources = dict(_variants())
    assert len(sources) == 8
    box = tiny_sandbox(settings, dict_size=256)
    level = glass_level(settings.glass)
    for name, source in sources.items():
        (box.variants / f"{name}.py").write_text(source, encoding="utf-8")
        report = check_variant(box, name, level, kernels=lambda: compiled_kernels(settings.cache))
        assert report.ok and [it.message for it in report.findings] == [], name
        assert report.comparison is not None and report.comparison.mechanism != "same", name
    with contextlib.closing(JobStore(settings.state)) as store:
        job = ended(store, start_run(settings, store, "box", list(sources), [0]).job)
        assert job.status == "succeeded" and job.result is not None, store.read_log(job.job_id)
        assert len(job.result["scored"]) == len(sources), store.read_log(job.job_id)
