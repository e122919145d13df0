"""Readers of others, each in a virtual environment of its own with pinned versions.

`start(name)` makes the environment of a peer in build/pdf-peers, if it is not there, and starts a
child in it that reads papers one after another, so that imports are not measured. Installing takes
a package index and up to two minutes per peer; afterwards nothing is fetched. A peer that cannot
be installed raises NotHere with the reason. No peer runs a model.
"""

import hashlib
import json
import select
import shutil
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel, Field

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.document import Document

READERS = Path(__file__).resolve().parent / "peer_readers"
ENVIRONMENTS = Path(__file__).resolve().parents[2] / "build" / "pdf-peers"
INSTALL_S = 600
READ_S = 120


class NotHere(Exception):
    """A backend that cannot run on this machine."""


class Extract(BaseModel, frozen=True):
    """What a reader gives that returns text and, beside it, tables and links, but no structure."""

    text: str
    rows: list[list[str]] = Field(default_factory=list)
    links: list[str] = Field(default_factory=list)


def environment(name: str, within: Path = ENVIRONMENTS) -> Path:
    """Return the folder of a peer's virtual environment; make it first if it is not there.

    Its name contains a hash of the pinned versions, so a changed lock file makes a new one.
    """
    lock = READERS / f"{name}.lock"
    folder = within / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:8]}"
    if (folder / ".ready").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    commands = (
        [sys.executable, "-m", "venv", str(folder)],
        [*pip, "--disable-pip-version-check", "--no-deps", "-r", str(lock)],
    )
    for command in commands:
        try:
            subprocess.run(command, capture_output=True, text=True, check=True, timeout=INSTALL_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise NotHere(
                f"{name} could not be installed ({_reason(error)}). It needs a package index that "
                f"has the versions of {lock.name}; the other backends run without it."
            ) from error
    (folder / ".ready").touch()
    return folder


def _reason(error: Exception) -> str:
    """Return the last error that a command printed, or what happened to the command."""
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took longer than {INSTALL_S} s"
    lines = str(getattr(error, "stderr", "") or error).strip().splitlines()
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines)[-1].strip().rstrip(".")


class Peer:
    """A child in a peer's environment: it gets one path per line and answers one line of JSON.

    A child that ended or took too long is started again for the next paper.
    """

    def __init__(self, python: Path, script: Path) -> None:
        self._command = [str(python), str(script)]
        self._child = self._started()

    def _started(self) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )

    def read(self, path: Path) -> Document | Extract:
        """Return what the peer reads in a file. Raises Unreadable when it fails."""
        if self._child.poll() is not None:
            self.close()
            self._child = self._started()
        stdin, stdout = self._child.stdin, self._child.stdout
        assert stdin and stdout
        stdin.write(json.dumps(str(path)) + "\n")
        stdin.flush()
        if not select.select([stdout], [], [], READ_S)[0]:
            self.close()
            raise Unreadable(f"The peer took longer than {READ_S} s. The paper counts as missed.")
        line = stdout.readline()
        if not line:
            self.close()
            raise Unreadable("The peer ended at this paper. Run its script by hand to see why.")
        answer = json.loads(line)
        if "error" in answer:
            raise Unreadable(f"The peer failed: {answer['error']}. The paper counts as missed.")
        kind = Document if "source" in answer else Extract
        return kind.model_validate(answer)

    def close(self) -> None:
        """End the child."""
        self._child.kill()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe:
                pipe.close()
        self._child.wait()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start(name: str) -> Peer:
    """Return a running peer. Raises NotHere when it cannot be installed."""
    python = environment(name) / "bin" / "python"
    return Peer(python, READERS / f"read_{name}.py")


def find_pandoc() -> str:
    """Return the pandoc on PATH, or the one in the package pypandoc_binary. Raises NotHere."""
    found = shutil.which("pandoc")
    if found:
        return found
    packaged = environment("pandoc").glob("lib/python*/site-packages/pypandoc/files/pandoc")
    return str(next(packaged))
