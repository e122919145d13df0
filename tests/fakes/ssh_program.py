"""The ssh program, as an outsider to our own transport."""

import subprocess
from pathlib import Path


class Ssh:
    """The ssh program, with a key of its own."""

    def __init__(self, folder: Path) -> None:
        self._key = folder / "key"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._key], check=True, timeout=20
        )
        self.public = self._key.with_suffix(".pub").read_text(encoding="utf-8").strip()

    def line(self, port: int) -> list[str]:
        """Return the start of a command that runs in the pod at a port."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
        flags = [word for option in options for word in ("-o", option)]
        return [
            "ssh",
            "-F",
            "none",
            "-i",
            str(self._key),
            *flags,
            "-p",
            str(port),
            "root@127.0.0.1",
        ]

    def run(self, port: int, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the pod at a port."""
        return subprocess.run(
            [*self.line(port), command], capture_output=True, text=True, timeout=60, check=False
        )
