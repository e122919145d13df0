"""Conclusions: what makes one registered or exploratory, and what is missing."""

import json
import shutil
from itertools import product

import pytest
from fakes.studies_bench import Bench, planned

from fumehood_tools.compare.report import Compared, Effect, Word
from fumehood_tools.errors import BadRequest
from fumehood_tools.studies.claims import Aim, claim_of
from fumehood_tools.studies.entries import Conclusion, Direction, Plan
from fumehood_tools.studies.exploring import judge_scores
from fumehood_tools.studies.following import after_conclusion
from fumehood_tools.studies.judging import judge_plan
from fumehood_tools.studies.running import plan_of
from fumehood_tools.studies.told import text_of
from fumehood_tools.studies.view import page_of


@pytest.mark.slow
@pytest.mark.child
def test_a_plan_is_registered_run_and_judged_and_the_next_one_follows_it(bench: Bench) -> None:
    found = bench.plan(variants=["mine", "twin", "other"])
    document = bench.settings.workspace / found.entry.place / "prereg.md"
    for heading in ("Hypothesis", "Stopping rule", "Analysis plan", "Inference criteria"):
        assert f"## {heading}" in document.read_text("utf-8")
    assert "prereg.md" in json.loads((document.parent / "plan.json").read_text("utf-8"))["files"]

    bench.score(found.plan.seeds, {"mine": 0.03, "twin": 0.0, "other": -0.03})
    entry, conclusion = judge_plan(bench.lab, "study", found.entry.number)
    verdicts = {claim.variant: claim.verdict for claim in conclusion.claims}
    assert verdicts == {"mine": "supported", "twin": "inert", "other": "refuted"}
    assert conclusion.registered and conclusion.look == 1
    mine = conclusion.claims[0]
    assert mine.seeds == found.plan.seeds and len(mine.receipts) == 6
    assert mine.effect == pytest.approx(0.03, abs=0.002)
    assert conclusion.tries == 4 and conclusion.minutes == pytest.approx(24 * 1.5 / 60, abs=1e-3)
    assert any("untrained control was not run" in one for one in conclusion.missing_controls)
    assert any("half is no packaged baseline" in one for one in conclusion.missing_controls)
    assert (bench.settings.workspace / entry.place / "comparison.json").is_file()

    again, same = judge_plan(bench.lab, "study", found.entry.number)
    assert again.number == entry.number and same == conclusion
    assert len(bench.study.only(Conclusion)) == 1

    following = bench.plan(variants=["mine", "twin", "other"], smallest_effect=0.01)
    assert following.plan.follows == found.entry.number
    assert not set(following.plan.seeds) & set(found.plan.seeds)
    assert following.plan.power.noise is not None
    assert following.plan.note is not None and "Underpowered" not in following.plan.note
    assert following.plan.variants[0].seen_seeds == found.plan.seeds


def test_nothing_is_concluded_and_no_result_is_shown_while_seeds_are_missing(bench: Bench) -> None:
    number = bench.entered(planned(bench, [0, 1, 2, 3])).number
    bench.score([0, 1, 2], {"mine": 0.03})
    _, conclusion = judge_plan(bench.lab, "study", number)
    [claim] = conclusion.claims
    assert claim.verdict == "inconclusive" and claim.effect is None
    assert "mine: seed 3 without a score at K=8" in claim.reason
    assert conclusion.registered and not conclusion.early


@pytest.mark.slow
@pytest.mark.child
def test_a_look_that_was_asked_for_shows_results_and_a_look_too_many_makes_it_exploratory(
    bench: Bench,
) -> None:
    number = bench.entered(planned(bench, [0, 1, 2, 3])).number
    bench.score([0, 1, 2], {"mine": 0.03})
    _, peek = judge_plan(bench.lab, "study", number, early=True)
    assert peek.early and peek.claims[0].verdict == "inconclusive"
    assert peek.claims[0].effect == pytest.approx(0.03, abs=0.002)
    bench.score([3], {"mine": 0.03})
    _, conclusion = judge_plan(bench.lab, "study", number)
    assert not conclusion.registered and conclusion.look == 2
    assert conclusion.claims[0].verdict == "supported"
    assert conclusion.claims[0].reason.startswith("EXPLORATORY: ")


