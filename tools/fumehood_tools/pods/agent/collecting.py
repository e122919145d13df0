"""Bring files of a machine here: results at the end of a job, checkpoints while it runs.

What is taken: regular files of the manifest, each checked by size and sha256, below one target
folder. What arrived is kept after a cut, and the rest of a file is asked for from there on. The
parts lie in the folder PARTS of the target, under their sha256, until everything has arrived.
"""

import hashlib
import json
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import sha256_of
from fumehood_tools.pods.agent.controlling import MOST_BYTES, MOST_FILES, Agent
from fumehood_tools.pods.agent.specs import Manifest, RemoteFile
from fumehood_tools.pods.ssh import Damaged, LinkLost, ResultsRefused, Shell, Stream

PARTS = ".fumehood-parts"
AT_ONCE = 1 << 18
STEP_SECONDS = 60.0
ROUNDS = 3


class Collected(NamedTuple):
    """What a call of collect or sync has done. manifest: for the next call."""

    manifest: Manifest
    arrived: tuple[str, ...]
    changed: tuple[str, ...]
    """Files that changed over there while they were sent, and are here as they were before."""


class _Taking(NamedTuple):
    """Where one file goes, and where its bytes are until they are complete."""

    file: RemoteFile
    target: Path
    part: Path

    @property
    def offset(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


def collect(
    agent: Agent,
    folder: str,
    target: Path,
    *,
    most_files: int = MOST_FILES,
    most_bytes: int = MOST_BYTES,
    only: Sequence[str] = (),
) -> Collected:
    """Bring all regular files below a folder here. What is here with the same bytes is not sent.

    folder: below the agent's, such as "jobs/NAME/out". only: names of files and folders in it; ():
    everything. The limits are for everything. Raises Damaged if files do not arrive as the manifest
    has them, ResultsRefused, LinkLost, StorageFailed.
    """
    done = _bring(agent, folder, target, None, most_files, most_bytes, only)
    for _ in range(ROUNDS - 1):
        if not done.changed:
            break
        done = _bring(agent, folder, target, None, most_files, most_bytes, only)
    if done.changed:
        raise Damaged(
            f"{len(done.changed)} files, such as {done.changed[0]!r}, arrive with other bytes than "
            "the machine says they have. If the job is over, do not use this machine again."
        )
    return done


def sync(
    agent: Agent,
    folder: str,
    target: Path,
    before: Manifest | None = None,
    *,
    most_files: int = MOST_FILES,
    most_bytes: int = MOST_BYTES,
) -> Collected:
    """Bring here what is new since `before`, while the job runs. Nothing is deleted here.

    A file that is being written is left for the next time: the one that is here stays whole.
    """
    return _bring(agent, folder, target, before, most_files, most_bytes)


def _bring(
    agent: Agent,
    folder: str,
    target: Path,
    before: Manifest | None,
    most_files: int,
    most_bytes: int,
    only: Sequence[str] = (),
) -> Collected:
    manifest = agent.manifest(folder, before, most_files, most_bytes)
    if only:
        wanted = tuple(file for file in manifest.files if _is_among(file.path, only))
        manifest = manifest.model_copy(update={"files": wanted})
    known = {(file.path, file.sha256) for file in before.files} if before else set()
    changed: set[str] = set()
    try:
        target.mkdir(parents=True, exist_ok=True)
        takings = [_taking(target, file) for file in manifest.files]
        missing = [one for one in takings if not _is_here(one, known)]
        agent.machine.again(lambda shell: _receive(shell, agent, folder, missing, changed))
        if not changed:
            _remove_parts(target)
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Writing what a machine has sent") from error
    arrived = tuple(one.file.path for one in missing if one.file.path not in changed)
    return Collected(manifest, arrived, tuple(sorted(changed)))


def _is_among(path: str, names: Sequence[str]) -> bool:
    return any(path == name or path.startswith(f"{name}/") for name in names)


def _taking(target: Path, file: RemoteFile) -> _Taking:
    name = hashlib.sha256(f"{file.path}\0{file.sha256}".encode()).hexdigest()
    if file.path.partition("/")[0] == PARTS:
        raise ResultsRefused(f"The machine has a folder {PARTS} among its results. Rename it.")
    place = target
    for part in file.path.split("/")[:-1]:
        place = place / part
        if place.is_symlink():
            raise ResultsRefused(
                f"{place.relative_to(target)} is a link here, and results would follow it. Remove "
                "it, or choose an empty folder."
            )
    return _Taking(file, target / file.path, target / PARTS / name)


def _is_here(one: _Taking, known: set[tuple[str, str]]) -> bool:
    """Whether the file is here with the bytes of the manifest. known: not to be read again."""
    if one.target.is_symlink() or not one.target.is_file():
        return False
    if one.target.stat().st_size != one.file.size:
        return False
    return (one.file.path, one.file.sha256) in known or sha256_of(one.target) == one.file.sha256


def _receive(
    shell: Shell, agent: Agent, folder: str, missing: Sequence[_Taking], changed: set[str]
) -> None:
    """Receive what has not arrived yet; called again after a cut. changed: grows."""
    waiting = [one for one in missing if one.file.path not in changed and not _is_here(one, set())]
    if not waiting:
        return
    asked = [json.dumps([one.file.path, one.offset, one.file.size]) for one in waiting]
    stdin = "\n".join(asked).encode()
    with shell.stream(agent.argv_to_send(folder), stdin=stdin) as stream:
        for one in waiting:
            (count,) = struct.unpack(">q", stream.exactly(8, STEP_SECONDS))
            if count == -1:
                changed.add(one.file.path)
            elif count != one.file.size - one.offset:
                raise ResultsRefused(
                    "The machine announces another number of bytes than was asked for. Do not use "
                    "what is on this machine; take another one."
                )
            elif not _take(stream, one, count):
                changed.add(one.file.path)


def _take(stream: Stream, one: _Taking, count: int) -> bool:
    """Write the rest of one file. False: it has not the sha256 of the manifest."""
    one.part.parent.mkdir(mode=0o700, exist_ok=True)
    digest = hashlib.sha256()
    if one.offset:
        with one.part.open("rb") as before:
            while data := before.read(AT_ONCE):
                digest.update(data)
    with one.part.open("ab") as file:
        while count:
            data = stream.read(min(AT_ONCE, count), STEP_SECONDS)
            if not data:
                raise LinkLost("The machine stopped in the middle of a file. Repeat.")
            file.write(data)
            digest.update(data)
            count -= len(data)
    if digest.hexdigest() != one.file.sha256:
        one.part.unlink()
        return False
    one.target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(one.part, one.target)
    return True


def _remove_parts(target: Path) -> None:
    """Remove parts of files that nobody will ask for any more."""
    folder = target / PARTS
    if folder.is_dir():
        for part in folder.iterdir():
            part.unlink()
        folder.rmdir()
