"""Machines over ssh: who answers, what a program prints, and files that arrive whole."""

import logging
import os
import stat
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.loopback_ssh import SSHD, LoopbackSsh, loopback_ssh
from fakes.runpod import NEEDS_PODS

from fumehood_tools.errors import BadRequest
from fumehood_tools.pods.ssh import (
    Answer,
    ClientKey,
    CommandFailed,
    HostKeyChanged,
    HostKeys,
    LinkLost,
    LoginRefused,
    Machine,
    SshFailed,
    TooSlow,
    files_below,
    fingerprints_in,
    pack,
    upload,
)

needs_sshd = pytest.mark.skipif(SSHD is None, reason=NEEDS_PODS)
child, slow = pytest.mark.child, pytest.mark.slow
MIB = 1 << 20


def run(machine: Machine, *argv: str, stdin: bytes = b"", seconds: float = 30) -> Answer:
    return machine.again(lambda shell: shell.run(argv, stdin=stdin, seconds=seconds))


@pytest.fixture
def other(tmp_path: Path, state: Path) -> Iterator[LoopbackSsh]:
    """A machine for one test, which may be damaged."""
    with loopback_ssh(tmp_path / "other", ClientKey(state).public()) as running:
        yield running


def reached(other: LoopbackSsh, state: Path, name: str, *expected: str) -> Machine:
    return Machine(name, other.address, ClientKey(state), HostKeys(state), expected, patience_s=5)


@needs_sshd
@child
def test_output_that_is_no_utf8_arrives_as_it_is(machine: Machine) -> None:
    answer = run(machine, "printf", r"50%% \377\r100%% \0\n")
    assert answer == Answer(0, b"50% \xff\r100% \0\n", b"")
    assert answer.text == "50% \N{REPLACEMENT CHARACTER}\r100% \0\n"


@needs_sshd
@child
def test_exit_codes_signals_and_input_pass_through(machine: Machine) -> None:
    assert run(machine, "sh", "-c", "cat; echo odd >&2; exit 3", stdin=b"\xff\n") == Answer(
        3, b"\xff\n", b"odd\n"
    )
    assert run(machine, "sh", "-c", "kill -9 $$").exit_code is None
    assert run(machine, "printf", "%s", "it's $HOME; `id` * \\").text == "it's $HOME; `id` * \\"
    with pytest.raises(CommandFailed, match="exit code 4 on the machine: why") as failed:
        machine.again(lambda shell: shell.check(["sh", "-c", "echo why >&2; exit 4"]))
    assert failed.value.exit_code == 4


@needs_sshd
@child
@slow
def test_a_program_that_is_slow_or_prints_without_end_is_left(machine: Machine) -> None:
    with pytest.raises(TooSlow, match="within 0 s"):
        run(machine, "sleep", "600", seconds=0.2)
    with pytest.raises(SshFailed, match="more than 1,000 bytes"):
        machine.again(lambda shell: shell.run(["cat", "/dev/zero"], most_bytes=1000))
    assert run(machine, "echo", "still there").text == "still there\n"


