"""An archive verifies with a public key alone, and every tampering with it is named."""

import base64
import hashlib
import json
import shutil
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fumehood.cli import main
from fumehood_tools.errors import BadRequest
from fumehood_tools.receipts import dsse
from fumehood_tools.studies.archive.checking import check_archive
from fumehood_tools.studies.archive.writing import INDEX, LEDGER, RECEIPTS, export_study
from fumehood_tools.studies.archive.zips import ArchiveReader, Damaged, write_zip
from fumehood_tools.studies.entries import ReportWritten
from fumehood_tools.studies.notebook import append
from fumehood_tools.studies.report.writing import Prose, render

EXPORTED = "2026-11-30T00:00:00+00:00"
PROSE = Prose(
    plan="See entry 2.",
    code="One file.",
    walk_through="Train and score.",
    results="It gains {{conclusion:5/sharper#effect}}, to {{mean:box/sharper#explained_variance}}.",
    limitations="One layer.",
)


def store_report(lab: Any) -> Any:
    """Append a report without figures to the study; return what was stored."""
    done = render(lab.resolver(), "Sharper", PROSE, lambda _: ([], []), lab.library().find)
    append(lab.workspace, "threshold", done.content, done.files)
    return done.content


@pytest.fixture(scope="session")
def exported(
    written: Path, lab_class: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The archive of the study with a report, next to its public key. Its workspace is gone."""
    folder = tmp_path_factory.mktemp("archive")
    shutil.copytree(written, folder / "workspace")
    lab = lab_class(folder / "workspace")
    store_report(lab)
    made = export_study(lab.workspace, "threshold", folder / "study.zip", weights=True)
    shutil.copy(lab.settings.state / dsse.EXPORT_KEY_FILE, folder / "private")
    shutil.rmtree(folder / "workspace")
    return made.file


class Archive:
    """A copy of an archive, which a test changes."""

    def __init__(self, exported: Path, folder: Path) -> None:
        self.file, self.key = folder / "study.zip", folder / "study.zip.pub"
        shutil.copy(exported, self.file)
        shutil.copy(f"{exported}.pub", self.key)
        self.private = dsse.signing_key(_with_key(exported.parent / "private", folder))

    def files(self) -> dict[str, bytes]:
        with zipfile.ZipFile(self.file) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def rewrite(self, files: Mapping[str, bytes]) -> None:
        write_zip(self.file, files)

    def change(self, name: str, change: Callable[[bytes], bytes | None]) -> None:
        """Change one file; None removes it. Nothing is signed again."""
        files = self.files()
        changed = change(files.pop(name))
        self.rewrite(files if changed is None else {**files, name: changed})

    def wrong(self, **options: Any) -> list[str]:
        return check_archive(self.file, self.key, **options).wrong


def _with_key(private: Path, folder: Path) -> Path:
    state = folder / "state"
    state.mkdir(exist_ok=True)
    shutil.copy(private, state / dsse.EXPORT_KEY_FILE)
    return state


@pytest.fixture
def archive(exported: Path, tmp_path: Path) -> Archive:
    return Archive(exported, tmp_path)


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return change


def payload_of(line: bytes) -> Any:
    return json.loads(base64.b64decode(json.loads(line)["payload"]))


def test_it_verifies_with_the_public_key_alone(archive: Archive, capsys: Any) -> None:
    files = archive.files()
    assert {INDEX, RECEIPTS, LEDGER, "CITATION.cff", "ro-crate-metadata.json"} <= set(files)
    assert files["plans/0003/prereg.md"].startswith(b"# Hypotheses")
    code = main(["verify", str(archive.file), "--key", str(archive.key), "--rescore", "0"])
    out = capsys.readouterr().out
    assert code == 0, out
    assert "study threshold of workspace" in out and "16 receipts, ledger of 16 lines" in out
    assert main(["verify", str(archive.file), "--rescore", "0"]) == 0
    assert "not who signed" in capsys.readouterr().out


def test_the_same_study_gives_the_same_bytes(lab: Any, tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        export_study(lab.workspace, "threshold", tmp_path / name, exported=EXPORTED)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_crate_lists_every_file_and_every_run(archive: Archive) -> None:
    files = archive.files()
    crate = json.loads(files["ro-crate-metadata.json"])
    assert crate["@context"] == "https://w3id.org/ro/crate/1.3/context"
    by_id = {one["@id"]: one for one in crate["@graph"]}
    parts = {one["@id"] for one in by_id["./"]["hasPart"]}
    assert parts == set(files) - {"ro-crate-metadata.json"}
    assert all(int(by_id[name]["contentSize"]) == len(files[name]) for name in parts)
    actions = [one for one in crate["@graph"] if one["@type"] == "CreateAction"]
    assert len(actions) == 7
    [failed] = [one for one in actions if "Failed" in one["actionStatus"]]
    assert failed["error"] == "The loss was not finite."
    assert all(one["object"]["@id"] in files for one in actions)


# Tampering by somebody who has no private key.


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("reports/0009/report.md", b"0.7310", b"0.8310"),
        ("reports/0009/report.html", b"0.7310", b"0.8310"),
        ("plans/0003/prereg.md", b"It helps", b"It hurts"),
        ("variants/topk-3709a328da8f.py", b"K = 32", b"K = 33"),
        ("ledger.json", b'"lines": 16', b'"lines": 15'),
        ("ro-crate-metadata.json", b"threshold", b"treshhold"),
    ],
)
def test_an_edited_file_is_named(archive: Archive, name: str, old: bytes, new: bytes) -> None:
    archive.change(name, replaced(old, new))
    assert any(line.startswith(f"{name} was changed") for line in archive.wrong())


def test_an_edited_number_in_a_receipt_is_named(archive: Archive) -> None:
    def change(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        at = next(n for n, line in enumerate(lines) if b"sharper" in base64.b64decode(_body(line)))
        payload = payload_of(lines[at])
        payload["predicate"]["record"]["metrics"] = {"l0": 1.0}
        envelope = json.loads(lines[at])
        envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
        return b"".join([*lines[:at], json.dumps(envelope).encode() + b"\n", *lines[at + 1 :]])

    archive.change(RECEIPTS, change)
    said = archive.wrong()
    assert any("its signature does not fit" in line for line in said)
    assert f"{RECEIPTS} was changed after it was signed." in said


def _body(line: bytes) -> str:
    body: str = json.loads(line)["payload"]
    return body


def test_a_removed_receipt_is_named(archive: Archive) -> None:
    archive.change(RECEIPTS, lambda content: b"".join(content.splitlines(keepends=True)[1:]))
    assert any("is missing or was changed" in line for line in archive.wrong())


def test_swapped_receipts_are_named(archive: Archive) -> None:
    def change(content: bytes) -> bytes:
        first, second, *rest = content.splitlines(keepends=True)
        return b"".join([second, first, *rest])

    archive.change(RECEIPTS, change)
    assert any("instead of the one of" in line for line in archive.wrong())


def test_a_removed_file_and_an_extra_file_are_named(archive: Archive) -> None:
    archive.change("plans/0003/prereg.md", lambda _: None)
    archive.rewrite({**archive.files(), "reports/0009/better.md": b"# Better"})
    said = archive.wrong()
    assert "plans/0003/prereg.md is missing from the archive." in said
    assert "reports/0009/better.md is an extra file, which nobody signed." in said


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 1.0])
def test_one_changed_byte_anywhere_is_noticed(archive: Archive, share: float) -> None:
    content = bytearray(archive.file.read_bytes())
    content[round(share * (len(content) - 1))] ^= 0x20
    archive.file.write_bytes(content)
    try:
        assert archive.wrong()
    except Damaged as error:
        assert "study.zip" in str(error)


def test_every_byte_of_the_directory_of_the_zip_file_is_checked(archive: Archive) -> None:
    content = archive.file.read_bytes()
    start = content.index(b"PK\x01\x02")
    for at in range(start, start + 60):
        archive.file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        try:
            assert archive.wrong(), at
        except Damaged:
            continue
    archive.file.write_bytes(content + b"more")
    assert archive.wrong()


def test_another_key_is_named(archive: Archive, tmp_path: Path) -> None:
    other = dsse.signing_key(_with_new_key(tmp_path / "other"))
    archive.key.write_bytes(dsse.pem_of(other.public_key()))
    [line] = archive.wrong()
    assert "signed with another key" in line


def _with_new_key(state: Path) -> Path:
    state.mkdir()
    return state


def test_parts_of_an_older_archive_that_were_put_back_are_named(lab: Any, tmp_path: Path) -> None:
    old = export_study(lab.workspace, "threshold", tmp_path / "old.zip")
    store_report(lab)
    export_study(lab.workspace, "threshold", tmp_path / "new.zip")
    with zipfile.ZipFile(old.file) as one, zipfile.ZipFile(tmp_path / "new.zip") as two:
        files = {name: two.read(name) for name in two.namelist()}
        files |= {name: one.read(name) for name in (INDEX, LEDGER, RECEIPTS)}
    write_zip(tmp_path / "mixed.zip", files)
    said = check_archive(tmp_path / "mixed.zip", old.key).wrong
    assert "reports/0009/report.md is an extra file, which nobody signed." in said


def test_an_older_archive_is_named_to_a_reader_who_knows_a_newer_head(
    lab: Any, tmp_path: Path
) -> None:
    old = export_study(lab.workspace, "threshold", tmp_path / "old.zip")
    written = store_report(lab)
    new = export_study(lab.workspace, "threshold", tmp_path / "new.zip")
    lab.enter(lab.plan())
    assert not check_archive(new.file, new.key, written.ledger_head).wrong
    assert not check_archive(new.file, new.key, old.head[:12]).wrong
    [line] = check_archive(old.file, old.key, new.head).wrong
    assert "an older copy that was put back" in line
    with pytest.raises(BadRequest, match="too short"):
        check_archive(new.file, new.key, "ab")


# What an owner signs himself.


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


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


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


# Zip files that no export writes.


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    found.external_attr = mode << 16
    return found


@pytest.mark.parametrize(
    ("name", "mode", "compression", "why"),
    [
        ("../outside", stat.S_IFREG, zipfile.ZIP_STORED, "not a path within"),
        ("/absolute", stat.S_IFREG, zipfile.ZIP_STORED, "not a path within"),
        ("a\\b", stat.S_IFREG, zipfile.ZIP_STORED, "not a path within"),
        ("link", stat.S_IFLNK, zipfile.ZIP_STORED, "a link"),
        ("packed", stat.S_IFREG, zipfile.ZIP_DEFLATED, "compressed"),
    ],
)
def test_entries_that_no_archive_has_are_refused(
    tmp_path: Path, name: str, mode: int, compression: int, why: str
) -> None:
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as odd:
        odd.writestr(entry(name, mode | 0o644), b"x" * 100, compression)
    with pytest.raises(Damaged, match=why):
        ArchiveReader(tmp_path / "odd.zip")


def test_a_file_that_is_no_zip_file_is_refused(tmp_path: Path, archive: Archive) -> None:
    cut = archive.file.read_bytes()[:5_000]
    archive.file.write_bytes(cut)
    with pytest.raises(Damaged, match="is not a zip file"):
        archive.wrong()


def test_bytes_of_the_index_that_are_not_signed_are_checked_too(archive: Archive) -> None:
    for old, new in ((b'{"payloadType"', b'{"note":1,"payloadType"'), (b'","sig"', b'", "sig"')):
        archive.change(INDEX, replaced(old, new))
        assert any("that are not signed were changed" in line for line in archive.wrong())
        archive.change(INDEX, replaced(new, old))
    assert archive.wrong() == []


def resigned(archive: Archive, name: str, content: bytes) -> None:
    """Replace a file of the archive, and sign the list of its files again."""
    files = {**archive.files(), name: content}
    outer = payload_of(files.pop(INDEX))
    subject = [{"name": one, "digest": {"sha256": digest(files[one])}} for one in sorted(files)]
    body = dsse.statement(subject, outer["predicateType"], outer["predicate"])
    archive.rewrite({**files, INDEX: dsse.sealed(body, archive.private)})


@pytest.mark.parametrize("content", [None, [], "x", {}, {"predicate": []}, {"subject": 5}, "deep"])
def test_an_index_of_another_form_is_named_though_its_owner_signed_it(
    archive: Archive, content: Any
) -> None:
    whole = payload_of(archive.files()[INDEX])
    body = {**whole, **content} if isinstance(content, dict) and content else content
    text = b"[" * 100_000 if content == "deep" else json.dumps(body).encode()
    archive.change(INDEX, lambda _: dsse.sealed(text, archive.private))
    assert archive.wrong() == [f"{INDEX} is about something else than a study's archive."]
    assert main(["verify", str(archive.file)]) == 1  # the same with the key inside


@pytest.mark.parametrize(
    "predicate",
    [None, {}, {"record": None}, {"record": {}}, {"record_text": "{"}, {"place": 5, "kind": []}],
)
def test_a_receipt_of_another_form_is_named_though_its_owner_signed_it(
    archive: Archive, predicate: Any
) -> None:
    first, *others = archive.files()[RECEIPTS].splitlines(keepends=True)
    content = payload_of(first)
    usual = {"place": "here", "kind": "score"} if predicate else {}
    content["predicate"] = predicate if predicate is None else {**usual, **predicate}
    line = dsse.sealed(json.dumps(content).encode(), archive.private)
    resigned(archive, RECEIPTS, b"".join([line, *others]))
    assert any("of a form that nothing here writes" in said for said in archive.wrong())


@pytest.mark.parametrize("order", [None, [], "x", 0, 10**400])
def test_a_ledger_of_another_form_is_named_though_its_owner_signed_it(
    archive: Archive, order: Any
) -> None:
    ledger = json.loads(archive.files()[LEDGER])
    wrong = order if order is None or order == [] else dict.fromkeys(ledger["order"], order)
    resigned(archive, LEDGER, json.dumps({**ledger, "order": wrong}).encode())
    assert archive.wrong() == [f"{LEDGER} is not the ledger of an archive."]


def test_two_receipts_for_one_place_are_named_though_their_owner_signed_both(
    archive: Archive,
) -> None:
    *lines, index = map(payload_of, archive.files()[RECEIPTS].splitlines())
    again = {**lines[0], "predicate": {**lines[0]["predicate"], "written": "later"}}
    bodies = [json.dumps(one).encode() for one in (*lines, again)]
    index["subject"] = [
        {"name": json.loads(body)["predicate"]["place"], "digest": {"sha256": digest(body)}}
        for body in bodies
    ]
    signed_again = [dsse.sealed(body, archive.private) for body in bodies]
    signed_again.append(dsse.sealed(json.dumps(index).encode(), archive.private))
    resigned(archive, RECEIPTS, b"".join(signed_again))
    assert any(line.startswith("two receipts are about ") for line in archive.wrong())
