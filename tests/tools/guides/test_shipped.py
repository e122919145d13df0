"""The blocks of the shipped guides run, and their records say what was run."""

from pathlib import Path

import pytest

from fumehood_tools.files import data_path
from fumehood_tools.glass import available_levels
from fumehood_tools.guides.blocks import page_of
from fumehood_tools.guides.checking import BlockRun, Bounds, glass_level, imported, sha256
from fumehood_tools.guides.environments import OURS, definitions, open_environment
from fumehood_tools.guides.format import Guide, parse_guide
from fumehood_tools.guides.report import Checked
from fumehood_tools.guides.shelf import record_path
from fumehood_tools.guides.view import GuideReader
from fumehood_tools.settings import Settings, load_settings

GUIDES = sorted(path.stem for path in data_path("guides").glob("*.md"))
walled = pytest.mark.skipif(
    available_levels() == ("rlimits",), reason="needs Landlock or bubblewrap"
)


def _path(name: str) -> Path:
    return data_path("guides") / f"{name}.md"


def _guide(name: str) -> Guide:
    return parse_guide(_path(name).read_text(encoding="utf-8"), f"{name}.md")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path, {"FUMEHOOD_CACHE": str(tmp_path / "cache")})


@pytest.mark.parametrize("name", GUIDES)
def test_a_record_names_every_block_with_its_digests_and_versions(name: str) -> None:
    guide, record = _guide(name), Checked.model_validate_json(record_path(_path(name)).read_bytes())
    assert [it.source_sha256 for it in record.blocks] == [
        sha256(block.code + (block.expected or "")) for block in guide.blocks
    ], "the guide was changed after its blocks ran: run `make guides`"
    assert record.passes and record.versions[guide.front.package] == guide.front.version
    assert record.python == guide.front.python and record.checked and record.text_sha256
    assert all(len(it.output_sha256) == 64 for it in record.blocks)
    for package, version in guide.front.also.items():
        assert record.versions[package].partition("+")[0] == version


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_has_eight_tasks_an_integration_and_says_what_there_is_not(name: str) -> None:
    guide = _guide(name)
    assert sum(not task.is_integration for task in guide.tasks) >= 8
    assert any(task.is_integration for task in guide.tasks)
    assert "There is no " in guide.gotchas
    assert guide.front.environment in (OURS, *definitions())


def test_a_guide_is_marked_when_it_was_changed_and_when_a_block_failed(
    settings: Settings,
) -> None:
    mine = settings.workspace / "guides" / "sae-bench.md"
    mine.parent.mkdir()
    text = _path("sae-bench").read_text(encoding="utf-8")
    record = Checked.model_validate_json(record_path(_path("sae-bench")).read_bytes())
    mine.write_text(text, encoding="utf-8")
    record_path(mine).write_text(record.model_dump_json(), encoding="utf-8")
    assert GuideReader(settings).find("sae-bench").status == "passes"
    mine.write_text(f"{text}\nMore.\n", encoding="utf-8")
    assert GuideReader(settings).find("sae-bench").status == "unchecked"
    mine.write_text(text, encoding="utf-8")
    bad = record.blocks[0].model_copy(update={"outcome": "failed"})
    failed = record.model_copy(update={"blocks": (bad, *record.blocks[1:])})
    record_path(mine).write_text(failed.model_dump_json(), encoding="utf-8")
    found = GuideReader(settings).find("sae-bench")
    assert found.status == "fails" and f"1 blocks fail: line {bad.line} (failed)" in found.why
    assert "WARNING: This guide fails." in GuideReader(settings).read("sae-bench", None).text()
    record_path(mine).unlink()
    assert GuideReader(settings).find("sae-bench").status == "unchecked"


@walled
@pytest.mark.child
def test_tasks_that_take_seconds_run_and_one_that_is_broken_on_purpose_fails(
    settings: Settings,
) -> None:
    guide = _guide("dictionary-learning")
    # Training and building a model take longer: test-slow runs those tasks.
    quick = [it.blocks for it in guide.tasks if "trainSAE(" not in it.text]
    quick = [it for it in quick if not imported(it) - {"torch", "dictionary_learning"}]
    assert len(quick) >= 4
    good = quick[0][0]
    broken = good._replace(code=good.code.replace("k=4", "k=5"))
    assert broken != good
    tasks = [*quick, (broken,)]
    environment = open_environment(OURS, settings)
    run = BlockRun("guide.md", guide.text, tasks, environment, Bounds())
    checked = run.checked(glass_level(settings.glass), lambda done, total: None)
    assert [it.why for it in checked[:-1] if it.outcome != "passed"] == []
    assert checked[-1].outcome == "wrong_output" and "L0 5.0" in checked[-1].why


@walled
@pytest.mark.slow
@pytest.mark.parametrize("name", GUIDES)
def test_every_block_of_a_guide_runs_in_its_own_environment(
    name: str, tmp_path: Path, shared_cache: Path
) -> None:
    # Guides share environments, so each is built once: it takes a minute and a gigabyte.
    settings = load_settings(tmp_path, {"FUMEHOOD_CACHE": str(shared_cache)})
    guide = _guide(name)
    environment = open_environment(guide.front.environment, settings)
    tasks = [task.blocks for task in guide.tasks]
    run = BlockRun(f"{name}.md", guide.text, tasks, environment, Bounds())
    checked = run.checked(glass_level(settings.glass), lambda done, total: None)
    assert [it.row() for it in checked if not it.is_good] == []


@walled
@pytest.mark.slow
def test_libraries_that_pickle_by_place_work_in_a_locked_environment(
    tmp_path: Path, shared_cache: Path
) -> None:
    # dill takes code outside of a folder named site-packages for the user's, and pickles it whole.
    settings = load_settings(tmp_path, {"FUMEHOOD_CACHE": str(shared_cache)})
    environment = open_environment("transformer-lens-3", settings)
    code = "from datasets import Dataset\nprint(len(Dataset.from_dict({'tokens': [[1], [2]]})))"
    page = page_of(f"```python\n{code}\n```\n```output\n2\n```\n")
    run = BlockRun("README.md", page.text, [page.blocks], environment, Bounds())
    checked = run.checked(glass_level(settings.glass), lambda done, total: None)
    assert [it.row() for it in checked if it.outcome != "passed"] == []
