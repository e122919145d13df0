"""A host whose trainings are written down beforehand, reached by a real sshd, and run by our agent.

Its `python3` is a script: what asks for packages is content, what asks for the glass gets the text
of a file, and the trainer is whatever program the test has written.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fakes.loopback_ssh import LoopbackSsh
from fumehood_tools.errors import FumehoodError
from fumehood_tools.pods.hosts import Host
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.remote.places import OpenPlace

PYTHON = """\
#!/bin/sh
case "$*" in
  "-I -S "*) exec {python} "$@" ;;
  *fumehood-setup*) exec sh {folder}/setup ;;
  *choose_level*) cat {folder}/level ;;
  *remote.trainer*) exec {python} -I -S {folder}/train.py "$4" ;;
esac
"""
TRAIN = """\
import json, os, sys, time
sys.path.insert(0, "")
order = json.load(open(sys.argv[1]))["order"]
variant = order["variant"]
digest = json.load(open({digests!r}))[variant]
os.makedirs("out", exist_ok=True)
where = {{"machine": "a host", "device": "cpu", "threads": 1, "versions": {{}}}}
where["glass"] = "bubblewrap"
def write(name, content):
    with open("out/" + name, "wb") as file:
        file.write(content)
def answer(**more):
    told = {{"order": digest, "seconds": 1.0, "where": where}}
    write("answer.json", json.dumps({{**told, **more}}).encode())
write("sae.safetensors", b"weights of " + variant.encode())
"""


class ScriptedHost:
    """One such host. level: the glass that it says it has."""

    def __init__(self, sshd: LoopbackSsh, folder: Path, orders: Sequence[TrainingOrder]) -> None:
        """folder: for everything that is put there."""
        self.sshd, self.folder = sshd, folder
        folder.mkdir()
        python = self.folder / "python3"
        python.write_text(PYTHON.format(python=sys.executable, folder=self.folder), "utf-8")
        python.chmod(0o755)
        digests = {order.variant: order.digest for order in orders}
        (self.folder / "digests.json").write_text(json.dumps(digests), "utf-8")
        self.sets_up("")
        self.has_glass("bubblewrap")
        self.trains("answer()")

    @property
    def jobs(self) -> list[str]:
        """The jobs that the agent knows."""
        return sorted(path.name for path in (self.folder / ".fumehood" / "jobs").glob("*"))

    def host(self, **more: object) -> Host:
        """Return its entry in hosts.toml."""
        address = self.sshd.address
        return Host.model_validate(
            {
                "name": "lab",
                "address": address.host,
                "port": address.port,
                "user": address.user,
                "gpus": 0,
                "folder": str(self.folder),
                "python": str(self.folder / "python3"),
                **more,
            }
        )

    def sets_up(self, commands: str) -> None:
        """Have it run these shell commands when it is asked for packages."""
        (self.folder / "setup").write_text(commands, "utf-8")

    def has_glass(self, level: str) -> None:
        """Have it say from now on that variants have this glass there."""
        (self.folder / "level").write_text(level, "utf-8")

    def trains(self, program: str) -> None:
        """Have it train like this. The program knows `variant`, `write`, `answer`, `where`."""
        text = TRAIN.format(digests=str(self.folder / "digests.json")) + program
        (self.folder / "train.py").write_text(text, "utf-8")


class ClosedPlace:
    """A place that cannot be opened."""

    name = key = "a closed place"

    def __init__(self, error: FumehoodError | OSError) -> None:
        self.error = error
        self.released: list[str] = []

    def open(self) -> OpenPlace:
        raise self.error

    def look(self) -> NoReturn:
        raise AssertionError("it was never open")

    def release(self, why: str) -> None:
        self.released.append(why)
