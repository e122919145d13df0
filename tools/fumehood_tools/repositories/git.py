"""Run git as a subprocess that neither runs code of a repository nor asks anyone anything.

Covered: no hooks, no filters (LFS), no submodules, no file system monitor, no configuration of the
user or the system, no prompts or credential helpers, no transport but the one named; limits on
time and on the bytes it writes, and the end of its whole process group at either of them.
Not covered: a bug in git itself.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from fumehood_tools.children import our_environment
from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import PartMissing, RepositoryFailed, StorageFailed
from fumehood_tools.quoting import one_line
from fumehood_tools.repositories.address import without_credentials

LOOK_SECONDS = 0.1
MOST_SAID = 2000
_HANDED_ON = re.compile(
    r"PATH|TMPDIR|LD_LIBRARY_PATH|(?:https?|all|no)_proxy|SSL_CERT_(?:FILE|DIR)|CURL_CA_BUNDLE|"
    r"GIT_SSL_CAINFO|SYSTEMROOT",
    re.I,
)
_SAFE = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.symlinks=false"),
    *("core.protectNTFS=true", "core.protectHFS=true", "core.askPass=", "credential.helper="),
    *("core.attributesFile=/dev/null", "core.excludesFile=/dev/null", "core.autocrlf=false"),
    *("core.untrackedCache=false", "core.commitGraph=false", "core.pager=cat", "gc.auto=0"),
    *("submodule.recurse=false", "fetch.recurseSubmodules=false", "maintenance.auto=false"),
    *("filter.lfs.smudge=", "filter.lfs.process=", "filter.lfs.required=false"),
    *("http.followRedirects=false", "http.lowSpeedLimit=500", "http.lowSpeedTime=30"),
    *("transfer.bundleURI=false", "transfer.credentialsInUrl=die", "protocol.allow=never"),
    *("log.showSignature=false", "diff.external=", "advice.detachedHead=false"),
)


# What git says, in lower case, when a repository is not there, when the network fails, and when the
# host asks for a login.
_MISSING = ("not found", "does not appear to be a git repository", "does not exist")
_HOSTS = (
    *("could not resolve", "failed to connect", "timed out", "connection", "early eof"),
    *("rpc failed", "unexpected disconnect", "hung up", "ssl", "too slow"),
)
_PRIVATE = (
    *("could not read username", "authentication failed", "permission denied"),
    *("terminal prompts disabled", "error: 403", "error: 401", "host key verification"),
)


class Git:
    """Runs git. protocols: the transports that it may use, such as ("https",).

    work_tree: the folder whose files git compares with its index. A repository's configuration may
    name another folder, which is then not looked at.
    """

    def __init__(self, protocols: Sequence[str] = (), work_tree: Path | None = None) -> None:
        found = shutil.which("git")
        if found is None:
            raise PartMissing("git", "apt install git, or brew install git")
        self._git, self._protocols, self._work_tree = found, tuple(protocols), work_tree

    def version(self) -> str:
        """Return git's version, such as 2.39.5."""
        said = self.read(["version"], None, _within(20.0))
        return said.decode("ascii", "replace").removeprefix("git version").strip()

    def read(
        self,
        arguments: Sequence[str],
        folder: Path | None,
        deadline: Deadline,
        most: int = 1 << 28,
    ) -> bytes:
        """Return what a command prints. Raises RepositoryFailed when it fails or prints more."""
        with tempfile.TemporaryFile() as out:
            self._run(arguments, folder, deadline, None, out, lambda: _check_size(out, most))
            out.seek(0)
            return out.read(most)

    def write(
        self,
        arguments: Sequence[str],
        folder: Path,
        deadline: Deadline,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Run a command that changes a folder. check: called while it runs; stops it by raising."""
        self._run(arguments, folder, deadline, None, None, check)

    def copy(
        self,
        arguments: Sequence[str],
        folder: Path,
        deadline: Deadline,
        source: IO[bytes],
        to: IO[bytes],
    ) -> None:
        """Run a command that reads one open file and writes another."""
        self._run(arguments, folder, deadline, source, to, lambda: None)

    def _run(
        self,
        arguments: Sequence[str],
        folder: Path | None,
        deadline: Deadline,
        source: IO[bytes] | None,
        out: IO[bytes] | None,
        check: Callable[[], None],
    ) -> None:
        options = [part for setting in _SAFE for part in ("-c", setting)]
        for name in self._protocols:
            options += ["-c", f"protocol.{name}.allow=always"]
        command = [self._git, "--no-pager", "--no-replace-objects", *options, *arguments]
        with tempfile.TemporaryFile() as said:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    stdin=source or subprocess.DEVNULL,
                    stdout=out or subprocess.DEVNULL,
                    stderr=said,
                    start_new_session=True,
                    env=self._environment(),
                )
            except OSError as error:
                raise StorageFailed.from_os_error(error, "Starting git") from error
            with _ended(process):
                while process.poll() is None:
                    check()
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(min(LOOK_SECONDS, deadline.left()))
            check()
            if process.returncode:
                raise _failure(arguments, process.returncode, _words(said))

    def _environment(self) -> dict[str, str]:
        kept = {name: it for name, it in our_environment().items() if _HANDED_ON.fullmatch(name)}
        by_ssh: dict[str, str] = {}
        if "ssh" in self._protocols:
            ours = our_environment()
            by_ssh = {name: ours[name] for name in ("HOME", "SSH_AUTH_SOCK") if name in ours}
        here = {"GIT_WORK_TREE": str(self._work_tree)} if self._work_tree else {}
        return {
            **kept,
            **here,
            "HOME": "/nonexistent",
            **by_ssh,
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "false",
            "SSH_ASKPASS": "false",
            "GCM_INTERACTIVE": "never",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_ALLOW_PROTOCOL": ":".join(self._protocols) or "none",
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=15 -oClearAllForwardings=yes",
        }


def _within(seconds: float) -> Deadline:
    return Deadline(seconds, lambda: RepositoryFailed("unreachable", "git did not end in time."))


def _check_size(out: IO[bytes], most: int) -> None:
    if os.fstat(out.fileno()).st_size > most:
        raise RepositoryFailed(
            "too_large",
            "The repository has more files than can be listed. Name one of its folders: "
            "https://host/owner/name/tree/main/folder.",
        )


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the process group when the block is left before it has ended."""
    try:
        yield
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30.0)


