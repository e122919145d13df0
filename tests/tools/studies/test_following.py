"""The call that a study names next, at every point of its way."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from fakes.studies_bench import Bench, planned

from fumehood_tools.errors import BadRequest
from fumehood_tools.pods.wanted import HERE, PodsWanted, RunPlace, SkyWanted
from fumehood_tools.studies.entries import (
    COMPARISON_FILE,
    Budget,
    Claim,
    Conclusion,
    Content,
    Experiment,
    HoldoutAnswer,
    Plan,
    Reflection,
    ReportWritten,
    Verdict,
)
from fumehood_tools.studies.notebook import append
from fumehood_tools.studies.spending import Spent, capped, check_budget, spent_in_words
from fumehood_tools.studies.view import page_of

WHEN = "2026-11-30T00:00:00+00:00"


class Way:
    """A study on its way: plan 2 was run, and entries follow."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.plan = bench.entered(planned(bench, [0, 1, 2])).number

    @property
    def next(self) -> str:
        return page_of(self.bench.study).next

    def enter(self, content: Content, files: Mapping[str, bytes] | None = None) -> int:
        return append(self.bench.settings.workspace, "study", content, files).number

    def run(self) -> None:
        job = Experiment(plan=self.plan, job_id="j", saes=6, minutes=1, written=WHEN)
        self.enter(job)

    def judged(self, verdict: Verdict, seeds_needed: int | None = None, **more: Any) -> int:
        conclusion = Conclusion(
            plan=self.plan,
            registered=True,
            claims=[_claim(verdict)],
            look=1,
            tries=1,
            minutes=1.0,
            written=WHEN,
            **more,
        )
        row = {"variant": "mine", "seeds_needed": seeds_needed}
        return self.enter(conclusion, {COMPARISON_FILE: json.dumps({"rows": [row]}).encode()})

    def reflected(self) -> None:
        said = {"insight": "So it is.", "next_step": "Go on.", "evidence": [], "written": WHEN}
        self.enter(Reflection.model_validate(said))

    def tested(self, test: str, verdict: Verdict | None, **more: Any) -> None:
        content = {
            "plan": self.plan,
            "test": test,
            "where": "elsewhere",
            "question": int(test == "holdout"),
            "claims": [_claim(verdict)] if verdict else [],
            "asked": verdict is None,
            "digest": f"weights {test}",
            "written": WHEN,
            **more,
        }
        self.enter(HoldoutAnswer.model_validate(content))


def _claim(verdict: Verdict) -> Claim:
    numbers = dict.fromkeys(("effect", "low", "high", "p", "p_adjusted"))
    said = {"variant": "mine", "verdict": verdict, "reason": "so", "compared": "undecided"}
    return Claim.model_validate({**said, **numbers, "seeds": [0, 1, 2], "receipts": []})


@pytest.fixture
def way(bench: Bench) -> Way:
    return Way(bench)


def test_a_plan_is_run_then_judged_then_reflected_on(way: Way) -> None:
    assert way.next == "run_variants(study='study', plan=2)"
    way.run()
    assert way.next == "judge_experiment(study='study', plan=2)"
    entry = way.judged("refuted")
    assert way.next == f"record_reflection(study='study', …) about entry {entry}"
    way.reflected()
    assert way.next == "plan_experiment(study='study', …)"


def test_an_inconclusive_plan_is_not_judged_again_but_followed_by_one_with_more_seeds(
    way: Way,
) -> None:
    way.run()
    entry = way.judged("inconclusive", seeds_needed=13)
    assert way.next.startswith(f"record_reflection(study='study', …) about entry {entry}, then ")
    way.reflected()
    assert way.next.startswith("plan_experiment(study='study', sandbox='box', variants=['mine']")
    assert "about 13 fresh seeds" in way.next and "one more try" in way.next
    assert page_of(way.bench.study).open_plans == []


def test_seeds_that_would_not_decide_are_not_advised(way: Way) -> None:
    way.run()
    way.judged("inconclusive", seeds_needed=None)
    way.reflected()
    assert "another idea: more seeds would not decide plan 2" in way.next


def test_a_plan_whose_scores_are_missing_is_run_again_unless_that_fails_again(way: Way) -> None:
    way.run()
    way.judged("inconclusive", lacking={"mine": "seed 2 without a score"}, to_run=True)
    assert way.next == "run_variants(study='study', plan=2), then " + (
        "judge_experiment(study='study', plan=2)"
    )
    way.run()
    assert way.next == "judge_experiment(study='study', plan=2)"
    way.judged("inconclusive", lacking={"mine": "seed 2 failed"})
    assert way.next.startswith("record_reflection") and "run_variants" not in way.next