def test_a_look_beyond_the_planned_ones_makes_the_conclusion_exploratory(bench: Bench) -> None:
    number = bench.entered(planned(bench, [0, 1, 2, 3], looks=2)).number
    for seed in (0, 1):
        bench.score_only({"mine": 0.03}, [seed])
        _, peek = judge_plan(bench.lab, "study", number, early=True)
        assert peek.registered and peek.early and peek.look == seed + 1
        assert judge_plan(bench.lab, "study", number, early=True)[1] == peek
    bench.score_only({"mine": 0.03}, [2])
    _, conclusion = judge_plan(bench.lab, "study", number)
    assert conclusion.exploratory_because == [
        "this is look 3 at the results, and the plan allows 2"
    ]
    assert conclusion.claims[0].reason.startswith("EXPLORATORY: ")
    assert "EXPLORATORY" in text_of(conclusion) and "EXPLORATORY" in page_of(bench.study).text()


@pytest.mark.slow
@pytest.mark.child
def test_a_gain_over_a_packaged_baseline_after_few_steps_waits_for_a_faster_training_of_it(
    bench: Bench,
) -> None:
    found = bench.plan(baseline="topk")
    number, seeds = found.entry.number, found.plan.seeds
    bench.score_only({"topk": 0.0, "mine": 0.05}, seeds)
    _, waiting = judge_plan(bench.lab, "study", number)
    assert waiting.claims[0].verdict == "inconclusive" and waiting.registered
    assert "'lr': 0.004" in waiting.advice, waiting.claims[0].reason
    bench.score_only({"topk": 0.01}, seeds, training={"lr": 0.004})
    _, conclusion = judge_plan(bench.lab, "study", number)
    assert conclusion.claims[0].verdict == "supported", conclusion.claims[0].reason
    assert conclusion.registered and conclusion.look == 1 and not conclusion.advice


def test_a_look_does_not_go_away_with_its_entry(bench: Bench) -> None:
    number = bench.entered(planned(bench, [0, 1, 2])).number
    bench.score_only({"mine": 0.03}, [0])
    entry, _ = judge_plan(bench.lab, "study", number, early=True)
    shutil.rmtree(bench.settings.workspace / entry.place)
    bench.score_only({"mine": 0.03}, [1])
    _, conclusion = judge_plan(bench.lab, "study", number)
    assert not conclusion.registered and conclusion.look == 2
    assert "are gone or were edited" in conclusion.exploratory_because[1]


def test_a_run_that_is_repeated_until_it_is_lucky_makes_the_conclusion_exploratory(
    bench: Bench,
) -> None:
    number = bench.entered(planned(bench, [0, 1, 2, 3])).number
    bench.fail("mine", [1])  # what is not liked raises, and the same call runs it again
    bench.score([0, 1], {"mine": 0.03})
    _, conclusion = judge_plan(bench.lab, "study", number)
    assert not conclusion.registered
    [why] = conclusion.exploratory_because
    assert "mine/seed1-" in why and "was run 2 times, and only the last outcome is there" in why
    [place] = bench.score_only({"mine": 0.03}, [2], levels=[8])
    shutil.rmtree(place)  # or its record is deleted
    bench.score_only({"mine": 0.05}, [2], levels=[8])
    _, conclusion = judge_plan(bench.lab, "study", number)
    assert len(conclusion.exploratory_because) == 2


def test_a_seed_that_failed_is_no_evidence_and_no_run_is_advised_that_fails_again(
    bench: Bench,
) -> None:
    number = bench.entered(planned(bench, [0, 1, 2])).number
    bench.score([0, 1], {"mine": 0.05})
    bench.score_only({"half": 0.0}, [2])
    bench.fail("mine", [2])
    entry, conclusion = judge_plan(bench.lab, "study", number)
    [claim] = conclusion.claims
    assert claim.verdict == "inconclusive" and claim.effect is None
    assert "seed 2 failed: It raised." in claim.reason and not conclusion.to_run
    assert after_conclusion("study", entry.number, conclusion).startswith("record_reflection")
    assert page_of(bench.study).open_plans == []


def test_scores_from_before_the_plan_make_the_conclusion_exploratory(bench: Bench) -> None:
    bench.score([0], {"mine": 0.03})
    number = bench.entered(planned(bench, [0, 1, 2])).number
    bench.score([1], {"mine": 0.03})
    _, conclusion = judge_plan(bench.lab, "study", number)
    assert not conclusion.registered
    assert "was scored before the plan" in conclusion.exploratory_because[0]


