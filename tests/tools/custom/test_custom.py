"""Sandboxes with an evaluation of their own: sealed files, records, comparison, validation."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.custom_scores import put_custom_score
from fakes.sandbox_files import change_setting

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.custom.accepting import accept
from fumehood_tools.custom.check import check_custom
from fumehood_tools.custom.children import check_arrays
from fumehood_tools.custom.compare import compare_custom
from fumehood_tools.custom.comparison import CustomRow
from fumehood_tools.custom.run import CustomRun
from fumehood_tools.custom.scored import records_of, scores_of
from fumehood_tools.custom.sealed import check_sealed, is_pinned, pin, pin_of, pinned, sealed_sha256
from fumehood_tools.custom.table import custom_table
from fumehood_tools.custom.tries import count_tries
from fumehood_tools.custom.validating import validate_sandbox
from fumehood_tools.errors import BadRequest, IntegrityFailed
from fumehood_tools.glass import choose_level
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.proving.report import Report
from fumehood_tools.proving.request import ValidationRequest
from fumehood_tools.records.scores import Asked
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.sandbox.create import Sandbox, create_sandbox, open_sandbox
from fumehood_tools.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    return create_sandbox(settings, "steer", source="steering")


def context(settings: Settings) -> JobContext:
    folder = settings.workspace / "job"
    folder.mkdir(exist_ok=True)
    return JobContext("job", folder)


def read(settings: Settings) -> Report:
    return validate_sandbox(ValidationRequest(sandbox="steer", budget="read"), settings)


def faults(report: Report, number: str) -> str:
    [result] = (one for one in report.results if one.number == number)
    return report.told(result)


def test_reading_finds_no_fault_in_the_shipped_steering_sandbox(
    settings: Settings, box: Sandbox
) -> None:
    report = read(settings)
    assert not report.failed(), report.text()
    assert report.sealed == sealed_sha256(box) and report.sealed in faults(report, "3.1")
    assert "core/" not in report.text() and "trained" not in report.text()


def test_a_setting_that_is_left_out_is_named_with_its_default_as_the_file_has_it(
    settings: Settings, box: Sandbox
) -> None:
    manifest = box.folder / "sandbox.toml"
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(("seeds =", "glass ="))]
    manifest.write_text("".join(kept), encoding="utf-8")
    said = faults(read(settings), "1.3")
    assert "training.seeds is missing; the default is now [0]." in said, said
    assert 'limits.glass is missing; the default is now "rlimits".' in said, said


@pytest.mark.parametrize("path", ["evaluation/evaluate.py", "core_own/__init__.py"])
def test_changed_sealed_files_are_refused_once_they_are_pinned(
    settings: Settings, box: Sandbox, path: str
) -> None:
    assert check_sealed(settings.state, box) == (sealed_sha256(box), False)
    first = pin(settings.state, box)
    assert check_sealed(settings.state, box) == (first, True)
    with (box.folder / path).open("a", encoding="utf-8") as file:
        file.write("\n# mine\n")
    with pytest.raises(IntegrityFailed, match="not those that were pinned"):
        CustomRun(settings, "steer", context(settings))
    assert read(settings).failed() == ["3.1"]


def test_an_edited_pin_is_noticed(settings: Settings, box: Sandbox) -> None:
    pin(settings.state, box)
    [path] = (settings.state / "pins").iterdir()
    path.write_text(path.read_text("utf-8").replace(sealed_sha256(box), "0" * 64), "utf-8")
    with pytest.raises(IntegrityFailed, match="was edited"):
        pinned(settings.state, box)


def test_a_variant_that_imports_the_evaluation_is_named(settings: Settings, box: Sandbox) -> None:
    source = "from evaluation.evaluate import Steering\nclass CustomVectors: pass\n"
    (box.variants / "mine.py").write_text(source, encoding="utf-8")
    report = read(settings)
    assert report.failed() == ["2.2"] and "variants/mine.py:1" in faults(report, "2.2")


def test_a_check_names_the_line_and_says_what_it_could_not_run(
    settings: Settings, box: Sandbox
) -> None:
    level = choose_level("auto")
    source = '"""Mine."""\nimport core\n\n\nclass CustomVectors:\n    pass\n'
    (box.variants / "mine.py").write_text(source, encoding="utf-8")
    [fault] = check_custom(box, "mine", level).findings
    assert fault.severity == "error" and fault.line == 2 and "imports core" in fault.message
    report = check_custom(box, "whitened", level)
    assert report.ok and {one.rule for one in report.findings} <= {"not_run"}


def test_arrays_of_another_shape_or_type_are_refused() -> None:
    header = b'{"vectors":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}'
    content = len(header).to_bytes(8, "little") + header + bytes(24)
    check_arrays(content, {"vectors": [2, 3]}, "mine")
    for wanted in ({"vectors": [3, 2]}, {"other": [2, 3]}, {"vectors": [2, 3], "more": [1]}):
        with pytest.raises(IntegrityFailed, match="produced"):
            check_arrays(content, wanted, "mine")
    with pytest.raises(IntegrityFailed, match="no safetensors"):
        check_arrays(b"\x80\x04 a pickle", {"vectors": [2, 3]}, "mine")


@pytest.fixture
def scored(settings: Settings, box: Sandbox) -> Sandbox:
    """The sandbox with four seeds of three variants."""
    for seed in range(4):
        put_custom_score(settings, box, "mean_difference", seed, 0.8 + 0.01 * seed)
        put_custom_score(settings, box, "whitened", seed, 1.4 + 0.01 * seed + 0.001 * seed**2)
        put_custom_score(settings, box, "zero", seed, 0.0)
    return box


@pytest.mark.child
def test_variants_are_compared_by_seed_and_records_of_other_code_do_not_count(
    settings: Settings, scored: Sandbox
) -> None:
    found = compare_custom(settings, scored, None, "topk", QUALITY)
    verdicts = {row.variant: row.verdict for row in found.rows}
    assert verdicts == {
        "mean_difference": "the baseline",
        "whitened": "better",
        "zero": "worse",
    }
    assert found.metric == "effect" and found.tries == 1
    before = sealed_sha256(scored)
    assert f"own code, sha256 {before[:16]}" in found.text()
    assert found.as_comparison().warnings[1] == "no reviewer has pinned this code"
    with pytest.raises(BadRequest, match="principal has no score"):
        compare_custom(settings, scored, ["principal"], "mean_difference", QUALITY)
    (scored.folder / "inputs" / "contrast.json").write_text("{}", encoding="utf-8")
    assert not records_of(settings, scored)
    table = custom_table(settings, scored)
    assert not table.rows and [one.scores for one in table.other_settings] == [12]
    earlier = custom_table(settings, scored, setting=table.other_settings[0].setting)
    assert earlier.setting == f"sealed {before[:12]}" and len(earlier.rows) == 3


IN_A_FRESH_PROCESS = """
import sys
from fumehood_tools.custom.compare import compare_custom
from fumehood_tools.custom.comparison import CustomRow
from fumehood_tools.custom.plot import plot_custom
from fumehood_tools.custom.table import custom_table
from fumehood_tools.custom.tries import count_tries
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.wings.declared import register_kinds
from fumehood_tools.wings.table import SANDBOX
register_kinds([SANDBOX])
settings = Settings(workspace=sys.argv[1], cache=sys.argv[2])
box = open_sandbox(settings, "steer")
assert len(custom_table(settings, box).rows) == 3
assert len(compare_custom(settings, box, None, "topk", "effect").rows) == 3
assert plot_custom(settings, box).panels == 4
print(*(name for name in ("numpy", "scipy", "torch", "matplotlib") if name in sys.modules))
"""


@pytest.mark.child
def test_a_process_that_compares_and_plots_imports_no_numerics(
    settings: Settings, scored: Sandbox
) -> None:
    command = [sys.executable, "-c", IN_A_FRESH_PROCESS]
    folders = [str(settings.workspace), str(settings.cache)]
    done = subprocess.run([*command, *folders], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def tries(settings: Settings, box: Sandbox, baseline: str = "") -> int:
    return count_tries(settings, box, scores_of(settings, box), baseline)


def test_versions_of_a_file_are_apart_and_a_deleted_score_still_counts_as_a_try(
    settings: Settings, scored: Sandbox
) -> None:
    assert tries(settings, scored) == 2
    path = scored.variants / "whitened.py"
    path.write_text(path.read_text("utf-8") + "\n# another idea\n", encoding="utf-8")
    for seed in range(3):
        put_custom_score(settings, scored, "whitened", seed, 9.0)
    rows = {row.label: row for row in custom_table(settings, scored).rows}
    [old] = (row for row in rows.values() if row.stale)
    assert rows["whitened"].metrics["effect"][0] == 9.0 and old.metrics["effect"][0] < 1.5
    assert tries(settings, scored) == 3
    shutil.rmtree(scored.results / "whitened")
    assert tries(settings, scored) == 3 and len(custom_table(settings, scored).rows) == 2


@pytest.mark.child
def test_seeds_that_are_added_after_others_were_scored_are_a_look_and_cost_p(
    settings: Settings, box: Sandbox
) -> None:
    def run(seeds: list[int]) -> None:
        """Write the scores of one run, as one call for these seeds would."""
        asked = Asked(after=Shelf(settings.state).newest(box.results), seeds=seeds)
        for seed in seeds:
            ours = 0.8 + 0.02 * seed
            put_custom_score(settings, box, "mean_difference", seed, ours, asked)
            put_custom_score(settings, box, "whitened", seed, ours + 0.3 + 0.05 * seed**2, asked)

    def row() -> CustomRow:
        found = compare_custom(settings, box, ["whitened"], "mean_difference", QUALITY)
        return found.rows[1]

    run([0, 1, 2])
    first = row()
    assert first.p == first.p_alone and "look" not in first.reason
    run([3])
    second = row()
    assert second.p_alone is not None and second.p == pytest.approx(3 * second.p_alone)
    assert "this is look 2 at it: its p is multiplied by 3" in second.reason
    run([4, 5])
    third = row()
    assert third.p_alone is not None and third.p == pytest.approx(min(1, 6 * third.p_alone))


def test_every_value_of_a_constant_and_every_sandbox_is_a_try(
    settings: Settings, box: Sandbox
) -> None:
    path = box.variants / "mine.py"
    source = (box.variants / "whitened.py").read_text("utf-8")
    for value in (1, 2, 3):
        path.write_text(f"{source}\nSHRINK = {value}\n", encoding="utf-8")
        put_custom_score(settings, box, "mine", 0, 1.0)
    assert tries(settings, box) == 3
    fork = create_sandbox(settings, "fork", source="steer")
    put_custom_score(settings, fork, "whitened", 0, 1.0)
    assert tries(settings, box) == 4 and tries(settings, fork) == 4
    shutil.rmtree(fork.folder)
    assert tries(settings, box) == 4, "a sandbox that was deleted still counts"
    put_custom_score(settings, box, "zero", 0, 0.0)
    assert tries(settings, box) == 4, "a control is no try"


@pytest.mark.child
def test_the_same_arrays_under_another_name_are_identical_and_a_small_difference_is_equal(
    settings: Settings, box: Sandbox
) -> None:
    source = (box.variants / "mean_difference.py").read_bytes()
    (box.variants / "renamed.py").write_bytes(source)
    (box.variants / "near.py").write_bytes(source + b"\n# near\n")
    for seed in range(4):
        for name, more in (("mean_difference", 0.0), ("renamed", 0.0), ("near", 0.002 * seed)):
            put_custom_score(settings, box, name, seed, 0.8 + 0.1 * seed + more)
    found = compare_custom(settings, box, None, "mean_difference", QUALITY)
    verdicts = {row.variant: row.verdict for row in found.rows}
    assert verdicts["renamed"] == "identical" and verdicts["near"] == "equal"


def test_a_comparison_without_scores_says_what_to_run(settings: Settings, box: Sandbox) -> None:
    with pytest.raises(BadRequest, match=r"no score in steer yet.*'whitened', 'zero'"):
        compare_custom(settings, box, None, "topk", QUALITY)


def test_a_validation_accepts_plots_and_pages_among_the_results(
    settings: Settings, box: Sandbox
) -> None:
    drawn = box.results / "plots" / "benchmarks.png"
    drawn.parent.mkdir()
    drawn.write_bytes(b"a picture")
    assert not read(settings).failed()
    drawn.with_name("score.json").write_text("{}", encoding="utf-8")
    assert read(settings).failed() == ["3.3"]


@pytest.mark.slow
def test_the_steering_sandbox_meets_the_standard_and_tells_vectors_apart(
    settings: Settings, box: Sandbox
) -> None:
    request = ValidationRequest(sandbox="steer", budget="quick")
    report = validate_sandbox(request, settings, context(settings))
    assert report.passes, report.text()
    assert pinned(settings.state, box) == report.sealed
    names = ["mean_difference", "random_direction", "zero"]
    done = CustomRun(settings, "steer", context(settings)).run(names, [0, 1, 2])
    assert done["scored"] == 9 and done["pinned"] and not done["failed"]
    again = CustomRun(settings, "steer", context(settings)).run(names, [0, 1, 2])
    assert again["reused"] == 9 and not again["scored"]
    found = compare_custom(settings, box, None, "mean_difference", QUALITY)
    means = {row.variant: row.value for row in found.rows}
    assert means["zero"] == 0.0 and means["mean_difference"] > 3 * means["random_direction"]


def accepted(settings: Settings, box: Sandbox, typed: str = "") -> tuple[bool, str]:
    """Accept what changed; return whether it is pinned, and what was shown. typed: by default what
    is asked for."""
    said: list[str] = []

    def ask(question: str) -> str:
        return (typed or question.partition("Type ")[2].partition(" ")[0]) + "\n"

    return accept(settings, box, ask, said.append), "\n".join(said)


def test_a_person_accepts_a_change_of_sealed_files_and_scores_from_before_stay_apart(
    settings: Settings, scored: Sandbox
) -> None:
    before = pin(settings.state, scored)
    done, shown = accepted(settings, scored, "nothing is asked")
    assert done and "are those that were pinned" in shown
    with (scored.folder / "evaluation" / "evaluate.py").open("a", encoding="utf-8") as file:
        file.write("# mine\n")
    (scored.folder / "evaluation" / "words.txt").write_text("sea\n", encoding="utf-8")
    change_setting(scored.folder, "subject", "layer", 11)
    changed = open_sandbox(settings, "steer")
    done, shown = accepted(settings, changed, "yes")
    assert not done and pinned(settings.state, changed) == before
    assert "changed: evaluation/evaluate.py: 7,273 bytes, sha256" in shown
    assert "-> 7,280 bytes" in shown and "new: evaluation/words.txt: none -> 4 bytes" in shown
    assert "subject.layer: 10 -> 11" in shown and "held_out.json" not in shown
    assert "12 scores are by other sealed files" in shown
    done, shown = accepted(settings, changed)
    assert done and check_sealed(settings.state, changed) == (sealed_sha256(changed), True)
    held = pin_of(settings.state, changed)
    assert held is not None and held.before == [before]
    assert is_pinned(settings.state, changed, before) and not is_pinned(
        settings.state, changed, "0" * 64
    )
    table = custom_table(settings, changed)
    assert not table.rows and [one.scores for one in table.other_settings] == [12]
