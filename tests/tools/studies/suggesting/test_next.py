"""The next experiment is the one that is expected to change most verdicts per minute."""

import shutil
from typing import Any

import pytest

from fumehood_tools.studies.entries import HoldoutAnswer
from fumehood_tools.studies.notebook import append


def whats(rows: Any) -> list[str]:
    """Return what is suggested."""
    return [row.what for row in rows]


def test_a_study_without_a_plan_is_told_to_begin_with_one(bench: Any) -> None:
    [row] = bench.rows("next")
    assert row.what == "a first plan"
    assert "hints" in row.call


def test_a_plan_that_ran_is_judged_first_because_it_costs_nothing(bench: Any) -> None:
    bench.file("mine")
    bench.plan("mine")
    bench.experiment(bench.plan("mine"))
    rows = bench.rows("next")
    assert rows[0].what.startswith("judge plan 3")
    assert (rows[0].minutes, rows[0].call) == (0.0, "judge_experiment(study='threshold', plan=3)")
    assert any(what.startswith("run plan 2") for what in whats(rows))


def test_rows_are_in_order_of_expected_verdicts_per_minute(bench: Any, claims: Any) -> None:
    bench.file("mine")
    bench.concluded(
        bench.plan("mine", "topk"),
        claims("mine", "inconclusive", 0.02, 0.02),
        claims("topk", "supported", 0.05, 0.01),
        missing_controls=["no blank was run"],
    )
    values = [row.value for row in bench.rows("next") if row.value is not None]
    assert values == sorted(values, reverse=True)
    assert len(values) >= 4


def test_an_undecided_variant_gets_as_many_fresh_seeds_as_the_comparison_computed(
    bench: Any, claims: Any
) -> None:
    bench.file("mine")
    bench.score("topk", 9)
    plan = bench.plan("mine")
    bench.concluded(plan, claims("mine", "inconclusive"), needed={"mine": 7})
    row = next(row for row in bench.rows("next") if "fresh seeds" in row.what)
    assert row.what == "7 fresh seeds for mine"
    assert "compare_variants" in row.why
    assert "variants=['mine'], baseline='topk'" in row.call
    assert "seeds=7" in row.call
    assert row.minutes is not None and row.minutes > 0


def test_an_objection_that_seeds_do_not_answer_is_answered_by_the_call_of_the_comparison(
    bench: Any, claims: Any
) -> None:
    bench.file("mine")
    reason = "topk may be badly trained"
    undecided = claims("mine", "inconclusive", 0.05, 0.01, reason=reason)
    bench.concluded(bench.plan("mine"), undecided, needed={"mine": None})
    rows = bench.rows("next")
    assert not any("fresh seeds" in what for what in whats(rows))
    row = next(row for row in rows if row.what.startswith("what decides mine"))
    assert reason in row.why
    assert row.call == "compare_variants(sandbox='box')"
    tune = "run_variants(sandbox='box', variants=['topk'], training={'lr': 0.004})"
    more = f"{tune}, then run_variants(sandbox='box', variants=['other'])"
    bench.concluded(2, undecided, needed={"mine": None}, advice=more)
    row = next(row for row in bench.rows("next") if row.what.startswith("what decides mine"))
    assert row.call == tune


def test_a_variant_that_was_followed_up_is_not_suggested_again(bench: Any, claims: Any) -> None:
    bench.file("mine")
    plan = bench.plan("mine")
    bench.concluded(plan, claims("mine", "inconclusive"))
    bench.plan("mine", follows=plan, seeds=list(range(8)))
    assert not any("fresh seeds" in what for what in whats(bench.rows("next")))


def test_a_variant_that_could_not_be_compared_gets_what_is_missing(bench: Any, claims: Any) -> None:
    bench.file("mine", 'K = 32\nKNOB = "K"')
    reason = "topk does not cover its L0"
    bench.concluded(
        bench.plan("mine", l0_targets=[8, 16]), claims("mine", "inconclusive", None, reason=reason)
    )
    row = next(row for row in bench.rows("next") if "compare mine with topk" in row.what)
    assert reason in row.why
    assert row.call == "run_variants(study='threshold', plan=2)"


def test_a_variant_whose_planned_runs_all_failed_is_mended_and_not_run_again(
    bench: Any, claims: Any
) -> None:
    bench.file("mine")
    for seed in range(3):
        bench.score("topk", seed)
        bench.failure("mine", seed)
    bench.concluded(bench.plan("mine"), claims("mine", "inconclusive", None))
    [row] = (row for row in bench.rows("next") if "mine" in row.what and "layer" not in row.what)
    assert row.what == "mend mine, which fails as it is now" and row.minutes == 0.0
    assert row.call == "check_variant(sandbox='box', variant='mine')"


