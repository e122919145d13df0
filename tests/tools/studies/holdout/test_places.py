"""A winner is tested where its study has not been; what that costs is said before."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.sandbox_files import change_setting

from fumehood_tools.errors import BadRequest
from fumehood_tools.jobs import JobStore
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.spec import CorpusSpec, SandboxSpec, ScoringSpec, SubjectSpec
from fumehood_tools.studies.holdout.ladder import Ladder, ladder_of
from fumehood_tools.studies.holdout.places import Elsewhere, Spot, choose_place, refuse_seen
from fumehood_tools.studies.holdout.promoting import promote
from fumehood_tools.studies.holdout.promotion import make_sandbox
from fumehood_tools.studies.holdout.worker import other_corpora
from fumehood_tools.subjects import embedded

Desk = Any
LANGUAGE = SandboxSpec()
SYNTHETIC = SandboxSpec(
    dict_size=64,
    subject=SubjectSpec(name="synthetic", layer=0),
    corpus=CorpusSpec(name="synthetic", train_tokens=20_000),
    scoring=ScoringSpec(probing_tasks=("topics",)),
)


@pytest.fixture
def store(desk: Desk) -> Iterator[JobStore]:
    with closing(JobStore(desk.settings.state)) as opened:
        yield opened


def place(desk: Desk, spec: SandboxSpec, **asked: Any) -> Any:
    """Return where the study `s` tests again, from a sandbox with these settings."""
    return choose_place(desk.lab, desk.lab.studies.read("s"), spec, **asked)


def test_without_a_choice_it_is_another_layer_or_else_the_other_subject(desk: Desk) -> None:
    layer = place(desk, LANGUAGE)
    assert (layer.test, layer.spot) == ("layer", Spot("smollm2-135m", 20))
    assert layer.spec == LANGUAGE.model_copy(update={"subject": layer.spec.subject})
    subject = place(desk, SYNTHETIC)
    assert (subject.test, subject.spot) == ("subject", Spot("smollm2-135m", 10))
    # The dictionary stays as wide as the activations; the corpus and its tasks fit the subject.
    assert subject.spec.dict_size == embedded.D_MODEL
    assert subject.spec.corpus.name == "mixed" and subject.spec.corpus.train_tokens == 20_000
    assert subject.spec.scoring.probing_tasks == ScoringSpec().probing_tasks
    assert subject.spec.training == SYNTHETIC.training
    back = place(desk, LANGUAGE, subject="synthetic")
    assert back.test == "subject" and back.spec.dict_size == round(1536 / 576 * 64 / 8) * 8
    assert back.spec.corpus.name == "synthetic"


def test_a_place_that_the_study_has_used_is_refused(desk: Desk) -> None:
    with pytest.raises(BadRequest, match="shows nothing new there"):
        place(desk, LANGUAGE, layer=10)
    desk.plan()  # about a sandbox at layer 0 of the synthetic subject
    with pytest.raises(BadRequest, match="shows nothing new there"):
        place(desk, LANGUAGE, subject="synthetic")
    with pytest.raises(BadRequest, match="layers 0 to 29"):
        place(desk, LANGUAGE, layer=30)


def test_a_quote_says_what_it_costs_and_makes_nothing(desk: Desk, store: JobStore) -> None:
    plan = desk.judged()
    before = sorted(desk.settings.workspace.rglob("*"))
    quote = promote(desk.lab, store, "s", plan, "mine", dry_run=True)
    assert quote.job is None and quote.saes == 6 and quote.minutes > 0
    assert len(quote.retest.seeds) == 3 and not {0, 1, 2} & set(quote.retest.seeds)
    assert str(quote.retest.there.spot) == "layer 10 of smollm2-135m"
    assert quote.retest.sandbox.startswith("box-smollm2-135m-layer10-")
    assert sorted(desk.settings.workspace.rglob("*")) == before
    with pytest.raises(BadRequest, match=r"more than the 0\.01 min .* most_minutes="):
        promote(desk.lab, store, "s", plan, "mine", most_minutes=0.01)
    assert sorted(desk.settings.workspace.rglob("*")) == before


def test_only_a_supported_registered_claim_is_tested_and_the_answer_says_what_is_missing(
    desk: Desk, store: JobStore
) -> None:
    plan = desk.plan()
    with pytest.raises(BadRequest, match="not been judged yet"):
        promote(desk.lab, store, "s", plan, "mine")
    desk.score("topk")
    desk.score("mine")
    desk.conclude(plan, mine="inconclusive")
    with pytest.raises(BadRequest, match="is inconclusive: Said so"):
        promote(desk.lab, store, "s", plan, "mine")
    desk.conclude(plan, registered=False, mine="supported")
    with pytest.raises(BadRequest, match="exploratory .it was looked at before"):
        promote(desk.lab, store, "s", plan, "mine")
    with pytest.raises(BadRequest, match="is not about topk, but about mine"):
        promote(desk.lab, store, "s", plan, "topk")


def test_the_registered_file_is_tested_although_the_one_in_variants_was_edited(
    desk: Desk, store: JobStore
) -> None:
    plan = desk.judged()
    path = desk.box("box").variants / "mine.py"
    registered = path.read_bytes()
    Path(path).write_text("# edited\n", encoding="utf-8")
    quote = promote(desk.lab, store, "s", plan, "mine", dry_run=True)
    assert quote.retest.sources["mine"] == registered


def test_the_sandbox_of_a_test_has_the_settings_and_files_of_the_plan(
    desk: Desk, store: JobStore
) -> None:
    change_setting(desk.box("box").folder, "training", "lr", 0.004)
    change_setting(desk.box("box").folder, "corpus", "context", 64)
    plan = desk.judged()
    retest = promote(desk.lab, store, "s", plan, "mine", dry_run=True).retest
    made = make_sandbox(desk.settings, retest)
    assert made.spec == retest.there.spec
    assert (made.spec.training.lr, made.spec.corpus.context) == (0.004, 64)
    assert (made.spec.subject.name, made.spec.dict_size) == ("smollm2-135m", 576)
    assert (made.variants / "mine.py").read_bytes() == retest.sources["mine"]
    # After a crash, or an edit, the same call completes it.
    change_setting(made.folder, "training", "lr", 0.1)
    (made.variants / "mine.py").unlink()
    again = make_sandbox(desk.settings, retest)
    assert again == made and (made.variants / "mine.py").is_file()


def test_a_place_where_an_own_file_was_scored_in_any_sandbox_is_refused(desk: Desk) -> None:
    desk.judged()
    there = Elsewhere("layer", Spot("synthetic", 0), SYNTHETIC)
    with pytest.raises(BadRequest, match="trained at layer 0 of synthetic before .mine in"):
        refuse_seen(desk.lab, there, "another")
    refuse_seen(desk.lab, there, "box")


def test_a_copy_that_was_tried_elsewhere_gives_that_place_away(desk: Desk, store: JobStore) -> None:
    plan = desk.judged()
    scout = create_sandbox(desk.settings, "scout", subject="smollm2-135m", layer=10)
    source = (desk.box("box").variants / "mine.py").read_text("utf-8")
    (scout.variants / "copy.py").write_text(f"{source}# a copy", "utf-8")
    desk.score("copy", sandbox="scout")
    change_setting(scout.folder, "subject", "layer", 3)  # which hides nothing
    with pytest.raises(BadRequest, match="layer 10 of smollm2-135m before .copy in the sandbox"):
        promote(desk.lab, store, "s", plan, "mine", layer=10, subject="smollm2-135m", dry_run=True)
    chosen = promote(desk.lab, store, "s", plan, "mine", dry_run=True).retest.there.spot
    assert chosen == Spot("smollm2-135m", 9), "the nearest one that was not seen"


def test_a_deleted_sandbox_does_not_hide_that_its_layer_was_used(
    desk: Desk, store: JobStore
) -> None:
    plan = desk.judged()
    scout = create_sandbox(desk.settings, "scout", subject="smollm2-135m", layer=10)
    source = (desk.box("box").variants / "mine.py").read_text("utf-8")
    (scout.variants / "copy.py").write_text(f"{source}# a copy", "utf-8")
    desk.score("copy", seeds=[7], sandbox="scout")
    stopped = create_sandbox(desk.settings, "stopped", subject="smollm2-135m", layer=9)
    (stopped.variants / "copy.py").write_text(f"{source}# a copy", "utf-8")
    recorder = Recorder(desk.settings, stopped, "rlimits")
    recorder.begun(Planner(stopped, "digest").item("copy", 7))
    for box in (scout, stopped):
        shutil.rmtree(box.folder)
    with pytest.raises(BadRequest, match="layer 10 of smollm2-135m before .copy in the sandbox"):
        promote(desk.lab, store, "s", plan, "mine", layer=10, subject="smollm2-135m", dry_run=True)
    chosen = promote(desk.lab, store, "s", plan, "mine", dry_run=True).retest.there.spot
    assert chosen == Spot("smollm2-135m", 11), "neither the one of a score nor that of a log"


def test_a_deleted_sandbox_of_the_study_is_still_one_that_it_has_used(desk: Desk) -> None:
    desk.plan()
    desk.score("topk", seeds=[7])
    shutil.rmtree(desk.box("box").folder)
    with pytest.raises(BadRequest, match="is or was at layer 0 of synthetic"):
        place(desk, LANGUAGE, subject="synthetic")


def test_the_documents_of_a_deleted_sandbox_of_the_study_count_as_used(desk: Desk) -> None:
    own, larger = SYNTHETIC.corpus, CorpusSpec(name="synthetic", train_tokens=50_000)
    for corpus in (own, larger, larger, LANGUAGE.corpus):
        desk.plan(sandbox="gone", corpus=corpus)
    assert other_corpora(desk.settings, desk.lab.studies.read("s"), own) == [larger]


def test_the_ladder_says_where_a_winner_was_and_where_it_goes_next(desk: Desk) -> None:
    plan = desk.judged()

    def ladder() -> Ladder:
        return ladder_of(desk.lab, desk.lab.studies.read("s"), plan, "mine")

    call = f"promote_variant(study='s', plan={plan}, variant='mine'"
    assert ladder() == Ladder([], f"{call})")
    desk.retested(plan, 10, "supported")
    assert "layer 10 of smollm2-135m: mine: supported" in ladder().rungs[0]
    assert ladder().next == f"{call}, subject='smollm2-135m', layer=20)"
    study = desk.lab.studies.read("s")
    there = choose_place(desk.lab, study, SYNTHETIC, layer=20, subject="smollm2-135m")
    assert there.test == "layer", "the subject was seen on the rung before"
    desk.retested(plan, 20, "supported")
    assert ladder().next.startswith(f"{call}, subject=")  # a larger one, if it is on this machine
    assert "smollm2" not in ladder().next.partition("subject=")[2].partition(")")[0]
    desk.retested(plan, 5, "lost on transfer")
    assert len(ladder().rungs) == 3 and ladder().next == ""


@pytest.mark.parametrize("by_earlier_version", [False, True])
def test_a_deleted_or_edited_sandbox_of_a_rung_hides_no_rung(
    desk: Desk, by_earlier_version: bool
) -> None:
    plan = desk.judged()
    desk.retested(plan, 10, "supported", by_earlier_version=by_earlier_version)
    desk.retested(plan, 20, "supported", by_earlier_version=by_earlier_version)
    change_setting(desk.box("rung20").folder, "subject", "layer", 3)
    shutil.rmtree(desk.box("rung10").folder)
    study = desk.lab.studies.read("s")
    ladder = ladder_of(desk.lab, study, plan, "mine")
    assert [rung.partition(":")[0] for rung in ladder.rungs] == [
        "1. layer 10 of smollm2-135m",
        "2. layer 20 of smollm2-135m",
    ]
    assert "with a larger subject" in ladder.next
    there = choose_place(desk.lab, study, SYNTHETIC, layer=5, subject="smollm2-135m")
    assert there.test == "layer", "the subject was seen on both rungs"