@needs_sshd
@child
@slow
def test_no_command_is_logged_where_another_library_logs_everything(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    # 32: a secret that somebody put into a command after all.
    with caplog.at_level(logging.DEBUG):
        machine.close()
        run(machine, "true", "canary-of-case-32")
    assert "canary" not in caplog.text


@needs_sshd
@child
def test_case_12_a_machine_with_another_host_key_is_refused(
    other: LoopbackSsh, state: Path
) -> None:
    with reached(other, state, "first") as machine:
        seen = machine.host_key
        assert (seen.source, seen.fingerprint) == ("first_use", other.fingerprint)
    with reached(other, state, "first") as machine:
        assert machine.host_key == seen.model_copy(update={"source": "pinned"})
    with reached(other, state, "second", "SHA256:" + "A" * 43, other.fingerprint) as machine:
        assert machine.host_key.source == "expected"
    with pytest.raises(HostKeyChanged, match="SHA256:AAA"):
        run(reached(other, state, "third", "SHA256:" + "A" * 43), "true")
    other.stop()
    other.new_host_key()
    other.start()
    log = other.folder / "sshd.log"
    let_in = log.read_text(encoding="utf-8").count("Accepted publickey")
    with pytest.raises(HostKeyChanged, match="Nothing was sent") as refused:
        run(reached(other, state, "first", other.fingerprint), "true")
    assert log.read_text(encoding="utf-8").count("Accepted publickey") == let_in == 3
    assert seen.fingerprint in str(refused.value) and other.fingerprint in str(refused.value)
    HostKeys(state).forget("first")
    with reached(other, state, "first", other.fingerprint) as machine:
        assert run(machine, "true").exit_code == 0


@needs_sshd
@child
def test_case_13_a_machine_that_does_not_know_our_key_is_not_tried_again(
    other: LoopbackSsh, state: Path
) -> None:
    other.authorized.write_text("", encoding="utf-8")
    with pytest.raises(LoginRefused, match="PUBLIC_KEY"):
        run(reached(other, state, "closed"), "true")
    log, end = other.folder / "sshd.log", time.monotonic() + 30
    while "[preauth]" not in log.read_text(encoding="utf-8") and time.monotonic() < end:
        time.sleep(0.02)
    assert log.read_text(encoding="utf-8").count("[preauth]") == 1
    assert HostKeys(state).of("closed") is None


@needs_sshd
@child
@slow
def test_a_machine_that_is_away_is_an_error_after_the_time_that_was_allowed(
    other: LoopbackSsh, state: Path
) -> None:
    other.stop()
    key, known = ClientKey(state), HostKeys(state)
    with Machine("away", other.address, key, known, patience_s=0.3) as machine:
        with pytest.raises(LinkLost, match="connect again"):
            run(machine, "true")
        other.start()
        assert run(machine, "true").exit_code == 0


@needs_sshd
@child
def test_case_14_an_upload_goes_on_where_the_connection_was_cut(
    machine: Machine, sshd: LoopbackSsh, tmp_path: Path
) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(os.urandom(13 * MIB))
    arrived = []

    def cut(sent: int) -> None:
        arrived.append(sent // MIB)
        if arrived in ([4, 8], [4, 8, 8, 12]):
            assert sshd.cut()

    digest = upload(machine, source, f"{sshd.root}/14/weights.bin", on_progress=cut)
    assert arrived == [4, 8, 8, 12, 12, 13]
    folder = sshd.root / "14"
    assert (folder / "weights.bin").read_bytes() == source.read_bytes()
    assert os.listdir(folder) == ["weights.bin"]
    assert stat.S_IMODE((folder / "weights.bin").stat().st_mode) == 0o600
    assert upload(machine, source, f"{folder}/weights.bin", on_progress=cut) == digest
    assert len(arrived) == 6


@needs_sshd
@child
@slow
def test_case_14_a_part_with_other_bytes_is_thrown_away(
    machine: Machine, sshd: LoopbackSsh, tmp_path: Path
) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(os.urandom(5 * MIB))
    arrived = []

    def spoil(sent: int) -> None:
        arrived.append(sent // MIB)
        if arrived == [4]:
            (part,) = (sshd.root / "spoilt").iterdir()
            with part.open("r+b") as file:
                file.write(b"other bytes")

    upload(machine, source, f"{sshd.root}/spoilt/weights.bin", on_progress=spoil)
    assert arrived == [4, 5, 4, 5]
    assert (sshd.root / "spoilt/weights.bin").read_bytes() == source.read_bytes()


@needs_sshd
@child
def test_of_two_uploads_of_one_file_at_a_time_the_slower_one_succeeds_too(
    machine: Machine, sshd: LoopbackSsh, tmp_path: Path
) -> None:
    source, folder = tmp_path / "code.tar.gz", sshd.root / "two"
    source.write_bytes(os.urandom(1000))

    def the_other_one_ends(_: int) -> None:
        (part,) = folder.iterdir()
        part.rename(folder / "code.tar.gz")

    upload(machine, source, f"{folder}/code.tar.gz", on_progress=the_other_one_ends)
    assert (folder / "code.tar.gz").read_bytes() == source.read_bytes()
    assert os.listdir(folder) == ["code.tar.gz"]


@needs_sshd
@child
@slow
def test_case_16_a_machine_without_sftp_takes_files_all_the_same(
    tmp_path: Path, state: Path
) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(os.urandom(9 * MIB))
    arrived = []
    with loopback_ssh(tmp_path / "bare", ClientKey(state).public(), sftp=False) as bare:

        def cut(sent: int) -> None:
            arrived.append(sent // MIB)
            if len(arrived) == 2:
                assert bare.cut()

        with reached(bare, state, "bare") as machine:
            upload(machine, source, f"{bare.root}/a b/it's", mode=0o755, on_progress=cut)
        there = bare.root / "a b/it's"
        assert there.read_bytes() == source.read_bytes()
        assert stat.S_IMODE(there.stat().st_mode) == 0o755
    assert arrived[:2] == [4, 8] and arrived[-1] == 9 and 4 not in arrived[2:]


def test_the_key_of_a_workspace_is_private_and_stays_the_same(tmp_path: Path) -> None:
    first, second = ClientKey(tmp_path).public(), ClientKey(tmp_path).public()
    assert first == second and first.startswith("ssh-ed25519 ")
    (key,) = tmp_path.rglob("machine_key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    with pytest.raises(BadRequest):
        HostKeys(tmp_path).of("../machine_key")


def test_fingerprints_are_found_in_a_log() -> None:
    one, two = "SHA256:" + "a" * 43, "SHA256:" + "b/+Z" * 10 + "c+/"
    lines = [
        f"SSH host key: 256 {one} root@pod (ED25519)",
        f"256 {two} x",
        one,
        f"{one}d",
        "SHA256:",
    ]
    assert fingerprints_in(lines) == (one, two)


def test_code_packs_to_the_same_bytes_whenever_it_is_packed(tmp_path: Path) -> None:
    packs = []
    for place, seconds in (("a", 1), ("b", 10**9)):
        code = tmp_path / place / "code"
        for name in ("z.py", "inner/a.py", "__pycache__/z.pyc", ".git/HEAD", "inner/run.sh"):
            (code / name).parent.mkdir(parents=True, exist_ok=True)
            (code / name).write_text(name, encoding="utf-8")
            os.utime(code / name, (seconds, seconds))
        (code / "inner/run.sh").chmod(0o744)
        packs.append(pack(files_below(code), tmp_path / f"{place}.tar.gz"))
    first, second = packs
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.digest == second.digest and first.content_bytes == 26
    with tarfile.open(first.path) as tar:
        modes = {member.name: member.mode for member in tar}
    assert modes == {"inner/a.py": 0o644, "inner/run.sh": 0o755, "z.py": 0o644}
    assert list(modes) == sorted(modes)


def test_a_link_in_a_folder_of_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "passwords").symlink_to("/etc/passwd")
    with pytest.raises(BadRequest, match="passwords is a link"):
        files_below(tmp_path)