def test_planned_runs_that_a_limit_ended_or_that_never_ran_are_suggested_again(
    bench: Any, claims: Any
) -> None:
    bench.file("mine", "K = 32")
    for seed in range(3):
        bench.score("topk", seed)
        bench.failure("mine", seed, {"K": 8}, limit="wall_seconds" if seed else None)
    bench.concluded(bench.plan("mine"), claims("mine", "inconclusive", None))
    grid = {"grid": {"K": [8, 16]}}
    bench.concluded(bench.plan("mine", **grid), claims("mine", "inconclusive", None))
    rows = [row for row in bench.rows("next") if "mine" in row.what]
    assert {row.call for row in rows if "missing to compare" in row.what} == {
        "run_variants(study='threshold', plan=2)",
        "run_variants(study='threshold', plan=4)",
    }
    assert not [row for row in rows if row.what.startswith("mend")]


def test_a_supported_claim_is_tested_on_holdout_and_layer_until_it_was(
    bench: Any, claims: Any
) -> None:
    bench.file("mine")
    plan = bench.plan("mine")
    good = claims("mine", "supported", 0.05, 0.01)
    bench.concluded(plan, good)
    found = " ".join(whats(bench.rows("next")))
    assert f"ask the sealed holdout about plan {plan}" in found
    assert "test mine on a layer it never saw" in found
    assert "control" not in found
    for test in ("holdout", "layer"):
        answer = HoldoutAnswer(
            plan=plan, test=test, where="there", question=1, claims=[good], written="x"
        )
        append(bench.workspace, "threshold", answer)
    found = " ".join(whats(bench.rows("next")))
    assert "holdout" not in found
    assert "layer" not in found


def test_a_control_is_suggested_only_for_a_claim_that_rests_on_it(bench: Any, claims: Any) -> None:
    bench.file("mine")
    missing = {"missing_controls": ["no spike"]}
    bench.concluded(bench.plan("mine"), claims("mine", "refuted", -0.05, 0.01), **missing)
    assert not any("controls" in what for what in whats(bench.rows("next")))
    bench.concluded(bench.plan("mine"), claims("mine", "supported", 0.05, 0.01), **missing)
    row = next(row for row in bench.rows("next") if "controls" in row.what)
    assert "controls=True" in row.call


def test_what_exceeds_the_budget_is_named_and_not_offered(bench: Any) -> None:
    bench.study("small", saes=7)
    bench.file("mine")
    bench.experiment(bench.plan("mine", study="small"), study="small")
    for variant in ("mine", "topk"):
        bench.score(variant)
    bench.plan("mine", study="small", seeds=[3, 4, 5])
    found = bench.ask("next", study="small")
    assert not any(what.startswith("run plan") for what in whats(found.suggestions))
    assert "exceed what is left (5 SAEs)" in found.notes[0]


def test_seeds_are_cut_to_what_the_budget_allows(bench: Any, claims: Any) -> None:
    bench.study("small", saes=12)
    bench.file("mine")
    plan = bench.plan("mine", study="small")
    bench.concluded(plan, claims("mine", "inconclusive"), study="small", needed={"mine": 40})
    row = next(row for row in bench.rows("next", study="small") if "fresh seeds" in row.what)
    assert "as many as the budget allows" in row.why
    assert row.what in ("3 fresh seeds for mine", "5 fresh seeds for mine")


def test_a_sandbox_or_file_that_is_gone_is_named_and_the_rest_is_answered(bench: Any) -> None:
    bench.file("mine")
    bench.plan("mine")
    bench.plan("gone")
    found = bench.ask("next")
    assert any(what.startswith("run plan 2") for what in whats(found.suggestions))
    assert any("Plan 3 is left out" in note and "gone" in note for note in found.notes)
    shutil.rmtree(bench.settings.sandboxes / "box")
    assert "Plan 2 is left out" in bench.ask("next").notes[0]


def test_noise_that_was_not_measured_gives_no_figure(bench: Any) -> None:
    bench.file("mine")
    bench.plan("mine", power={"basis": "not measured"})
    row = next(row for row in bench.rows("next") if row.what.startswith("run plan"))
    assert row.value is None
    assert "not known yet" in row.why


@pytest.mark.parametrize("half", [0.0, 1e-12])
def test_a_claim_without_spread_is_no_crash(bench: Any, claims: Any, half: float) -> None:
    bench.file("mine")
    plan = bench.plan("mine", power={"noise": 0.0, "basis": "all seeds are equal"})
    bench.concluded(plan, claims("mine", "inconclusive", 0.0, half))
    assert bench.rows("next")