def _words(said: IO[bytes]) -> str:
    said.seek(max(0, os.fstat(said.fileno()).st_size - MOST_SAID))
    return said.read(MOST_SAID).decode("utf-8", "replace")


def _failure(arguments: Sequence[str], code: int, said: str) -> RepositoryFailed:
    text = one_line(without_credentials(said))
    text = re.sub(r"^(?:warning|hint): .*?(?=fatal:|error:|$)", "", text)
    low = text.lower()
    quoted = f" git said: {text[:300]!r}." if text else f" It ended with code {code}."
    if "promisor remote" in low:
        return RepositoryFailed(
            "broken",
            "The repository is a partial clone, in which files are missing. Clone it again without "
            f"--filter, or check its files out and pass the folder.{quoted}",
        )
    if "no space left" in low:
        return RepositoryFailed("storage", f"The disk is full. Free some space, repeat.{quoted}")
    if "remote ref" in low or "not our ref" in low or "couldn't find" in low:
        return RepositoryFailed("no_ref", f"It has no such branch, tag or commit.{quoted}")
    if any(it in low for it in _PRIVATE):
        return RepositoryFailed(
            "private_or_missing",
            "The host asks for a login: the repository is private or does not exist. If you may "
            f"read it, clone it yourself and pass the folder.{quoted}",
        )
    if any(it in low for it in _HOSTS):
        return RepositoryFailed("unreachable", f"The host could not be reached. Try later.{quoted}")
    if any(it in low for it in _MISSING):
        return RepositoryFailed("missing", f"There is no such repository.{quoted}")
    return RepositoryFailed("broken", f"git {arguments[0]} failed.{quoted} Check the address.")


def watch_size(folder: Path, most: int, deadline: Deadline) -> Callable[[], None]:
    """Return a check that raises RepositoryFailed when a folder has more bytes than allowed."""
    last = 0.0

    def check() -> None:
        nonlocal last
        deadline.left()
        if time.monotonic() - last < LOOK_SECONDS:
            return
        last = time.monotonic()
        if _size(folder) > most:
            raise RepositoryFailed(
                "too_large",
                f"The repository has more than {most:,} bytes. Clone it yourself (git clone "
                "--depth 1 --filter=blob:limit=1m) and pass the folder.",
            )

    return check


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder, onerror=None):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
    return total
