"""Archives of a form that no export writes are refused or named, whoever signed them."""

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fakes.study_archives import (
    Archive,
    digest,
    payload_of,
    replaced,
    resigned,
)

from fumehood.cli import main
from fumehood_tools.receipts import dsse
from fumehood_tools.studies.archive.writing import INDEX, LEDGER, RECEIPTS
from fumehood_tools.studies.archive.zips import ArchiveReader, Damaged


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
