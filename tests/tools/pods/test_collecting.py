"""Files between us and a machine: whole, checked, and never outside the folder they belong in."""

import io
import json
import os
import stat
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from fakes.loopback_ssh import SSHD, LoopbackSsh
from fakes.runpod import NEEDS_PODS
from pydantic import ValidationError

from fumehood_tools.pods.agent import Agent, Manifest, RemoteFile, collect, sync
from fumehood_tools.pods.ssh import (
    ClientKey,
    CommandFailed,
    HostKeys,
    LinkLost,
    Machine,
    Packed,
    ResultsRefused,
    files_below,
    pack,
)

needs_sshd = pytest.mark.skipif(SSHD is None, reason=NEEDS_PODS)
child, slow = pytest.mark.child, pytest.mark.slow
SHA = "0" * 64


def results(agent: Agent, name: str) -> Path:
    """Make and return a folder of results on the machine."""
    folder = Path(agent.root) / "jobs" / name / "out"
    folder.mkdir(parents=True)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if not path.is_dir()
    }


@needs_sshd
@child
def test_case_33_of_a_hostile_tree_only_regular_files_with_plain_names_arrive(
    agent: Agent, tmp_path: Path
) -> None:
    there = results(agent, "hostile")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret", encoding="utf-8")
    (there / "sub").mkdir()
    good = {"good.txt": b"ok", "sub/ünï 日本.bin": b"\xff\0", "sub/empty": b"", "..hidden": b"h"}
    for name, content in good.items():
        (there / name).write_bytes(content)
    (there / "link").symlink_to(outside / "secret")
    (there / "up").symlink_to("../../../..")
    (there / "folder").symlink_to(outside)
    os.mkfifo(there / "fifo")
    for name in (
        b"new\nline",
        b"inv\xff",
        b"back\\slash",
        b" space",
        b"e\xcc\x81",
        b"\xe2\x80\xae",
    ):
        Path(os.fsdecode(os.path.join(os.fsencode(there), name))).write_bytes(b"odd")
    done = collect(agent, "jobs/hostile/out", tmp_path / "here")
    assert tree(tmp_path / "here") == good
    assert sorted(done.arrived) == sorted(good)
    assert done.manifest.refused_count == len(done.manifest.refused) == 10
    reasons = dict(done.manifest.refused)
    assert reasons[r"'new\nline'"] == "the name has characters that are not allowed"
    assert reasons["'fifo'"] == reasons["'link'"] == "not a regular file"
    assert reasons[r"'inv\udcff'"] == "the name is not UTF-8"
    assert stat.S_IMODE((tmp_path / "here/good.txt").stat().st_mode) & 0o111 == 0


@needs_sshd
@child
@slow
def test_case_42_too_many_files_and_too_many_bytes_are_refused(
    agent: Agent, tmp_path: Path
) -> None:
    there = results(agent, "many")
    for number in range(30):
        (there / f"{number}.txt").write_bytes(b"0123456789")
    for limits in ({"most_files": 29}, {"most_bytes": 299}):
        with pytest.raises(ResultsRefused, match="holds more than"):
            collect(agent, "jobs/many/out", tmp_path / "here", **limits)
    assert not (tmp_path / "here").exists()
    # A file that says it has a terabyte has no bytes on the disk, and is not read either.
    with (there / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ResultsRefused, match="holds more than"):
        collect(agent, "jobs/many/out", tmp_path / "here")
    (there / "sparse").unlink()
    for number in range(31):
        (there / f"link{number}").symlink_to("/")
    with pytest.raises(ResultsRefused, match="holds more than"):
        collect(agent, "jobs/many/out", tmp_path / "here", most_files=30)
    done = collect(agent, "jobs/many/out", tmp_path / "here", most_files=31, most_bytes=300)
    assert len(done.arrived) == 30 and done.manifest.refused_count == 31


