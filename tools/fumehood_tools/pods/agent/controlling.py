"""Jobs on a machine, from our side. Nothing here is lost when this process is killed.

All state is on the machine: a new `Agent` for the same machine goes on where another one stopped.
Every call connects again after a cut, and may be made again. What the machine tells is its own
word.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from fumehood_tools.pods.agent.archive import ROOT, agent_bytes, agent_name
from fumehood_tools.pods.agent.specs import Health, JobSpec, JobStatus, Manifest
from fumehood_tools.pods.ssh import (
    MOST_CUTS,
    CommandFailed,
    LinkLost,
    Machine,
    Packed,
    ResultsRefused,
    Shell,
    SshFailed,
    upload,
)

M = TypeVar("M", bound=BaseModel)
ASK_SECONDS = 60.0
FOLLOW_SECONDS = 20.0
MOST_FILES, MOST_BYTES = 20_000, 50 << 30
MANIFEST_BYTES = 32 << 20
HASHED_BYTES_PER_SECOND = 20_000_000
UNPACK_SECONDS = 600.0
AT_ONCE = 1 << 20
REFUSED, OVER, SHORT = 3, 10, 11
"""Exit codes of the agent."""


class LogPiece(NamedTuple):
    """Bytes of a job's log. offset: where they belong; the next piece begins at `end`."""

    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """The offset that is known to have arrived once these bytes are written."""
        return self.offset + len(self.data)


