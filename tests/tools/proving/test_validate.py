"""A shipped sandbox meets the standard, and every planted defect is named, with its file."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from fakes.planted_defects import READ, RUN, Defect
from fakes.sandbox_files import change_setting

from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.proving.report import Report
from fumehood_tools.proving.request import ValidationRequest, kept_report
from fumehood_tools.proving.standard import REQUIREMENTS
from fumehood_tools.proving.start import start_validation
from fumehood_tools.proving.validate import validate_sandbox, write_sarif
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    return create_sandbox(settings, "box", subject="synthetic", dict_size=64)


def validated(settings: Settings, budget: str = "read") -> Report:
    folder = settings.workspace / "job"
    folder.mkdir(exist_ok=True)
    request = ValidationRequest.model_validate({"sandbox": "box", "budget": budget})
    return validate_sandbox(request, settings, JobContext("job", folder))


def places(report: Report, number: str) -> set[str]:
    """Return the files that the faults of a requirement name."""
    [result] = (one for one in report.results if one.number == number)
    return {fault.file for fault in result.faults}


@pytest.mark.parametrize("kind", ["sae", "transcoder"])
def test_reading_finds_no_fault_in_a_shipped_sandbox(settings: Settings, kind: str) -> None:
    create_sandbox(settings, "box", source=kind, subject="synthetic", dict_size=64)
    report = validated(settings)
    assert not report.failed(), report.text()
    needed = [one.number for one in REQUIREMENTS if one.stage == "run"]
    assert [one.number for one in report.results if one.state == "not_tried"] == needed
    assert not report.passes and "not proven yet" in report.text()


@pytest.mark.parametrize("defect", READ, ids=lambda one: one.name)
def test_reading_names_a_planted_defect_and_nothing_else(
    settings: Settings, box: Sandbox, defect: Defect
) -> None:
    defect.plant(box.folder)
    report = validated(settings)
    assert report.failed() == [defect.requirement], report.text()
    assert places(report, defect.requirement) == {defect.file}
    assert "Remedy: " in report.text()


def test_a_report_is_kept_until_a_file_of_the_sandbox_changes(
    settings: Settings, box: Sandbox
) -> None:
    request = ValidationRequest(sandbox="box", budget="read")
    assert kept_report(request, settings) is None
    report = validated(settings)
    assert kept_report(request, settings) == report
    (box.variants / "mine.py").write_text("", encoding="utf-8")
    assert kept_report(request, settings) is None


@pytest.mark.child
def test_a_repeated_call_does_not_start_a_second_validation(
    settings: Settings, box: Sandbox, ended: Callable[..., Job]
) -> None:
    request = ValidationRequest(sandbox="box", budget="full")
    with closing(JobStore(settings.state)) as store:
        first = start_validation(request, settings, store)
        again = start_validation(request, settings, store)
        other = start_validation(ValidationRequest(sandbox="box"), settings, store)
        for job in (other, first):
            assert ended(store, store.cancel(job.job_id)).status == "cancelled"
        assert first.job_id == again.job_id != other.job_id
        after = start_validation(request, settings, store)
        ended(store, store.cancel(after.job_id))
        assert after.job_id != first.job_id, "a cancelled one is no answer"


def test_sarif_names_the_rule_and_the_file(settings: Settings, box: Sandbox) -> None:
    (box.folder / "notes.txt").write_text("mine", encoding="utf-8")
    written = settings.workspace / write_sarif(validated(settings), settings)
    text = written.read_text(encoding="utf-8")
    assert '"ruleId": "sandbox/8.2"' in text and "sandboxes/box/notes.txt" in text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sae", "transcoder"])
def test_a_shipped_sandbox_meets_the_standard(settings: Settings, kind: str) -> None:
    create_sandbox(settings, "box", source=kind, subject="synthetic", dict_size=64)
    report = validated(settings, "quick")
    assert report.passes, report.text()


@pytest.mark.slow
def test_a_run_names_all_planted_defects_and_nothing_else(settings: Settings, box: Sandbox) -> None:
    for defect in RUN:
        defect.plant(box.folder)
    # A sandbox that is watched less closely than this machine could.
    report = validated(settings.model_copy(update={"glass": "rlimits"}), "quick")
    found = {defect.requirement: {defect.file} for defect in RUN}
    # What is not deterministic ties with no copy of itself either; an edited core is reported too.
    found["5.2"] |= found["4.4"]
    assert report.failed() == sorted([*found, "3.1", "5.3"]), report.text()
    assert {number: places(report, number) for number in found} == found, report.text()
    [spikes] = (one for one in report.results if one.number == "5.3")
    assert any("read_outside" in fault.why for fault in spikes.faults), spikes


@pytest.mark.slow
def test_evaluation_rows_in_the_training_split_are_named(
    settings: Settings, tmp_path: Path
) -> None:
    # Every document has its own beginning; the short sentences after it are all the same.
    text = tmp_path / "text"
    text.mkdir()
    for number in range(60):
        words = f"Number {number * 7919} begins here. " + "It is so. " * 200
        (text / f"{number}.txt").write_text(words, encoding="utf-8")
    box = create_sandbox(
        settings,
        "box",
        subject="smollm2-135m",
        layer=1,
        corpus=str(text),
        dict_size=64,
        train_tokens=5_000,
        eval_tokens=512,
    )
    change_setting(box.folder, "corpus", "context", 8)
    change_setting(box.folder, "training", "batch_size", 128)
    for path in box.variants.glob("*.py"):
        if path.stem not in ("topk", "untrained"):
            path.unlink()
    report = validated(settings, "quick")
    assert "7.1" in report.failed(), report.text()
    [result] = (one for one in report.results if one.number == "7.1")
    assert "token for token" in report.told(result)
