"""Values to try for a variant's constants, reconstructed from receipts at every call."""

import ast
from typing import Any

import pytest

from fumehood_tools.compare.report import Effect, Level
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.records.scores import Score
from fumehood_tools.studies.suggesting.past_trials import TunedFile, checked, measured
from fumehood_tools.studies.suggesting.ranges import range_of
from fumehood_tools.studies.suggesting.sampling import PastTrial

PROVENANCE: dict[str, Any] = {
    "variant_sha256": "v",
    "weights_sha256": "w",
    "weights_bytes": 1,
    "settings_digest": "s",
    "template_sha256": "t",
    "evaluator_sha256": "e",
}
SCORE: dict[str, Any] = {
    "variant": "mine",
    "seed": 0,
    "run": "r",
    "subject": "synthetic",
    "layer": 0,
    "site": "resid_post",
    "dict_size": 64,
    "data": {"digest": "d", "train_tokens": 1, "eval_tokens": 1},
    "metrics": {"l0": 8.0, "explained_variance": 0.5, "mse": 1.0, "alive": 1.0},
    "spec": {},
    "glass": "rlimits",
    "cost": {"train_seconds": 1.0, "score_seconds": 1.0},
    "started": "",
    "finished": "",
}
CONSTANTS = 'K = 32\nKNOB = "K"\nLR = 0.01\nDEPTH = 2\nMODE = "relu"\nTIED = False'


def test_a_variant_without_constants_is_told_how_to_get_one(bench: Any) -> None:
    bench.file("plain")
    with pytest.raises(BadRequest, match="LR = 0.001"):
        bench.rows("parameters", variant="plain", sandbox="box")
    bench.file("knob", 'K = 32\nKNOB = "K"')
    with pytest.raises(BadRequest, match="but its knob K"):
        bench.rows("parameters", variant="knob", sandbox="box")
    bench.file("word", 'MODE = "relu"')
    with pytest.raises(BadRequest, match="has no range"):
        bench.rows("parameters", variant="word", sandbox="box")


def test_no_sandbox_no_variant_and_a_file_that_is_gone_are_named(bench: Any) -> None:
    with pytest.raises(BadRequest, match="create_sandbox"):
        bench.rows("parameters", variant="mine")
    bench.box()
    with pytest.raises(UnknownName, match="'mine'"):
        bench.rows("parameters", variant="mine")
    with pytest.raises(BadRequest, match="needs a variant"):
        bench.rows("parameters")


@pytest.mark.child
def test_values_are_proposed_as_calls_at_the_l0s_of_the_variant(bench: Any) -> None:
    bench.file("mine", CONSTANTS)
    for seed in (0, 1, 2):
        bench.score("topk", seed, 0.70)
        for step, lr in enumerate((0.001, 0.003, 0.03)):
            bench.score("mine", seed, 0.70 + 0.01 * step, parameters={"LR": lr})
    bench.failure("mine", parameters={"LR": 3.0}, message="It diverged.")
    bench.failure("mine", parameters={"DEPTH": 9}, limit="memory", message="It was too large.")
    found = bench.ask("parameters", variant="mine")
    assert len(found.suggestions) == 4
    for row in found.suggestions:
        call = ast.parse(row.call, mode="eval").body
        assert isinstance(call, ast.Call)
        given = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
        assert given["l0_targets"] == [32.0]
        assert {one["name"] for one in given["grid"]} <= {"LR", "DEPTH", "TIED"}
        assert row.minutes and row.minutes > 0
    notes = " ".join(found.notes)
    assert "LR: 0.00025 to 12" in notes
    assert "DEPTH: 1 to 36" in notes
    assert "3 compared at equal L0" in notes
    assert "1 failed, 0 running, 1 that say nothing" in notes
    assert "p values" in notes


@pytest.mark.child
def test_a_try_that_was_cut_short_is_proposed_again_first(bench: Any) -> None:
    bench.file("mine", "LR = 0.01")
    plan = bench.plan("mine", grid={"LR": [0.02, 0.04]})
    rows = bench.rows("parameters", variant="mine")
    assert "cut short" not in rows[0].why  # never started
    bench.experiment(plan, "job-of-a-killed-server")
    bench.score("mine", parameters={"LR": 0.02})
    [row] = bench.rows("parameters", variant="mine")
    assert row.what.startswith("mine with LR=0.04 or ")
    assert "cut short" in row.why
    assert row.call.startswith("run_variants(sandbox='box', variants=['mine'], grid=[{'name': 'LR'")


@pytest.mark.child
def test_scores_of_an_earlier_version_of_the_file_do_not_count(bench: Any) -> None:
    bench.file("mine", "LR = 0.01")
    bench.score("mine", parameters={"LR": 0.5})
    bench.file("mine", "LR = 0.01", about="Edited.")
    notes = " ".join(bench.ask("parameters", variant="mine").notes)
    assert "LR: 0.0025 to 0.04" in notes
    assert "1 scores of mine are of another version" in notes


def test_a_value_that_no_range_has_is_not_proposed_again() -> None:
    known = range_of("LR", 0.01, [])
    assert known is not None
    trials = [PastTrial(values={"LR": value}, state="FAIL") for value in (0.02, "fast", 5.0)]
    fitting, notes = checked(trials, [known])
    assert fitting == [{"LR": 0.02}]
    assert len(notes) == 2
    assert "LR='fast'" in notes[0]


def test_levels_and_seeds_are_averaged_and_lower_can_be_better() -> None:
    file = TunedFile("mine", "f" * 64, "K", {"LR": 0.01})
    score = Score.model_validate({**SCORE, "provenance": PROVENANCE, "file_sha256": file.sha256})
    scores = [score.model_copy(update={"parameters": {"LR": 0.1, "K": k}}) for k in (8, 16, 32)]
    levels = {
        f"mine(K={k}, LR=0.1)": Level(
            label="", l0=k, tested=True, effect=Effect(mean=mean, low=None, high=None, seeds=seeds)
        )
        for k, mean, seeds in ((8, 0.3, 1), (16, 0.1, 3))
    }
    for sign in (1, -1):
        [trial] = measured(file, scores, levels, {}, sign)
        assert trial.values == {"LR": 0.1}
        assert (trial.state, trial.objective) == ("COMPLETE", pytest.approx(sign * 0.15))
    [trial] = measured(file, scores, {}, {}, 1)
    assert (trial.state, trial.objective) == ("FAIL", None)
