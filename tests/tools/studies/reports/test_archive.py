"""An archive verifies with a public key alone, and tampering without its key is named."""

import base64
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fakes.study_archives import (
    Archive,
    payload_of,
    replaced,
    store_report,
)

from fumehood.cli import main
from fumehood_tools.errors import BadRequest
from fumehood_tools.receipts import dsse
from fumehood_tools.studies.archive.checking import check_archive
from fumehood_tools.studies.archive.writing import INDEX, LEDGER, RECEIPTS, export_study
from fumehood_tools.studies.archive.zips import Damaged, write_zip

EXPORTED = "2026-11-30T00:00:00+00:00"


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