class Agent:
    """The agent on one machine."""

    def __init__(self, machine: Machine, root: str = ROOT, python: str = "python3") -> None:
        """root: the agent's folder, absolute; python: a Python of at least 3.8 over there."""
        self.machine, self.root = machine, root
        self._python = python
        self._path = f"{root}/{agent_name()}"

    def install(self) -> None:
        """Put the agent on the machine, unless it is there; it is checked by its sha256."""
        with tempfile.TemporaryDirectory(prefix="fumehood-agent-") as folder:
            source = Path(folder) / agent_name()
            source.write_bytes(agent_bytes())
            upload(self.machine, source, self._path)
        self.health()

    def start(self, spec: JobSpec) -> JobStatus:
        """Start a job, unless it was started before; return its state.

        Its description travels through the connection's input: env is on no disk and in no list of
        processes. Raises SshFailed.
        """
        told = spec.model_dump(mode="json", exclude={"job"})
        return self._ask(JobStatus, ["start", spec.job], json.dumps(told).encode())

    def status(self, job: str) -> JobStatus:
        """Return the state of a job; "absent" for one that was never started."""
        return self._ask(JobStatus, ["status", job])

    def cancel(self, job: str) -> JobStatus:
        """Ask for the end of a job, and return its state: it may still be running a while."""
        return self._ask(JobStatus, ["cancel", job])

    def health(self) -> Health:
        """Return what decides whether this machine can take another job."""
        return self._ask(Health, ["health"])

    def follow(self, job: str, offset: int = 0) -> Iterator[LogPiece]:
        """Yield the log from a byte offset on, until the job is over.

        Write each piece and note its `end` before asking for the next: then the log is the same,
        byte for byte, after any cut or crash. Bytes, because a job may print anything. Raises
        LinkLost when the machine stays away for long, which the next call may find back.
        """
        cuts = 0
        while True:
            try:
                for piece in self._listen(job, offset):
                    yield piece
                    offset, cuts = piece.end, 0
                return
            except LinkLost:
                cuts += 1
                if cuts > MOST_CUTS:
                    raise

    def _listen(self, job: str, offset: int) -> Iterator[LogPiece]:
        while True:
            argv = self._argv("log", job, str(offset), str(FOLLOW_SECONDS))
            shell = self.machine.again(_alive)
            with shell.stream(argv) as stream:
                while data := stream.read(AT_ONCE, FOLLOW_SECONDS + ASK_SECONDS):
                    yield LogPiece(offset, data)
                    offset += len(data)
                code = stream.exit_code()
            if code == OVER:
                return
            if code == SHORT:
                raise SshFailed(
                    f"The log of {job} is shorter on the machine than what has arrived: it is "
                    "another machine, or its disk was reset. Start the job again under a new name."
                )
            if code != 0:
                raise CommandFailed(
                    f"The agent could not read the log of {job}. Install it again, then repeat.",
                    code,
                )

    def manifest(
        self,
        folder: str,
        known: Manifest | None = None,
        most_files: int = MOST_FILES,
        most_bytes: int = MOST_BYTES,
    ) -> Manifest:
        """Return the regular files below a folder, a path below the agent's own.

        known: an earlier list: what has the same size and time since is not read again. Raises
        ResultsRefused for a list that no honest machine makes, or that is over a limit.
        """
        before = {} if known is None else {file.path: file for file in known.files}
        told = {path: [file.size, file.mtime_ns, file.sha256] for path, file in before.items()}
        argv = ["manifest", folder, str(most_files), str(most_bytes)]
        seconds = ASK_SECONDS + most_bytes / HASHED_BYTES_PER_SECOND
        found = self._ask(Manifest, argv, json.dumps(told).encode(), seconds, MANIFEST_BYTES)
        over = len(found.files) > most_files or sum(f.size for f in found.files) > most_bytes
        if over or not found.complete:
            raise ResultsRefused(
                f"The folder {folder} of the machine holds more than {most_files:,} files or "
                f"{most_bytes:,} bytes. Let the job write less or pack its files, or raise the "
                "limit."
            )
        return found

    def send_code(self, packed: Packed) -> str:
        """Upload and unpack an archive of code; return its folder, below the agent's.

        The folder is named by the digest of the content: the same code is sent once.
        """
        folder = f"code/{packed.digest[:24]}"
        archive = f"{folder}.tar.gz"
        upload(self.machine, packed.path, f"{self.root}/{archive}")
        argv = ["unpack", archive, folder, str(packed.content_bytes)]
        self._ask(_Nothing, argv, seconds=UNPACK_SECONDS)
        return folder

    def renew_lease(self, ttl_s: float, max_life_s: float | None = None) -> None:
        """Say that somebody looks after this pod, for the next ttl_s seconds.

        max_life_s: lets the pod live for so long in all, instead of what its watchdog was told.
        """
        more = [] if max_life_s is None else [str(max_life_s)]
        self._ask(_Nothing, ["lease", str(ttl_s), *more])

    def arm_watchdog(self, ttl_s: float, max_life_s: float, v2: str, graphql: str) -> bool:
        """Start the watchdog of a pod, unless one runs; return whether one runs now.

        False: this machine is no pod, or its container got no key with which it could end itself.
        """
        return self._ask(_Armed, ["watchdog", str(ttl_s), str(max_life_s), v2, graphql]).armed

    def argv_to_send(self, folder: str) -> list[str]:
        """Return the command that sends files of a folder: see `collecting`."""
        return self._argv("send", folder)

    def _argv(self, *words: str) -> list[str]:
        return [self._python, "-I", "-S", self._path, *words]

    def _ask(
        self,
        model: type[M],
        words: list[str],
        stdin: bytes = b"",
        seconds: float = ASK_SECONDS,
        most_bytes: int = 1 << 20,
    ) -> M:
        """Run a command of the agent, and return its answer. Raises SshFailed."""

        def run(shell: Shell) -> M:
            argv = self._argv(*words)
            answer = shell.run(argv, stdin=stdin, seconds=seconds, most_bytes=most_bytes)
            if answer.exit_code == 0:
                return _read(model, answer.out, words[0])
            said = _refusal(answer.out) if answer.exit_code == REFUSED else None
            raise CommandFailed(
                f"The agent refuses {words[0]}: {said}. Correct the request."
                if said
                else f"The agent failed at {words[0]} on the machine. Is {self._python} there, "
                "3.8 or newer? Install the agent again, or use another image.",
                answer.exit_code,
            )

        return self.machine.again(run)


class _Nothing(BaseModel):
    pass


class _Armed(BaseModel):
    armed: bool


def _alive(shell: Shell) -> Shell:
    """Return the shell, after an answer of the machine has proved that it is connected."""
    shell.run(["true"])
    return shell


def _read(model: type[M], out: bytes, doing: str) -> M:
    try:
        return model.model_validate_json(out)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ResultsRefused(
            f"The machine's answer to {doing} has not the form of an answer "
            f"({first['msg'][:100]}). Do not use what is on this machine; take another one."
        ) from error


def _refusal(out: bytes) -> str | None:
    try:
        told: Any = json.loads(out)
        return str(told["refused"])[:300]
    except (ValueError, KeyError, TypeError):
        return None