@needs_sshd
@child
@slow
def test_case_16_a_download_goes_on_where_it_was_cut(
    agent: Agent, sshd: LoopbackSsh, state: Path, tmp_path: Path
) -> None:
    content = os.urandom(96 << 20)
    (results(agent, "large") / "large.bin").write_bytes(content)
    here, parts = tmp_path / "here", tmp_path / "here/.fumehood-parts"

    def stop_in_the_middle() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if any(part.stat().st_size for part in parts.glob("*")):
                sshd.stop()
                return
            time.sleep(0.001)

    key, known = ClientKey(state), HostKeys(state)
    with Machine("host", sshd.address, key, known, patience_s=0.5) as impatient:
        there = Agent(impatient, agent.root, sys.executable)
        cutting = threading.Thread(target=stop_in_the_middle)
        cutting.start()
        with pytest.raises(LinkLost):
            collect(there, "jobs/large/out", here)
        cutting.join(60)
        sshd.start()
        (part,) = parts.iterdir()
        assert 0 < part.stat().st_size < len(content)
        # It goes on from this part: a wrong byte in it is found at the end.
        with part.open("r+b") as file:
            file.write(bytes([content[0] ^ 1]))
        assert sync(there, "jobs/large/out", here).changed == ("large.bin",)
        assert collect(there, "jobs/large/out", here).arrived == ("large.bin",)
    assert (here / "large.bin").read_bytes() == content
    assert os.listdir(here) == ["large.bin"]


@needs_sshd
@child
@slow
def test_case_14_cuts_during_a_download_are_not_noticed(
    agent: Agent, sshd: LoopbackSsh, tmp_path: Path
) -> None:
    there = results(agent, "cut")
    content = {f"{number}/w.bin": os.urandom(16 << 20) for number in range(4)}
    for name, data in content.items():
        (there / name).parent.mkdir()
        (there / name).write_bytes(data)
    here, cuts = tmp_path / "here", []

    def cut() -> None:
        end = time.monotonic() + 60
        while len(cuts) < 3 and time.monotonic() < end:
            if (here / f"{len(cuts)}/w.bin").exists():
                cuts.append(sshd.cut())
            time.sleep(0.001)

    cutting = threading.Thread(target=cut)
    cutting.start()
    done = collect(agent, "jobs/cut/out", here)
    cutting.join(60)
    assert tree(here) == content and len(done.arrived) == 4 and len(cuts) == 3


@needs_sshd
@child
@slow
def test_checkpoints_are_brought_while_the_job_runs_and_only_what_is_new(
    agent: Agent, tmp_path: Path
) -> None:
    there, here = results(agent, "training"), tmp_path / "here"
    (there / "step1.npz").write_bytes(b"one")
    (there / "last.npz").write_bytes(b"one")
    first = sync(agent, "jobs/training/out", here)
    assert sorted(first.arrived) == ["last.npz", "step1.npz"]
    (there / "step2.npz").write_bytes(b"two")
    (there / "new").write_bytes(b"two")
    (there / "new").replace(there / "last.npz")
    (there / "step1.npz").unlink()
    second = sync(agent, "jobs/training/out", here, first.manifest)
    assert sorted(second.arrived) == ["last.npz", "step2.npz"]
    assert tree(here) == {"step1.npz": b"one", "step2.npz": b"two", "last.npz": b"two"}
    third = sync(agent, "jobs/training/out", here, second.manifest)
    assert third.arrived == third.changed == ()


@needs_sshd
@child
@slow
def test_files_with_other_bytes_than_the_machine_said_are_not_taken(
    agent: Agent, tmp_path: Path
) -> None:
    there, here = results(agent, "liar"), tmp_path / "here"
    (there / "weights").write_bytes(b"honest")
    honest = sync(agent, "jobs/liar/out", here).manifest
    mark = (there / "weights").stat()
    (there / "weights").write_bytes(b"forged")
    os.utime(there / "weights", ns=(mark.st_atime_ns, mark.st_mtime_ns))
    # The machine repeats the digest of the earlier bytes, because size and time are the same.
    (here / "weights").unlink()
    assert sync(agent, "jobs/liar/out", here, honest).changed == ("weights",)
    assert not (here / "weights").exists()


@needs_sshd
@child
@slow
def test_a_folder_that_does_not_exist_is_not_an_empty_one(agent: Agent, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="there is no such folder"):
        collect(agent, "jobs/never/out", tmp_path / "here")
    results(agent, "nothing")
    assert collect(agent, "jobs/nothing/out", tmp_path / "here").arrived == ()


