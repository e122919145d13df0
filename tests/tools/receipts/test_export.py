"""An export verifies with its public key alone, and every change to it is detected."""

import base64
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from fumehood.cli import main

FIXTURE = Path(__file__).parents[2] / "fixtures" / "workspace_1.tar.xz"
RESULTS = "sandboxes/box/results"
TOPK = f"{RESULTS}/topk/seed0-01485b7c"
BROKEN = f"{RESULTS}/broken/seed0-fa1e1696"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["verify", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a workspace of an earlier version, with its key. The workspace is deleted."""
    folder = tmp_path_factory.mktemp("export")
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(folder / "ws", filter="data")
    to = folder / "receipts.intoto.jsonl"
    place = ["--workspace", str(folder / "ws"), "--rescore", "0"]
    assert main(["verify", *place, "--export", str(to)]) == 0
    assert stat.S_IMODE((folder / "ws/.fumehood/export.key").stat().st_mode) == 0o600
    (folder / "ws").rename(folder / "elsewhere")
    return to


@pytest.fixture
def handed_on(exported: Path, tmp_path: Path) -> Path:
    """A copy of the export and its public key in an empty folder."""
    for path in (exported, Path(f"{exported}.pub")):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path / exported.name


def checked(capsys: pytest.CaptureFixture[str], file: Path, key: Path | None = None) -> list[str]:
    """Return the "wrong" lines of `fumehood verify FILE --key PUB`; the exit code must agree."""
    code, out, _ = run(capsys, str(file), "--key", str(key or f"{file}.pub"))
    found = [line for line in out.splitlines() if line.startswith("wrong: ")]
    assert code == (1 if found else 0), out
    return found


def lines_of(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines(keepends=True)


def payload_of(line: bytes) -> Any:
    return json.loads(base64.b64decode(json.loads(line)["payload"]))


def test_it_verifies_in_an_empty_environment(handed_on: Path) -> None:
    command = [sys.executable, "-m", "fumehood", "verify", handed_on.name]
    done = subprocess.run(
        [*command, "--key", f"{handed_on.name}.pub"],
        cwd=handed_on.parent,
        env={"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("6 receipts of workspace 65ce1b97a9b723c2, exported 20")
    assert "none is missing" in last
    assert sorted(path.name for path in handed_on.parent.iterdir()) == [
        handed_on.name,
        f"{handed_on.name}.pub",
    ]


def test_a_reader_is_told_what_was_withdrawn(handed_on: Path, capsys: Any) -> None:
    code, out, _ = run(capsys, str(handed_on), "--key", f"{handed_on}.pub")
    assert code == 0
    assert f"note: {RESULTS}/topk/seed1-b5780470: withdrawn by its owner" in out


def test_what_was_withdrawn_and_deleted_is_named_in_the_export(
    bench: Any, capsys: Any, tmp_path: Path
) -> None:
    folder = bench.score("topk")
    bench.score("topk", seed=1)
    place, where = bench.place(folder), ["--workspace", str(bench.settings.workspace)]
    run(capsys, *where, "--withdraw", place)
    shutil.rmtree(folder)
    to = tmp_path / "r.jsonl"
    code, out, _ = run(capsys, *where, "--rescore", "0", "--export", str(to))
    assert code == 0 and f"note: {place}: withdrawn by" in out
    assert payload_of(lines_of(to)[-1])["predicate"]["withdrawn"] == [place]


def test_whoever_reads_the_standards_can_verify_it_without_us(handed_on: Path) -> None:
    key = load_pem_public_key(Path(f"{handed_on}.pub").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    statements = []
    for line in lines_of(handed_on):
        envelope = json.loads(line)
        kind, body = envelope["payloadType"], base64.b64decode(envelope["payload"])
        signed = f"DSSEv1 {len(kind)} {kind} {len(body)} ".encode() + body
        [signature] = envelope["signatures"]
        key.verify(base64.b64decode(signature["sig"]), signed)
        statements.append(json.loads(body))
    assert {one["_type"] for one in statements} == {"https://in-toto.io/Statement/v1"}
    *receipts, index = statements
    [topk] = [one for one in receipts if one["predicate"]["place"] == TOPK]
    digests = {one["name"]: one["digest"]["sha256"] for one in topk["subject"]}
    weights = topk["predicate"]["record"]["provenance"]["weights_sha256"]
    assert digests[f"{TOPK}/sae.safetensors"] == weights
    assert f"{TOPK}/score.json" in digests and f"{TOPK}/core.json" in digests
    assert index["predicate"]["withdrawn"] == [f"{RESULTS}/topk/seed1-b5780470"]
    bodies = [base64.b64decode(json.loads(line)["payload"]) for line in lines_of(handed_on)]
    assert [one["digest"]["sha256"] for one in index["subject"]] == [
        hashlib.sha256(body).hexdigest() for body in bodies[:-1]
    ]


def a_byte_of_a_payload(lines: list[bytes]) -> list[bytes]:
    """Improve the L0 in the score of topk without signing it again, as in a text editor."""
    at = next(n for n, line in enumerate(lines) if payload_of(line)["predicate"]["place"] == TOPK)
    envelope = json.loads(lines[at])
    body = base64.b64decode(envelope["payload"]).replace(b'"l0":3', b'"l0":1')
    envelope["payload"] = base64.b64encode(body).decode()
    return [*lines[:at], json.dumps(envelope).encode() + b"\n", *lines[at + 1 :]]


def a_byte_of_a_signature(lines: list[bytes]) -> list[bytes]:
    envelope = json.loads(lines[0])
    signature = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
    signature[5] ^= 1
    envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    return [json.dumps(envelope).encode() + b"\n", *lines[1:]]


def other_payload(lines: list[bytes]) -> list[bytes]:
    """Combine the payload of one receipt with the signature of another."""
    first, second = json.loads(lines[0]), json.loads(lines[1])
    first["payload"] = second["payload"]
    return [json.dumps(first).encode() + b"\n", *lines[1:]]


CHANGES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], list[str]]] = {
    "one byte of a record": (
        a_byte_of_a_payload,
        [f"({TOPK}): its signature does not fit", f"receipt of {TOPK} is missing or was changed"],
    ),
    "one byte of a signature": (
        a_byte_of_a_signature,
        [f"line 1 ({BROKEN}): its signature does not fit", f"receipt of {BROKEN} is missing"],
    ),
    "a damaged line": (
        lambda lines: [lines[0][:40] + b"\n", *lines[1:]],
        ["line 1 is not a signed statement", f"receipt of {BROKEN} is missing"],
    ),
    "a second payload that others may read": (
        lambda lines: [b'{"payload":"AAAA",' + lines[0][1:], *lines[1:]],
        ["line 1 is not a signed statement", f"receipt of {BROKEN} is missing"],
    ),
    "one receipt removed": (
        lambda lines: lines[1:],
        [f"the receipt of {BROKEN} is missing or was changed"],
    ),
    "two receipts swapped": (
        lambda lines: [lines[1], lines[0], *lines[2:]],
        [
            f"line 1 has the receipt of {RESULTS}/broken/seed1-5e58ca84 instead of the one of "
            f"{BROKEN}"
        ],
    ),
    "the payload of another": (
        other_payload,
        [
            f"line 1 ({RESULTS}/broken/seed1-5e58ca84): its signature does not fit",
            f"the receipt of {BROKEN} is missing or was changed",
        ],
    ),
    "one receipt twice": (
        lambda lines: [*lines[:-1], lines[0], lines[-1]],
        [f"line 7 ({BROKEN}) repeats a receipt"],
    ),
    "the index removed": (
        lambda lines: lines[:-1],
        ["does not end with a valid index"],
    ),
    "receipts behind the index": (
        lambda lines: [*lines[1:], lines[0]],
        ["does not end with a valid index"],
    ),
    "nothing left": (lambda lines: [], ["does not end with a valid index"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_is_named(handed_on: Path, capsys: Any, name: str) -> None:
    change, wanted = CHANGES[name]
    assert checked(capsys, handed_on) == []
    handed_on.write_bytes(b"".join(change(lines_of(handed_on))))
    found = checked(capsys, handed_on)
    for text in wanted:
        assert any(text in line for line in found), found
    others = [line for line in found if "signature does not fit" in line]
    assert len(others) == sum("signature" in text for text in wanted)


def test_another_key_verifies_nothing_and_is_named(handed_on: Path, capsys: Any) -> None:
    other = handed_on.with_name("other.pub")
    public = Ed25519PrivateKey.generate().public_key()
    other.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    found = checked(capsys, handed_on, other)
    assert len(found) == 8
    assert all("it names another key (" in line for line in found[:7])


def test_a_key_id_that_was_put_on_does_not_help(handed_on: Path, capsys: Any) -> None:
    """Another key signs a receipt but names our key id."""
    stranger = Ed25519PrivateKey.generate()
    envelope = json.loads(lines_of(handed_on)[0])
    kind, body = envelope["payloadType"], base64.b64decode(envelope["payload"])
    signed = f"DSSEv1 {len(kind)} {kind} {len(body)} ".encode() + body
    envelope["signatures"][0]["sig"] = base64.b64encode(stranger.sign(signed)).decode()
    rest = b"".join(lines_of(handed_on)[1:])
    handed_on.write_bytes(json.dumps(envelope).encode() + b"\n" + rest)
    assert "its signature does not fit" in checked(capsys, handed_on)[0]


def test_an_export_needs_a_sound_workspace(bench: Any, capsys: Any, tmp_path: Path) -> None:
    place = ["--workspace", str(bench.settings.workspace), "--rescore", "0"]
    to = tmp_path / "x.jsonl"
    code, _, said = run(capsys, *place, "--export", str(to))
    assert code != 0 and "no valid receipt" in said and not to.exists()
    folder = bench.score("topk")
    with (folder / "sae.safetensors").open("ab") as file:
        file.write(b"more")
    code, out, said = run(capsys, *place, "--export", str(to))
    assert code != 0 and "[weights_swapped]" in out and "Nothing was exported" in said
    assert not to.exists()


def test_two_exports_have_one_key(bench: Any, capsys: Any, tmp_path: Path) -> None:
    bench.score("topk")
    place = ["--workspace", str(bench.settings.workspace), "--rescore", "0"]
    for name in ("one", "two"):
        assert run(capsys, *place, "--export", str(tmp_path / name))[0] == 0
        bench.score("standard")
    assert (tmp_path / "one.pub").read_bytes() == (tmp_path / "two.pub").read_bytes()
    assert checked(capsys, tmp_path / "one", tmp_path / "two.pub") == []


def test_what_is_no_key_is_said(handed_on: Path, capsys: Any) -> None:
    Path(f"{handed_on}.pub").write_text("ssh-ed25519 AAAA\n", encoding="utf-8")
    code, _, said = run(capsys, str(handed_on), "--key", f"{handed_on}.pub")
    assert code != 0 and "not an Ed25519 public key in PEM form" in said
    code, _, said = run(capsys, str(handed_on))
    assert code != 0 and "--key FILE.pub" in said


def test_an_export_of_one_sandbox_says_so(bench: Any, capsys: Any, tmp_path: Path) -> None:
    bench.score("topk")
    bench.score("topk", sandbox="other")
    place = ["--workspace", str(bench.settings.workspace), "--rescore", "0"]
    to = tmp_path / "part.jsonl"
    assert run(capsys, *place, "--sandbox", "other", "--export", str(to))[0] == 0
    code, said, _ = run(capsys, str(to), "--key", f"{to}.pub")
    assert code == 0 and said.startswith("1 receipts of workspace")
    assert ", sandbox other only, exported" in said


def test_a_number_that_canonical_json_cannot_say_is_exported_as_text(
    bench: Any, capsys: Any, tmp_path: Path
) -> None:
    large = 2**60 + 1
    bench.score("topk", seed=large)
    place = ["--workspace", str(bench.settings.workspace), "--rescore", "0"]
    to = tmp_path / "large.jsonl"
    assert run(capsys, *place, "--export", str(to))[0] == 0
    assert checked(capsys, to) == []
    about = payload_of(lines_of(to)[0])["predicate"]
    assert json.loads(about["record_text"])["seed"] == large and "record" not in about
