"""A real sshd on the loopback, as an ordinary process with its own keys and configuration.

It logs in the user who runs the tests, and shares their files and processes: a machine of one's
own, not a pod.
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fakes.runpod import NEEDS_PODS
from fumehood_tools.pods.api.model import SshAddress

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")
START_SECONDS = 20


class LoopbackSsh:
    """One sshd. `root`: a folder for whatever is put on this machine."""

    def __init__(self, folder: Path, public_key: str, sftp: bool = True) -> None:
        self.folder, self.root = folder, folder / "machine"
        self.root.mkdir()
        self.authorized = folder / "authorized_keys"
        self.authorized.write_text(public_key + "\n", encoding="utf-8")
        self.authorized.chmod(0o600)
        self.sftp = sftp
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = SshAddress(host="127.0.0.1", port=self.port, user=getpass.getuser())
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start sshd, with a new host key if there is none, and wait until it answers."""
        key = self.folder / "host_key"
        if not key.exists():
            self.new_host_key()
        self.folder.joinpath("config").write_text(self._config(key), encoding="utf-8")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        assert SSHD
        with (self.folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(self.folder / "config")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return
            except OSError:
                assert time.monotonic() < end, "sshd does not start: see sshd.log"
                time.sleep(0.02)

    def stop(self) -> None:
        """End sshd with all its connections."""
        if self._process is not None:
            self.cut()
            self._process.terminate()
            self._process.wait(START_SECONDS)
            self._process = None

    def cut(self) -> int:
        """End all connections, as a network does that fails; return how many there were."""
        assert self._process is not None
        sessions = psutil.Process(self._process.pid).children()
        for session in sessions:
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in [*session.children(), session]:
                    if process.name().startswith("sshd"):
                        process.kill()
        return len(sessions)

    def new_host_key(self) -> None:
        """Make another host key; it counts from the next start."""
        for name in ("host_key", "host_key.pub"):
            (self.folder / name).unlink(missing_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "host_key")],
            check=True,
            timeout=60,
        )

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the host key, by ssh-keygen."""
        shown = subprocess.run(
            ["ssh-keygen", "-lf", str(self.folder / "host_key.pub")],
            check=True,
            timeout=60,
            capture_output=True,
            text=True,
        )
        return shown.stdout.split()[1]

    def _config(self, key: Path) -> str:
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {key}",
            f"AuthorizedKeysFile {self.authorized}",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "PermitRootLogin prohibit-password",
            "MaxStartups 100",
            "MaxSessions 100",
            "Subsystem sftp internal-sftp" if self.sftp else "",
        ]
        return "\n".join(lines) + "\n"


@contextlib.contextmanager
def loopback_ssh(folder: Path, public_key: str, sftp: bool = True) -> Iterator[LoopbackSsh]:
    """Yield a running sshd that accepts one key; everything it needs is in the folder."""
    if SSHD is None:
        pytest.skip(NEEDS_PODS)
    folder.mkdir()
    machine = LoopbackSsh(folder, public_key, sftp)
    machine.start()
    try:
        yield machine
    finally:
        machine.stop()