@needs_sshd
@child
@slow
def test_results_do_not_follow_a_link_that_is_here(agent: Agent, tmp_path: Path) -> None:
    there, here = results(agent, "linked"), tmp_path / "here"
    (there / "sub").mkdir()
    (there / "sub/file").write_bytes(b"x")
    (there / "file").write_bytes(b"x")
    here.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (here / "file").symlink_to(tmp_path / "elsewhere/target")
    (here / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ResultsRefused, match="sub is a link here"):
        collect(agent, "jobs/linked/out", here)
    (here / "sub").unlink()
    collect(agent, "jobs/linked/out", here)
    assert os.listdir(tmp_path / "elsewhere") == []
    assert tree(here) == {"file": b"x", "sub/file": b"x"}


@needs_sshd
@child
@slow
def test_code_is_unpacked_whole_and_once(agent: Agent, tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "inner").mkdir(parents=True)
    (code / "run.py").write_text("print('ran')", encoding="utf-8")
    (code / "inner/tool").write_text("#!/bin/sh", encoding="utf-8")
    (code / "inner/tool").chmod(0o755)
    packed = pack(files_below(code), tmp_path / "code.tar.gz")
    folder = agent.send_code(packed)
    there = Path(agent.root) / folder
    assert tree(there) == {"run.py": b"print('ran')", "inner/tool": b"#!/bin/sh"}
    assert stat.S_IMODE((there / "inner/tool").stat().st_mode) == 0o700
    mark = there.stat().st_mtime_ns
    assert agent.send_code(packed) == folder and there.stat().st_mtime_ns == mark


@needs_sshd
@child
@slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../up", tarfile.REGTYPE),
        ("/abs", tarfile.REGTYPE),
        ("a/../../up", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE),
        ("hard", tarfile.LNKTYPE),
        ("device", tarfile.CHRTYPE),
        ("fifo", tarfile.FIFOTYPE),
    ],
)
def test_case_34_a_hostile_archive_is_refused_as_a_whole(
    agent: Agent, tmp_path: Path, name: str, kind: bytes
) -> None:
    archive = tmp_path / f"{len(name)}{kind.decode()}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for member_name, member_kind in (("good", tarfile.REGTYPE), (name, kind)):
            member = tarfile.TarInfo(member_name)
            member.type, member.linkname, member.mode = member_kind, "/etc/passwd", 0o4755
            member.size = 1 if member_kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(b"x"))
    digest = os.urandom(32).hex()
    with pytest.raises(CommandFailed, match="the archive has a member"):
        agent.send_code(Packed(archive, digest, 100))
    code = Path(agent.root) / "code"
    assert [path for path in code.iterdir() if digest[:24] in path.name] == [
        code / f"{digest[:24]}.tar.gz"
    ]
    assert not (Path(agent.root) / "up").exists() and not (code / "up").exists()


@needs_sshd
@child
@slow
def test_case_42_an_archive_that_unpacks_to_more_than_it_should_is_refused(
    agent: Agent, tmp_path: Path
) -> None:
    (tmp_path / "zeros").write_bytes(bytes(1 << 20))
    packed = pack({"zeros": tmp_path / "zeros"}, tmp_path / "bomb.tar.gz")
    assert packed.path.stat().st_size < 10_000
    with pytest.raises(CommandFailed, match="unpacks to more"):
        agent.send_code(packed._replace(content_bytes=(1 << 20) - 1))


@pytest.mark.parametrize(
    "path",
    ["", "..", "../x", "a/../x", "/etc/x", "a//b", "a/", "./a", "a\nb", "a\\b", "a\0b", " a"]
    + ["e\u0301", "\u202ea", "\udcffa", "a" * 256, "a/" * 40 + "a"],
)
def test_case_33_a_path_that_leaves_the_folder_or_is_odd_is_no_path(path: str) -> None:
    with pytest.raises(ValidationError):
        RemoteFile(path=path, size=1, mtime_ns=1, sha256=SHA)


@pytest.mark.parametrize(
    "paths", [("a", "a"), ("A", "a"), ("a", "a/b"), ("a/b/c", "a/b"), ("x/Y", "X/y/z")]
)
def test_case_33_two_files_of_one_path_are_no_manifest(paths: tuple[str, ...]) -> None:
    files = [RemoteFile(path=path, size=1, mtime_ns=1, sha256=SHA) for path in paths]
    told = {"files": [file.model_dump() for file in files], "refused": [], "refused_count": 0}
    with pytest.raises(ValidationError, match="same path"):
        Manifest.model_validate_json(json.dumps(told | {"complete": True}))
