"""What failed is found again, with its reason, and what strangers wrote is quoted."""

import shutil
from typing import Any


def test_failures_of_one_cause_are_one_row_with_stage_check_and_quoted_message(bench: Any) -> None:
    bench.file("mine")
    for seed in (0, 1, 2):
        bench.failure(
            "mine", seed, stage="score", code="integrity", check="batch", message="Not\nequal."
        )
    [row] = bench.rows("failures")
    assert row.what == "mine in box failed"
    assert "score, check batch, seed 0, 1, 2" in row.why
    assert row.quote == "Not equal."
    assert "untrusted" in bench.ask("failures").text()


def test_a_limit_is_said_to_depend_on_the_machine(bench: Any) -> None:
    bench.file("mine")
    bench.failure("mine", limit="wall", message="It took too long.")
    assert "depends on the machine" in bench.rows("failures")[0].why


def test_a_file_that_was_scored_with_other_seeds_says_so(bench: Any) -> None:
    bench.file("mine")
    bench.failure("mine", 0)
    bench.score("mine", 1)
    assert "Other seeds of the same file have a score" in bench.rows("failures")[0].why


def test_claims_that_were_not_supported_and_failed_ideas_are_listed_with_their_entry(
    bench: Any, claims: Any
) -> None:
    bench.file("mine")
    plan = bench.plan("mine", "other")
    bench.concluded(
        plan, claims("mine", "refuted", -0.05, 0.01), claims("other", "supported", 0.05, 0.01)
    )
    bench.note("failed idea", "entropy bonus: all latents died")
    bench.note("idea", "entropy penalty")
    rows = bench.rows("failures")
    said = " ".join(row.what for row in rows)
    assert len(rows) == 2
    assert "mine: refuted (plan 2, entry 3)" in said
    assert any(row.quote == "entropy bonus: all latents died" for row in rows)
    assert any(row.call == "read_study(study='threshold', entry=3)" for row in rows)


def test_only_the_newest_word_about_a_variant_counts(bench: Any, claims: Any) -> None:
    bench.file("mine")
    plan = bench.plan("mine")
    bench.concluded(plan, claims("mine", "refuted"))
    assert len(bench.rows("failures")) == 1
    bench.concluded(plan, claims("mine", "inconclusive"))
    assert not bench.rows("failures"), "what is open has not failed"
    bench.concluded(plan, claims("mine", "supported", 0.05, 0.01))
    assert not bench.rows("failures")


def test_what_failed_in_another_study_is_found_by_its_words_best_first(bench: Any) -> None:
    bench.study("other")
    bench.note("failed idea", "penalties on entropy collapse the dictionary", study="other")
    bench.note("failed idea", "a larger batch")
    rows = bench.rows("failures", text="entropy penalty")
    assert rows[0].what.endswith("of the study other)")
    assert len(rows) == 1
    assert not bench.rows("failures", text="zebra")


def test_many_failures_are_paged(bench: Any) -> None:
    for number in range(45):
        bench.note("failed idea", f"idea {number} " + "x" * 3_000)
    seen, cursor = 0, None
    while True:
        page = bench.ask("failures", cursor=cursor)
        assert len(page.text()) < 20_000
        seen += len(page.suggestions)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == page.total["failures"] == 45


def test_a_deleted_record_is_not_counted_and_an_edited_one_is_named(bench: Any) -> None:
    bench.file("mine")
    gone, edited = bench.failure("mine", 0), bench.failure("mine", 1)
    shutil.rmtree(gone)
    record = edited / "failure.json"
    record.write_text(record.read_text("utf-8").replace("No.", "Yes."), "utf-8")
    found = bench.ask("failures")
    assert not found.suggestions
    assert any(note.startswith("box: left out: 1 x") for note in found.notes)
