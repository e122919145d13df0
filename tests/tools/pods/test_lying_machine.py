"""A machine whose agent says what is not so."""

import json
from pathlib import Path

import pytest
from fakes.loopback_ssh import SSHD
from fakes.runpod import NEEDS_PODS

from fumehood_tools.pods.agent import Agent, collect
from fumehood_tools.pods.ssh import Damaged, Machine, ResultsRefused, SshFailed

needs_sshd = pytest.mark.skipif(SSHD is None, reason=NEEDS_PODS)
child, slow = pytest.mark.child, pytest.mark.slow
SHA = "0" * 64
MANIFEST = {"refused": [], "refused_count": 0, "complete": True}
FILE = {"path": "a", "size": 2, "mtime_ns": 1, "sha256": SHA}
TWO, THREE = b"\0\0\0\0\0\0\0\2", b"\0\0\0\0\0\0\0\3"
LIAR = """#!/bin/sh
cat > /dev/null
case "$4" in
  manifest) {manifest} ;;
  send) printf '{sent}' ;;
esac
"""


def printing(manifest: object) -> str:
    return f"printf '%s' '{json.dumps(manifest)}'"


def escaped(data: bytes) -> str:
    return "".join(f"\\{byte:03o}" for byte in data)


@needs_sshd
@child
@slow
@pytest.mark.parametrize(
    ("manifest", "sent", "error", "says"),
    [
        pytest.param(
            printing(MANIFEST | {"files": [FILE]}),
            TWO + b"xx",
            Damaged,
            "'a', arrive with",
            id="sha",
        ),
        pytest.param(
            printing(MANIFEST | {"files": [FILE]}),
            THREE + b"xxx",
            ResultsRefused,
            "number",
            id="size",
        ),
        pytest.param(
            printing(MANIFEST | {"files": [FILE | {"path": "../a"}]}),
            TWO + b"xx",
            ResultsRefused,
            "not the form of an answer",
            id="path",
        ),
        pytest.param(
            printing(MANIFEST | {"files": [FILE | {"path": ".fumehood-parts/a"}]}),
            TWO + b"xx",
            ResultsRefused,
            "Rename it",
            id="parts",
        ),
        pytest.param("echo Segmentation fault", b"", ResultsRefused, "not the form", id="no-json"),
        pytest.param("cat /dev/zero", b"", SshFailed, "more than 33,554,432 bytes", id="endless"),
    ],
)
def test_case_33_a_machine_that_lies_gets_nothing_onto_our_disk(
    machine: Machine,
    tmp_path: Path,
    manifest: str,
    sent: bytes,
    error: type[Exception],
    says: str,
) -> None:
    liar = tmp_path / "python3"
    liar.write_text(LIAR.format(manifest=manifest, sent=escaped(sent)), encoding="utf-8")
    liar.chmod(0o755)
    with pytest.raises(error, match=says):
        collect(Agent(machine, "/nowhere", str(liar)), "jobs/a/out", tmp_path / "here")
    here = tmp_path / "here"
    assert not here.exists() or not [one for one in here.iterdir() if one.name != ".fumehood-parts"]
    assert not (tmp_path / "a").exists()
