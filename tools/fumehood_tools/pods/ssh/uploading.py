"""Upload a file, so that it is there whole or not at all.

The bytes go to a `.part` beside it, are checked over there by sha256, and then renamed. After a cut
the upload goes on from the bytes that are there. Where the machine has no SFTP, `dd` takes them.
"""

import asyncio
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import sha256_of
from fumehood_tools.plain_files import open_plain
from fumehood_tools.pods.ssh.failures import Damaged, MachineFull, SshFailed
from fumehood_tools.pods.ssh.machine import Machine
from fumehood_tools.pods.ssh.shell import Shell

if TYPE_CHECKING:
    import asyncssh

CHUNK_BYTES = 4 << 20
# Smaller than a chunk: after a cut, asyncio logs a warning for each packet that is still written.
PIECE_BYTES = 128 << 10
STEP_SECONDS = 60.0
SLOWEST_BYTES_PER_SECOND = 50_000
HASHED_BYTES_PER_SECOND = 20_000_000
TRIES = 3
SMALL_ROOM = 1 << 20

# $1: the file. $2: its size. $3: its part. Prints the file's sha256 if it has that size, else -;
# the size of the part; what df says of the disk.
LOOK = """
umask 077; dir=$(dirname -- "$1"); mkdir -p -- "$dir" || exit 1
if [ -f "$1" ] && [ "$(wc -c < "$1")" -eq "$2" ]; then sha256sum < "$1"; else echo -; fi
if [ -f "$3" ]; then wc -c < "$3"; else echo 0; fi
df -Pk -- "$dir" | tail -n 1
"""
# $1: the file. $2: its part. $3: the sha256. $4: its mode.
FINISH = """
has() { sum=$(sha256sum < "$1") && [ "${sum%% *}" = "$2" ]; }
if has "$2" "$3"; then chmod "$4" "$2" && mv -f -- "$2" "$1" && exit 0
elif [ -f "$2" ]; then rm -f -- "$2"; exit 9; fi
# There is no part: another upload of the same bytes, for another GPU of this machine, was faster.
has "$1" "$3"
"""
WRONG_SUM = 9
# $1: the part. $2: how many chunks of it stay as they are.
WRITE = f'umask 077; dd of="$1" bs={CHUNK_BYTES} seek="$2" conv=notrunc 2>/dev/null'


class _File(NamedTuple):
    source: Path
    size: int
    sha256: str
    target: str
    part: str


class _There(NamedTuple):
    """What the machine has already. free: bytes on the disk of the target."""

    sha256: str
    part: int
    free: int


class _Refused(Exception):
    """The machine did not write some bytes, and does not say why."""


def upload(
    machine: Machine,
    source: Path,
    target: str,
    *,
    mode: int = 0o600,
    on_progress: Callable[[int], None] = lambda sent: None,
) -> str:
    """Upload a file to an absolute path, and return its sha256. Its folder is made if needed.

    Nothing is sent if it is there already. on_progress: called with the number of bytes that have
    arrived. Raises LinkLost when the machine stays away, MachineFull, Damaged, StorageFailed.
    """
    try:
        digest = sha256_of(source)
        file = _File(source, source.stat().st_size, digest, target, f"{target}.{digest[:12]}.part")
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {source.name}") from error
    for _ in range(TRIES):
        if machine.again(lambda shell: _attempt(shell, file, mode, on_progress)):
            return digest
    raise Damaged(
        f"{source.name} arrived {TRIES} times with other bytes than were sent, or it was changed "
        "meanwhile. If nobody writes to it, use another machine."
    )


