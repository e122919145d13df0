"""Runs of a custom sandbox that get no score: recorded, shown, counted, and replaced by a score."""

import shutil
from pathlib import Path

import pytest
from fakes.custom_scores import put_custom_failure, put_custom_score
from safetensors.torch import save_file
from torch import zeros

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.compare.tries import count_tries as tries_of_saes
from fumehood_tools.custom.children import CustomChildren
from fumehood_tools.custom.compare import compare_custom
from fumehood_tools.custom.page import custom_page
from fumehood_tools.custom.plot import seen_of
from fumehood_tools.custom.run import CustomRun
from fumehood_tools.custom.scored import scores_of
from fumehood_tools.custom.sealed import custom_of
from fumehood_tools.custom.table import custom_table, table_text
from fumehood_tools.custom.tries import count_tries
from fumehood_tools.errors import BadRequest, RunFailed
from fumehood_tools.glass import choose_level, scratch_folder
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.receipts.audit import audit
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings

CONCEPTS = ("food", "sea", "sadness")
CONSTANT = '''"""Ones."""

import torch
from core_own import BaseVectors


class CustomVectors(BaseVectors):
    def vector(self, with_ND, without_ND):
        return torch.ones(with_ND.shape[1])
'''


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    made = create_sandbox(settings, "steer", source="steering")
    source = (made.variants / "whitened.py").read_text("utf-8")
    (made.variants / "mine.py").write_text(f"{source}# mine\n", encoding="utf-8")
    return made


def tries(settings: Settings, box: Sandbox) -> int:
    return count_tries(settings, box, scores_of(settings, box), "")


def test_a_failed_run_is_in_the_table_and_on_the_page_until_a_later_one_has_a_score(
    settings: Settings, box: Sandbox
) -> None:
    put_custom_failure(settings, box, "mine", 0, "mine.py:9: singular")
    put_custom_failure(settings, box, "mine", 1, "mine.py:9: singular")
    put_custom_score(settings, box, "mine", 2, 0.8)
    table = custom_table(settings, box)
    assert [(row.label, row.seed, row.stage) for row in table.failures] == [
        ("mine", 0, "produce"),
        ("mine", 1, "produce"),
    ]
    assert "- mine seed 0, in produce (variant_rejected): mine.py:9: singular" in table_text(table)
    assert not custom_table(settings, box, variants=["whitened"]).failures
    put_custom_failure(settings, box, "principal", 0, "principal.py:3: no")
    with pytest.raises(BadRequest, match=r"failed in produce with seed 0 \(principal.py:3: no\)"):
        compare_custom(settings, box, ["principal"], "mine", "effect")
    put_custom_score(settings, box, "principal", 0, 0.8)
    warnings = custom_page(settings, box, seen_of(settings, box))["warnings"]
    assert "failed: mine seed 1: mine.py:9: singular" in warnings
    put_custom_score(settings, box, "mine", 0, 0.8)
    assert [row.seed for row in custom_table(settings, box).failures] == [1]
    (box.variants / "mine.py").write_text("# other\n", encoding="utf-8")
    [row] = custom_table(settings, box).failures
    assert row.stale and audit(settings.workspace)[0].is_sound


def test_a_file_that_only_failed_is_a_try_here_and_none_among_saes(
    settings: Settings, box: Sandbox
) -> None:
    put_custom_score(settings, box, "whitened", 0, 0.8)
    assert tries(settings, box) == 1
    for seed in range(3):
        put_custom_failure(settings, box, "mine", seed)
    put_custom_failure(settings, box, "zero", 0)
    assert tries(settings, box) == 2, "seeds and controls are no tries"
    put_custom_score(settings, box, "mine", 1, 0.8)
    assert tries(settings, box) == 2, "the same file was scored, too"
    for folder in box.results.glob("mine/seed[02]-*"):
        shutil.rmtree(folder)
    assert tries(settings, box) == 2, "a failure that was deleted is of a file that has a score"
    shutil.rmtree(box.folder)
    assert tries(settings, create_sandbox(settings, "other", source="steering")) == 2
    assert tries_of_saes(settings.sandboxes, Shelf(settings.state), None) == 0


def test_a_deleted_failure_of_a_file_without_a_score_still_counts(
    settings: Settings, box: Sandbox
) -> None:
    put_custom_score(settings, box, "whitened", 0, 0.8)
    put_custom_failure(settings, box, "mine", 0)
    shutil.rmtree(box.results / "mine")
    assert tries(settings, box) == 2 and not custom_table(settings, box).failures


@pytest.mark.slow
@pytest.mark.child
def test_a_run_records_what_failed_where_and_why_and_the_others_are_scored(
    settings: Settings, box: Sandbox
) -> None:
    own = box.variants / "mine.py"
    own.write_text(own.read_text("utf-8").replace("difference_D =", "x = 1 / 0 #"), "utf-8")
    folder = settings.workspace / "job"
    folder.mkdir()
    run = CustomRun(settings, "steer", JobContext("job", folder))
    done = run.run(["mine", "zero"], [0])
    assert done["scored"] == 1 and "division by zero" in done["failed"]["mine seed 0"]
    [failure] = scores_of(settings, box).unresolved()
    assert (failure.stage, failure.code) == ("produce", "variant_rejected")
    assert "division by zero" in failure.message and failure.started <= failure.finished
    assert str(settings.workspace) not in failure.message
    assert audit(settings.workspace)[0].is_sound
    with pytest.raises(RunFailed, match="division by zero"):
        CustomRun(settings, "steer", JobContext("job", folder)).run(["mine"], [0])


@pytest.mark.slow
@pytest.mark.child
def test_an_evaluation_that_cannot_measure_arrays_is_told_from_one_that_is_broken(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    (box.variants / "mine.py").write_text(CONSTANT, encoding="utf-8")
    inputs = tmp_path / "inputs.safetensors"
    save_file({f"{name}{sign}": zeros(4, 576) for name in CONCEPTS for sign in "+-"}, inputs)
    evaluate = box.folder / "evaluation" / "evaluate.py"
    for raised, check, words in (
        ("NotMeasured", "not_measured", "not_measured: no length. Change what the variant"),
        ("KeyError", None, "evaluate.py:3: KeyError: 'no length'. Mend it"),
    ):
        body = "class NotMeasured(Exception): ...\ndef evaluate(produced, context):\n"
        evaluate.write_text(f"{body}    raise {raised}('no length')\n", encoding="utf-8")
        with (
            scratch_folder(tmp_path, "scratch-") as scratch,
            CustomChildren(box, custom_of(box), inputs, choose_level("auto"), scratch) as children,
            pytest.raises(RunFailed) as refused,
        ):
            children.measure("mine", CONSTANT.encode(), 0)
        assert words in str(refused.value) and refused.value.check == check