@pytest.mark.slow
@pytest.mark.child
def test_a_conclusion_without_a_plan_is_exploratory_everywhere(bench: Bench) -> None:
    bench.score([0, 1, 2], {"mine": 0.03})
    entry, found = judge_scores(
        bench.lab, "study", "box", ["mine"], baseline="half", metric="explained_variance"
    )
    assert not found.registered and found.plan == 0
    assert found.exploratory_because == ["no plan foresaw these scores"]
    assert found.claims[0].verdict == "supported"
    assert found.claims[0].reason.startswith("EXPLORATORY: ")
    again, _ = judge_scores(
        bench.lab, "study", "box", ["mine"], baseline="half", metric="explained_variance"
    )
    assert again.number == entry.number


def test_scores_of_another_version_of_a_file_do_not_belong_to_the_plan(bench: Bench) -> None:
    number = bench.entered(planned(bench, [0, 1, 2])).number
    bench.write("mine", 777)
    bench.score([0, 1, 2], {"mine": 0.03})
    _, conclusion = judge_plan(bench.lab, "study", number)
    assert conclusion.claims[0].verdict == "inconclusive"
    assert "mine: no score at K=8" in conclusion.claims[0].reason
    assert not conclusion.claims[0].receipts


def test_scores_at_other_seeds_and_levels_do_not_belong_to_the_plan(bench: Bench) -> None:
    number = bench.entered(planned(bench, [0, 1, 2])).number
    bench.score([0, 1], {"mine": 0.03})
    bench.score([2], {"mine": 0.03}, levels=[8, 16])
    bench.score([5], {"mine": 0.03})
    _, conclusion = judge_plan(bench.lab, "study", number)
    assert "seed 2 without a score at K=12" in conclusion.claims[0].reason
    assert conclusion.claims[0].seeds == [0, 1, 2] and len(conclusion.claims[0].receipts) == 5


def test_an_edited_plan_is_named_and_not_judged(bench: Bench) -> None:
    entry = bench.entered(planned(bench, [0, 1, 2]))
    path = bench.settings.workspace / entry.place / "plan.json"
    path.write_text(path.read_text("utf-8").replace("better", "worse"), "utf-8")
    with pytest.raises(BadRequest, match="does not count"):
        judge_plan(bench.lab, "study", entry.number)
    with pytest.raises(BadRequest, match="register a new plan"):
        plan_of(bench.study, entry.number)
    assert not bench.study.only(Plan)


WORDS: tuple[Word, ...] = ("better", "worse", "equal", "undecided", "not comparable")
DIRECTIONS: tuple[Direction, ...] = ("better", "worse", "equal")
SUPPORTED = {("better", "better"), ("worse", "worse"), ("equal", "equal")}
OPEN = {(word, one) for word, one in product(WORDS[3:], DIRECTIONS)}


def row(word: Word, mean: float = 0.02, change: str | None = None) -> Compared:
    return Compared(
        variant="mine",
        verdict=word,
        reason="as measured",
        effect=Effect(mean=mean, low=mean - 0.01, high=mean + 0.01, seeds=3),
        p=0.01,
        p_adjusted=0.02,
        levels=[],
        other={},
        seeds_needed=None,
        change=change,
        parent="topk" if change else None,
        front=None,
        work=None,
    )


@pytest.mark.parametrize(("word", "direction"), [*product(WORDS, DIRECTIONS)])
def test_a_claim_is_the_comparisons_word_read_as_an_answer_to_the_plan(
    word: Word, direction: Direction
) -> None:
    claim = claim_of("mine", row(word), Aim(direction, 0.01, 1))
    pair = (word, direction)
    expected = "supported" if pair in SUPPORTED else "inconclusive" if pair in OPEN else "refuted"
    assert claim.verdict == expected and claim.compared == word


def test_what_changed_nothing_is_inert_and_what_gains_too_little_is_inconclusive() -> None:
    aim = Aim("better", 0.01, 1)
    assert claim_of("mine", row("better", change="inert"), aim).verdict == "inert"
    assert claim_of("mine", row("identical"), aim).verdict == "inert"
    small = claim_of("mine", row("better", mean=0.004), aim)
    assert small.verdict == "inconclusive" and "smallest effect" in small.reason
    assert claim_of("mine", None, aim).verdict == "inconclusive"