def _attempt(shell: Shell, file: _File, mode: int, on_progress: Callable[[int], None]) -> bool:
    """Send what is missing. False: what arrived has another sha256, and was removed."""
    there = _look(shell, file)
    if there.sha256 == file.sha256:
        return True
    # Blocks of the last chunk may have arrived in any order, so there may be holes in it.
    offset = max(0, (min(there.part, file.size) - 1) // CHUNK_BYTES * CHUNK_BYTES)
    if there.free < file.size - there.part:
        raise _full(shell, file, there.free)
    seconds = STEP_SECONDS + file.size / SLOWEST_BYTES_PER_SECOND
    try:
        shell.do(lambda link: _send(link, file, offset, on_progress), seconds, "uploading")
    except _Refused as error:
        room = _look(shell, file)
        if room.free < max(SMALL_ROOM, file.size - room.part):
            raise _full(shell, file, room.free) from error
        raise SshFailed(
            f"The machine did not take {file.source.name}, and has room for it. Is its folder "
            "writable? Look there, or use another machine."
        ) from error
    answer = shell.run(
        ["sh", "-c", FINISH, "sh", file.target, file.part, file.sha256, f"{mode:o}"],
        seconds=_hashing(file),
    )
    if answer.exit_code not in (0, WRONG_SUM):
        raise SshFailed(f"The machine could not finish the upload of {file.source.name}. Repeat.")
    return answer.exit_code == 0


def _look(shell: Shell, file: _File) -> _There:
    argv = ["sh", "-c", LOOK, "sh", file.target, str(file.size), file.part]
    lines = shell.check(argv, seconds=_hashing(file)).text.splitlines()
    try:
        digest, size, disk = lines
        return _There(digest[:64], int(size), int(disk.split()[-3]) * 1024)
    except (ValueError, IndexError) as error:
        raise SshFailed(
            "The machine does not answer as a Linux machine does. Use another image."
        ) from error


def _hashing(file: _File) -> float:
    return STEP_SECONDS + file.size / HASHED_BYTES_PER_SECOND


def _full(shell: Shell, file: _File, free: int) -> MachineFull:
    shell.run(["rm", "-f", "--", file.part])
    return MachineFull(
        f"The disk of the machine is full: {file.source.name} needs {file.size:,} bytes, and "
        f"{free:,} are free. The part that had arrived was removed. Rent a larger disk, or delete "
        "files there."
    )


async def _send(
    link: "asyncssh.SSHClientConnection",
    file: _File,
    offset: int,
    on_progress: Callable[[int], None],
) -> None:
    import asyncssh

    try:
        async with asyncio.timeout(STEP_SECONDS):
            sftp = await link.start_sftp_client()
    except (asyncssh.ChannelOpenError, asyncssh.SFTPError):
        await _send_to_dd(link, file, offset, on_progress)
        return
    try:
        await _send_by_sftp(sftp, file, offset, on_progress)
    except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection):
        raise
    except asyncssh.SFTPError as error:
        raise _Refused from error
    finally:
        sftp.exit()


async def _send_by_sftp(
    sftp: "asyncssh.SFTPClient", file: _File, offset: int, on_progress: Callable[[int], None]
) -> None:
    import asyncssh

    flags = asyncssh.FXF_WRITE | asyncssh.FXF_CREAT
    async with asyncio.timeout(STEP_SECONDS):
        remote = await sftp.open(file.part, flags, asyncssh.SFTPAttrs(permissions=0o600), None)
    with open_plain(file.source) as local:
        local.seek(offset)
        while data := local.read(CHUNK_BYTES):
            async with asyncio.timeout(STEP_SECONDS + len(data) / SLOWEST_BYTES_PER_SECOND):
                await remote.write(data, offset)
            offset += len(data)
            on_progress(offset)
    async with asyncio.timeout(STEP_SECONDS):
        await remote.close()


async def _send_to_dd(
    link: "asyncssh.SSHClientConnection",
    file: _File,
    offset: int,
    on_progress: Callable[[int], None],
) -> None:
    # It writes at an offset, as SFTP does: an earlier one that has not noticed yet that its input
    # is cut does no harm.
    command = shlex.join(["sh", "-c", WRITE, "sh", file.part, str(offset // CHUNK_BYTES)])
    process = await link.create_process(command, encoding=None)
    try:
        with open_plain(file.source) as local:
            local.seek(offset)
            while data := local.read(CHUNK_BYTES):
                for start in range(0, len(data), PIECE_BYTES):
                    process.stdin.write(data[start : start + PIECE_BYTES])
                    async with asyncio.timeout(STEP_SECONDS):
                        await process.stdin.drain()
                offset += len(data)
                on_progress(offset)
        process.stdin.write_eof()
        async with asyncio.timeout(STEP_SECONDS):
            await process.wait_closed()
    except (BrokenPipeError, ConnectionResetError) as error:
        if process.exit_status is not None:
            raise _Refused from error
        raise
    finally:
        process.close()
    if process.exit_status != 0:
        raise _Refused
