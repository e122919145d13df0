"""What contradicts itself in an archive is named, though its owner signed it."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes.study_archives import (
    Archive,
    digest,
    payload_of,
    replaced,
    store_report,
)

from fumehood_tools.errors import BadRequest
from fumehood_tools.receipts import dsse
from fumehood_tools.studies.archive.checking import check_archive
from fumehood_tools.studies.archive.writing import INDEX, RECEIPTS, export_study
from fumehood_tools.studies.entries import ReportWritten
from fumehood_tools.studies.notebook import append

# What an owner does with fumehood.


def claims_of(lab: Any, **parts: Any) -> list[Any]:
    places = [*lab.scores_of("sharper"), *lab.scores_of("topk")]
    return [lab.claim(places, **parts)]


def signed(lab: Any, tmp_path: Path) -> list[str]:
    """Export the study as its owner, and return what a stranger finds."""
    made = export_study(lab.workspace, "threshold", tmp_path / "own.zip")
    return check_archive(made.file, made.key).wrong


def test_an_exploratory_claim_that_is_sold_as_registered_is_named(lab: Any, tmp_path: Path) -> None:
    late = lab.enter(lab.plan()).number
    lab.enter(lab.conclusion(late, claims_of(lab)))
    [line] = signed(lab, tmp_path)
    assert line.startswith("studies/threshold/entries/0010-conclusion says it was registered")
    assert "exploratory" in line and "before the plan" in line


def test_a_registered_claim_about_a_variant_or_seed_that_the_plan_lacks_is_named(
    lab: Any, tmp_path: Path
) -> None:
    lab.score("sharper", 3, 0.9)
    lab.enter(lab.conclusion(3, claims_of(lab, seeds=[0, 1, 2, 3])))
    lab.enter(lab.conclusion(3, claims_of(lab, variant="topk")))
    said = "\n".join(signed(lab, tmp_path))
    assert "seed 3 of sharper is not in the plan" in said
    assert "the plan does not name topk" in said


def test_a_planned_seed_without_a_receipt_is_named(lab: Any, tmp_path: Path) -> None:
    planned = lab.plan(seeds=(4, 5))
    number = lab.enter(planned).number
    place = lab.score("sharper", 4, 0.74)
    lab.enter(lab.conclusion(number, [lab.claim([place], seeds=[4])]))
    said = signed(lab, tmp_path)
    assert any("the planned seed 5 of sharper has no receipt" in line for line in said)
    assert any("the planned seed 4 of topk has no receipt" in line for line in said)


def test_a_planned_seed_that_was_withdrawn_is_named(lab: Any, tmp_path: Path) -> None:
    place = lab.scores_of("sharper")[2]
    lab.withdraw(place)
    shutil.rmtree(lab.workspace / place)
    said = signed(lab, tmp_path)
    assert any(f"rests on {place}, which was withdrawn" in line for line in said)
    assert any("the planned seed 2 of sharper has no receipt" in line for line in said)


def test_a_withdrawn_conclusion_is_a_note_and_no_fault(lab: Any, tmp_path: Path) -> None:
    place = lab.resolver().study.entries[5].place
    lab.withdraw(place)
    made = export_study(lab.workspace, "threshold", tmp_path / "own.zip")
    checked = check_archive(made.file, made.key)
    assert not checked.wrong
    assert checked.notes == [f"{place}: withdrawn by its owner before the export"]


def test_a_claim_that_leaves_out_a_planned_seed_is_named(lab: Any, tmp_path: Path) -> None:
    lab.enter(lab.conclusion(3, claims_of(lab, seeds=[0, 1])))
    said = signed(lab, tmp_path)
    assert any("leaves out the planned seed 2" in line for line in said)


def test_an_owner_cannot_export_a_report_that_shows_what_no_receipt_says(
    lab: Any, tmp_path: Path
) -> None:
    content = store_report(lab)
    references = {**content.references, "plan:3#looks": "1"}
    forged: ReportWritten = content.model_copy(update={"references": references})
    append(lab.workspace, "threshold", forged)
    with pytest.raises(BadRequest, match="without any receipt"):
        signed(lab, tmp_path)


# What an owner changes with a program of his own, and signs with his own key.


def forge(archive: Archive, change: Callable[[dict[str, Any]], Any]) -> list[str]:
    """Change the receipts (place -> record), sign everything again, and return what is found.

    A place that `change` removes loses its receipt.
    """
    files = archive.files()
    *lines, _ = map(payload_of, files[RECEIPTS].splitlines())
    records = {one["predicate"]["place"]: one["predicate"]["record"] for one in lines}
    change(records)
    bodies = [
        dsse.statement(
            one["subject"],
            one["predicateType"],
            {**one["predicate"], "record": records[one["predicate"]["place"]]},
        )
        for one in lines
        if one["predicate"]["place"] in records
    ]
    index = payload_of(files[RECEIPTS].splitlines()[-1])
    listed = [
        {"name": json.loads(body)["predicate"]["place"], "digest": {"sha256": digest(body)}}
        for body in bodies
    ]
    bodies.append(dsse.statement(listed, index["predicateType"], index["predicate"]))
    files[RECEIPTS] = b"".join(dsse.sealed(body, archive.private) for body in bodies)
    outer = payload_of(files.pop(INDEX))
    subject = [{"name": name, "digest": {"sha256": digest(files[name])}} for name in sorted(files)]
    body = dsse.statement(subject, outer["predicateType"], outer["predicate"])
    archive.rewrite({**files, INDEX: dsse.sealed(body, archive.private)})
    return archive.wrong()


def place_with(records: Mapping[str, Any], part: str) -> str:
    return next(place for place in sorted(records) if part in place)


def test_signing_everything_again_without_a_change_is_no_fault(archive: Archive) -> None:
    assert forge(archive, lambda _: None) == []


def test_an_edited_number_is_named_though_its_owner_signed_it(archive: Archive) -> None:
    def change(records: dict[str, Any]) -> None:
        place = place_with(records, "results/sharper/seed1")
        records[place]["metrics"]["explained_variance"] = 0.79

    [line] = forge(archive, change)
    assert "explained_variance shows '0.7310 (mean of 3 seeds)', but its receipts say" in line


def test_a_number_without_a_receipt_is_named_though_its_owner_signed_it(archive: Archive) -> None:
    def change(records: dict[str, Any]) -> None:
        report = records[place_with(records, "0009-report")]
        report["references"]["plan:3#looks"] = "1"

    [line] = forge(archive, change)
    assert "plan:3#looks shows '1' without any receipt" in line


def test_a_cherry_picked_seed_is_named_though_its_owner_signed_it(archive: Archive) -> None:
    def change(records: dict[str, Any]) -> None:
        del records[place_with(records, "results/sharper/seed0")]

    said = forge(archive, change)
    assert any("the planned seed 0 of sharper has no receipt" in line for line in said)
    assert any("whose receipt is gone or was changed" in line for line in said)


def test_an_exploratory_claim_is_named_when_its_owner_calls_it_registered(
    archive: Archive,
) -> None:
    def change(records: dict[str, Any]) -> None:
        records[place_with(records, "0006-conclusion")]["registered"] = True
        records[place_with(records, "0006-conclusion")]["plan"] = 4

    [line] = forge(archive, change)
    assert "0006-conclusion says it was registered, but plan 4 is not there" in line


def test_chosen_seeds_are_named_when_their_owner_calls_the_claim_registered(
    archive: Archive,
) -> None:
    def change(records: dict[str, Any]) -> None:
        records[place_with(records, "0003-plan")]["seeds_drawn"] = False

    [line] = forge(archive, change)
    assert "says it was registered" in line and "seeds were chosen by the agent" in line


def test_a_removed_entry_is_named_though_its_owner_signed_the_rest(archive: Archive) -> None:
    said = forge(archive, lambda records: records.pop(place_with(records, "0008-note")))
    assert "entry 8 of the study was removed: its receipt is missing." in said


def test_swapped_entries_are_named_though_their_owner_signed_them(archive: Archive) -> None:
    def change(records: dict[str, Any]) -> None:
        one, two = place_with(records, "0002-note"), place_with(records, "0008-note")
        records[one], records[two] = records[two], records[one]

    said = forge(archive, change)
    assert any("they were swapped" in line for line in said)
    assert any("0002-note was written for" in line for line in said)


def test_a_report_that_was_rewritten_is_named_though_its_owner_signed_it(
    archive: Archive,
) -> None:
    archive.change("reports/0009/report.md", replaced(b"0.7310", b"0.8310"))
    [line] = forge(archive, lambda _: None)
    assert line.startswith("reports/0009/report.md is not the file that the receipt of")


def test_a_report_from_a_newer_ledger_is_named(lab: Any, tmp_path: Path) -> None:
    content = store_report(lab)
    newer = content.model_copy(update={"ledger_head": "f" * 64})
    append(lab.workspace, "threshold", newer)
    assert any("an old copy of the ledger was put back" in line for line in signed(lab, tmp_path))


def test_nothing_is_exported_while_anything_is_not_as_it_was_signed(
    lab: Any, tmp_path: Path
) -> None:
    lab.edit(lab.scores_of("topk")[0], lambda record: record["metrics"].update(l0=1.0))
    with pytest.raises(BadRequest, match=r"Nothing was exported[\s\S]*topk"):
        export_study(lab.workspace, "threshold", tmp_path / "own.zip")
    assert not (tmp_path / "own.zip").exists()
