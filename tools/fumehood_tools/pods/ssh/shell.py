"""One ssh connection: run programs, feed and read them.

All output is bytes: what a program prints need not be UTF-8, and asyncssh, asked for text, returns
nothing at all for output with one byte that is not. `Answer.text` decodes at the edge.
"""

import asyncio
import contextlib
import shlex
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from fumehood_tools.pods.api.model import SshAddress
from fumehood_tools.pods.ssh.connecting import Seen, connect, get_ready, speaking
from fumehood_tools.pods.ssh.failures import CommandFailed, LinkLost, SshFailed
from fumehood_tools.pods.ssh.keys import HostKey
from fumehood_tools.pods.ssh.loop import post, wait_for

if TYPE_CHECKING:
    import asyncssh

T = TypeVar("T")
OPEN_SECONDS, RUN_SECONDS, START_SECONDS = 45.0, 60.0, 30.0
AT_ONCE, ERROR_BYTES = 1 << 17, 1 << 14
RUN_BYTES = 8 << 20


class Answer(NamedTuple):
    """What a program left behind. exit_code: None if a signal ended it."""

    exit_code: int | None
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Its output as text; bytes that are not UTF-8 become replacement characters."""
        return self.out.decode("utf-8", "replace")


class Stream:
    """A running program whose output is read piece by piece."""

    def __init__(self, process: "asyncssh.SSHClientProcess[bytes]") -> None:
        self._process = process

    def read(self, most: int, seconds: float) -> bytes:
        """Return the next bytes, at most `most`; b"" at the end. Raises LinkLost, TooSlow."""
        return wait_for(self._read(most), seconds, "reading")

    def exactly(self, count: int, seconds: float) -> bytes:
        """Return the next count bytes. Raises LinkLost if the output ends before."""
        found = bytearray()
        while len(found) < count:
            data = self.read(count - len(found), seconds)
            if not data:
                raise _cut("reading")
            found += data
        return bytes(found)

    def exit_code(self, seconds: float = START_SECONDS) -> int | None:
        """Return the exit code at the end of the output. Raises LinkLost if there is none."""
        return wait_for(_ended(self._process), seconds, "waiting for the end of a program")

    async def _read(self, most: int) -> bytes:
        with speaking("reading"):
            return await self._process.stdout.read(most)


class Shell:
    """A connection. Safe to share between threads; a context manager, which closes it."""

    def __init__(self, connection: "asyncssh.SSHClientConnection", host_key: HostKey) -> None:
        self._connection = connection
        self.host_key = host_key

    @classmethod
    def open(
        cls,
        address: SshAddress,
        key: bytes,
        *,
        pinned: HostKey | None = None,
        expected: tuple[str, ...] = (),
    ) -> "Shell":
        """Connect. key: a private key in OpenSSH's format.

        pinned: the host key from before. expected: fingerprints known from elsewhere. With
        neither, the first key is accepted; `host_key.source` says which of these it was.
        Raises LinkLost, LoginRefused, HostKeyChanged, TooSlow, PartMissing.
        """
        get_ready()
        seen = Seen(pinned, expected)
        connection = wait_for(connect(address, key, seen), OPEN_SECONDS, "connecting")
        if seen.key is None:
            post(connection.abort)
            raise seen.refusal()
        return cls(connection, seen.key)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        seconds: float = RUN_SECONDS,
        most_bytes: int = RUN_BYTES,
    ) -> Answer:
        """Run a program to its end. Never put a secret into argv: use stdin.

        Raises LinkLost, TooSlow, and SshFailed if it prints more than most_bytes.
        """
        return wait_for(self._run(argv, stdin, most_bytes), seconds, f"running {argv[0]}")

    def check(
        self, argv: Sequence[str], *, stdin: bytes = b"", seconds: float = RUN_SECONDS
    ) -> Answer:
        """Run a program, and raise CommandFailed unless it ends with exit code 0."""
        answer = self.run(argv, stdin=stdin, seconds=seconds)
        if answer.exit_code != 0:
            how = "a signal" if answer.exit_code is None else f"exit code {answer.exit_code}"
            said = answer.err.decode("utf-8", "replace").strip()[-500:]
            raise CommandFailed(
                f"{argv[0]} ended with {how} on the machine: {said or 'it said nothing'}. Look at "
                "the machine, or use another one.",
                answer.exit_code,
            )
        return answer

    @contextlib.contextmanager
    def stream(self, argv: Sequence[str], *, stdin: bytes = b"") -> Iterator[Stream]:
        """Start a program, and yield its output as a Stream. It is left alone afterwards."""
        process = wait_for(self._start(argv, stdin), START_SECONDS, f"starting {argv[0]}")
        try:
            yield Stream(process)
        finally:
            post(process.close)

    def do(
        self,
        work: Callable[["asyncssh.SSHClientConnection"], Awaitable[T]],
        seconds: float,
        doing: str,
    ) -> T:
        """Run a coroutine with the connection itself. Raises LinkLost, TooSlow, SshFailed."""

        async def guarded() -> T:
            with speaking(doing):
                return await work(self._connection)

        return wait_for(guarded(), seconds, doing)

    def close(self) -> None:
        """End the connection at once. A polite end can wait for ever for the other side."""
        post(self._connection.abort)

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    async def _start(self, argv: Sequence[str], stdin: bytes) -> "asyncssh.SSHClientProcess[bytes]":
        with speaking(f"starting {argv[0]}"):
            process = await self._connection.create_process(shlex.join(argv), encoding=None)
            await _feed(process, stdin)
            return process

    async def _run(self, argv: Sequence[str], stdin: bytes, most_bytes: int) -> Answer:
        doing = f"running {argv[0]}"
        with speaking(doing):
            process = await self._connection.create_process(shlex.join(argv), encoding=None)
            try:
                out, err, _ = await asyncio.gather(
                    _collect(process.stdout, most_bytes, doing),
                    _head(process.stderr),
                    _feed(process, stdin),
                )
                return Answer(await _ended(process), out, err)
            finally:
                process.close()


async def _feed(process: "asyncssh.SSHClientProcess[bytes]", stdin: bytes) -> None:
    # A program may end before it has read everything; its exit code tells.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        if stdin:
            process.stdin.write(stdin)
            await process.stdin.drain()
        process.stdin.write_eof()


async def _collect(reader: "asyncssh.SSHReader[bytes]", most: int, doing: str) -> bytes:
    found = bytearray()
    while data := await reader.read(AT_ONCE):
        found += data
        if len(found) > most:
            raise SshFailed(
                f"The machine answers with more than {most:,} bytes ({doing}), which no honest "
                "answer has. Terminate the pod, or look at the host."
            )
    return bytes(found)


async def _head(reader: "asyncssh.SSHReader[bytes]") -> bytes:
    found = b""
    while data := await reader.read(AT_ONCE):
        found = (found + data)[:ERROR_BYTES]
    return found


async def _ended(process: "asyncssh.SSHClientProcess[bytes]") -> int | None:
    with speaking("waiting for the end of a program"):
        await process.wait_closed()
    if process.exit_signal is not None:
        return None  # asyncssh's exit_status is -1 then
    if process.exit_status is None:
        raise _cut("waiting for the end of a program")
    return process.exit_status


def _cut(doing: str) -> LinkLost:
    return LinkLost(
        f"The connection to the machine was cut ({doing}). What was done before is kept: connect "
        "again and go on."
    )