def test_a_plan_that_waits_for_a_run_of_its_baseline_names_that_run(way: Way) -> None:
    way.run()
    way.judged("inconclusive", advice="run_variants(sandbox='box', training={'lr': 0.004})")
    assert way.next.startswith("run_variants(sandbox='box', training={'lr': 0.004}), which is no")


def test_a_win_is_tested_on_the_holdout_then_elsewhere_then_reported(way: Way) -> None:
    way.run()
    way.judged("supported")
    assert way.next.endswith(", then ask_holdout(study='study', plan=2)")
    way.reflected()
    assert way.next == "ask_holdout(study='study', plan=2)"
    way.tested("holdout", None)
    assert way.next == "ask_holdout(study='study', plan=2)", "the same question, at no cost"
    way.tested("holdout", "supported")
    way.reflected()
    assert way.next == "promote_variant(study='study', plan=2, variant='mine')"
    way.tested("layer", "supported")
    way.reflected()
    assert way.next == "write_report(study='study', …)"
    written = {"title": "It", "references": {}, "receipts": {}, "ledger_head": "", "written": WHEN}
    way.enter(ReportWritten.model_validate({**written, "ledger_lines": 1}))
    assert way.next == "plan_experiment(study='study', …)"


def test_what_is_lost_on_the_holdout_is_not_promoted(way: Way) -> None:
    way.run()
    way.judged("supported")
    way.tested("holdout", "refuted")
    way.reflected()
    assert way.next == "write_report(study='study', …)"


def test_tests_of_verdicts_are_spent_from_the_moment_when_they_are_asked_for(way: Way) -> None:
    way.tested("holdout", None, minutes=3.0)
    way.tested("layer", None, minutes=4.0, saes=6)
    assert spent_in_words(way.bench.lab, way.bench.study) == "Spent: 6 SAEs, 7.0 minutes."
    way.tested("holdout", "supported", minutes=2.0)
    assert "6 SAEs, 6.0 minutes" in spent_in_words(way.bench.lab, way.bench.study)


def test_a_run_is_refused_if_tests_of_verdicts_have_taken_its_budget(bench: Bench) -> None:
    tight = Bench(bench.settings.workspace.parent / "tight", Budget(saes=12, minutes=10))
    way = Way(tight)
    check_budget(tight.lab, tight.study, None, Budget(), Spent(12, 10.0))
    way.tested("layer", None, minutes=4.0, saes=6)
    with pytest.raises(BadRequest, match=r"is 12 SAEs: 6 are spent, 6 are left"):
        check_budget(tight.lab, tight.study, None, Budget(), Spent(7, 0.0))
    with pytest.raises(BadRequest, match=r"is 10 minutes: 4 are spent"):
        check_budget(tight.lab, tight.study, None, Budget(), Spent(0, 7.0))


def test_the_budget_of_a_study_caps_all_its_pods_and_that_of_a_plan_those_of_its_run(
    bench: Bench,
) -> None:
    tight = Bench(bench.settings.workspace.parent / "dollars", Budget(usd=4))
    [(_, plan)] = Way(tight).bench.study.only(Plan)
    wanted = PodsWanted(gpus=("NVIDIA A40",), max_cost_usd=10)
    place = RunPlace(target="runpod", pods=wanted)
    pods = capped(place, tight.study, plan.model_copy(update={"budget": Budget(usd=3)})).pods
    assert pods and (pods.study, pods.study_usd, pods.max_cost_usd) == (tight.study.name, 4, 3)
    assert capped(HERE, tight.study, plan) == HERE
    sky = RunPlace(target="skypilot", sky=SkyWanted(bucket="s3://mine"))
    with pytest.raises(BadRequest, match=r"budget of \$4.00, and SkyPilot does not tell"):
        capped(sky, tight.study, plan)
    assert capped(sky, bench.study, plan) == sky


def test_what_has_no_known_price_is_told_and_not_free() -> None:
    spent = Spent(2, 1.0, 0.5).plus(Spent(1, 1.0, unpriced=1))
    assert spent.text() == "3 SAEs, 2.0 minutes, $0.50, and an unknown price for 1"
