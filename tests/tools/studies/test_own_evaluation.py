"""Studies in a sandbox with an evaluation of its own: planned, judged, written down, reported."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.custom_scores import put_custom_failure, put_custom_score

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.jobs import JobStore
from fumehood_tools.receipts.audit import audit
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.studies.archive.checking import check_archive
from fumehood_tools.studies.archive.writing import export_study
from fumehood_tools.studies.entries import Budget, StudyOpened
from fumehood_tools.studies.exploring import judge_scores
from fumehood_tools.studies.following import after_conclusion, next_call
from fumehood_tools.studies.holdout.asking import ask
from fumehood_tools.studies.holdout.promoting import promote
from fumehood_tools.studies.judging import judge_plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import create_study
from fumehood_tools.studies.plans import Proposal, Registered, register_plan
from fumehood_tools.studies.references.resolving import Resolver
from fumehood_tools.studies.report.writing import PARTS, Prose, write_report
from fumehood_tools.studies.running import check_unchanged
from fumehood_tools.studies.spending import spent_in_words
from fumehood_tools.studies.suggesting.suggest import Asked, suggest
from fumehood_tools.timestamps import now

pytestmark = pytest.mark.child


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(workspace=tmp_path / "ws", cache=tmp_path / "cache")
    create_study(found.workspace, "s", StudyOpened(question="Does whitening help?", written=now()))
    return found


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    """The steering sandbox, with three seeds of its baseline."""
    made = create_sandbox(settings, "steer", source="steering")
    for seed in range(3):
        put_custom_score(settings, made, "mean_difference", seed, 0.8 + 0.01 * seed)
    return made


@pytest.fixture
def store(settings: Settings) -> Iterator[JobStore]:
    with closing(JobStore(settings.state)) as opened:
        yield opened


def planned(settings: Settings, **more: Any) -> Registered:
    asked: dict[str, Any] = {
        "title": "Whitening",
        "hypothesis": "It has more effect at the same damage.",
        "sandbox": "steer",
        "variants": ["whitened"],
        "baseline": "mean_difference",
        "metric": "explained_variance",
        "draw": 4,
    }
    return register_plan(Lab(settings), "s", Proposal(**{**asked, **more}))


def scored(settings: Settings, box: Sandbox, seeds: list[int], gain: float = 0.5) -> None:
    for number, seed in enumerate(seeds):
        put_custom_score(settings, box, "mean_difference", seed, 0.8 + 0.01 * number)
        put_custom_score(settings, box, "whitened", seed, 0.8 + gain + 0.012 * number)


def report(settings: Settings, results: str) -> str:
    """Write the report of the study; return its text. results: the part with this name."""
    lab = Lab(settings)
    resolver = Resolver(settings.workspace, "s", lab.studies, lab.records)
    parts = {**dict.fromkeys(PARTS, "In words."), "results": results}

    def no_paper(_: str) -> Any:
        raise UnknownName("paper", _, [], "None is stored.")

    done = write_report(resolver, "Whitening", Prose(**parts), lab.records, no_paper)
    return (settings.workspace / done.markdown).read_text("utf-8")


def test_a_plan_registers_the_sealed_files_and_the_sandboxs_headline_metric(
    settings: Settings, box: Sandbox
) -> None:
    found = planned(settings)
    plan = found.plan
    assert plan.own is not None and plan.own.better == "higher" and plan.metric == "effect"
    assert plan.smallest_effect == 0.1 and plan.power.noise is not None
    assert not set(plan.seeds) & {0, 1, 2} and found.run.left == 8
    prereg = (settings.workspace / found.entry.place / "prereg.md").read_text("utf-8")
    assert plan.own.sealed_sha256 in prereg and "L0" not in prereg
    with pytest.raises(BadRequest, match="has no l0_targets, controls"):
        planned(settings, l0_targets=[16], controls=True)
    with pytest.raises(BadRequest, match="damage is only shown"):
        planned(settings, metric="damage")
    with pytest.raises(BadRequest, match="budget of the plan is 3 scores"):
        planned(settings, budget=Budget(saes=3))
    check_unchanged(Lab(settings), plan)
    with (box.folder / "evaluation" / "evaluate.py").open("a", encoding="utf-8") as file:
        file.write("# mine\n")
    with pytest.raises(BadRequest, match="a sealed file, was changed since the plan"):
        check_unchanged(Lab(settings), plan)


def test_a_plan_gets_a_registered_verdict_once_all_of_its_scores_are_there(
    settings: Settings, box: Sandbox
) -> None:
    found = planned(settings)
    number, seeds = found.entry.number, found.plan.seeds
    scored(settings, box, seeds[:3])
    _, early = judge_plan(Lab(settings), "s", number)
    assert early.claims[0].effect is None and early.to_run and "1 seed" not in early.lacking
    scored(settings, box, seeds[3:])
    entry, done = judge_plan(Lab(settings), "s", number)
    [claim] = done.claims
    assert done.registered and claim.verdict == "supported", claim
    assert claim.effect == pytest.approx(0.5, abs=0.02) and claim.seeds == seeds
    assert len(claim.receipts) == 4 and done.tries >= 1
    assert any("no control" in said for said in done.missing_controls)
    assert judge_plan(Lab(settings), "s", number)[0] == entry
    lab = Lab(settings)
    assert spent_in_words(lab, lab.studies.read("s")).startswith("Spent: 8 scores, 0.3 minutes")
    assert "promote" not in next_call(lab.studies.read("s"))
    assert audit(settings.workspace)[0].is_sound


def test_a_report_shows_every_score_by_the_sandboxs_own_evaluation(
    settings: Settings, box: Sandbox
) -> None:
    found = planned(settings)
    scored(settings, box, found.plan.seeds)
    entry, _ = judge_plan(Lab(settings), "s", found.entry.number)
    text = report(settings, f"The verdict is {{{{conclusion:{entry.number}/whitened#verdict}}}}.")
    assert "Means in steer, by its own evaluation" in text and "supported" in text
    assert text.count("| `whitened/seed") == 4 and "11 scored" in text
    assert "an evaluation of its own: plot" in text.replace("\n", " ")
    assert "class CustomVectors" in text and "steer has an evaluation of its own: copy" in text
    assert audit(settings.workspace)[0].is_sound


def test_scores_from_before_a_plan_or_with_other_seeds_give_no_registered_verdict(
    settings: Settings, box: Sandbox
) -> None:
    put_custom_score(settings, box, "whitened", 0, 2.0)
    found = planned(settings, seeds=[7, 8, 9])
    scored(settings, box, [7, 8, 9])
    _, done = judge_plan(Lab(settings), "s", found.entry.number)
    assert not done.registered and done.claims[0].reason.startswith("EXPLORATORY")
    with pytest.raises(BadRequest, match="run with the seeds 0"):
        planned(settings, seeds=[0, 11, 12])


def test_what_no_plan_foresaw_is_exploratory_and_tests_elsewhere_are_refused(
    settings: Settings, box: Sandbox, store: JobStore
) -> None:
    found = planned(settings)
    scored(settings, box, found.plan.seeds)
    judge_plan(Lab(settings), "s", found.entry.number)
    _, said = judge_scores(
        Lab(settings), "s", "steer", baseline="topk", metric="explained_variance"
    )
    assert not said.registered and said.metric == "effect"
    assert said.claims[0].reason.startswith("EXPLORATORY") and said.claims[0].effect
    with pytest.raises(BadRequest, match="for which there is no holdout"):
        ask(Lab(settings), store, "s", found.entry.number)
    with pytest.raises(BadRequest, match="cannot move to another layer"):
        promote(Lab(settings), store, "s", found.entry.number, "whitened")


def test_failed_runs_are_spent_keep_a_plan_from_running_again_and_are_in_the_report(
    settings: Settings, box: Sandbox, store: JobStore
) -> None:
    found = planned(settings)
    first, *others = found.plan.seeds
    scored(settings, box, others)
    put_custom_score(settings, box, "mean_difference", first, 0.8)
    put_custom_failure(settings, box, "whitened", first, "whitened.py:20: singular")
    entry, done = judge_plan(Lab(settings), "s", found.entry.number)
    assert not done.to_run and f"seed {first} failed: whitened.py:20" in done.lacking["whitened"]
    lab = Lab(settings)
    study = lab.studies.read("s")
    assert spent_in_words(lab, study).startswith("Spent: 8 scores, 0.8 minutes")
    assert "a run of this plan would fail again" in after_conclusion("s", entry.number, done)
    assert first in lab.used_seeds() and first not in lab.scored_seeds("steer").get("whitened", ())
    [row] = suggest(lab, store, Asked("s", "failures")).suggestions
    assert row.what == "whitened in steer failed" and "singular" in row.quote
    written = report(settings, "A run failed.")
    assert "**failed** in produce: whitened.py:20: singular" in written


def test_an_archive_of_such_a_study_has_its_scores_and_failures_and_verifies(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    found = planned(settings)
    first, *others = found.plan.seeds
    scored(settings, box, others)
    put_custom_score(settings, box, "mean_difference", first, 0.8)
    put_custom_score(settings, box, "whitened", first, 1.3)
    put_custom_failure(settings, box, "principal", first)
    judge_plan(Lab(settings), "s", found.entry.number)
    made = export_study(settings.workspace, "s", tmp_path / "s.zip")
    checked = check_archive(made.file, made.key)
    assert not checked.wrong


def test_a_file_that_fails_with_every_seed_is_named_once_and_keeps_the_others_waiting(
    settings: Settings, box: Sandbox
) -> None:
    found = planned(settings, variants=["whitened", "principal"])
    scored(settings, box, found.plan.seeds)
    for seed in found.plan.seeds:
        put_custom_failure(settings, box, "principal", seed, "principal.py:3: no rows.")
    _, done = judge_plan(Lab(settings), "s", found.entry.number)
    reasons = {claim.variant: claim.reason for claim in done.claims}
    assert reasons["principal"].count("no rows") == 1
    assert "planned scores of principal are missing" in reasons["whitened"]
    _, early = judge_plan(Lab(settings), "s", found.entry.number, early=True)
    assert {claim.variant: claim.verdict for claim in early.claims}["whitened"] == "supported"
