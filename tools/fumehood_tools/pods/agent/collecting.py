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
) -> Collected:
    """Bring all regular files below a folder here. What is here with the same bytes is not sent.

    folder: below the agent's, such as "jobs/NAME/out". Raises Damaged if files do not arrive as
    the manifest has them, ResultsRefused, LinkLost, StorageFailed.
    """
    done = _bring(agent, folder, target, None, most_files, most_bytes)
    for _ in range(ROUNDS - 1):
        if not done.changed:
            break
        done = _bring(agent, folder, target, None, most_files, most_bytes)
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
) -> Collected:
    manifest = agent.manifest(folder, before, most_files, most_bytes)
    try:
        target.mkdir(parents=True, exist_ok=True)
        missing = [one for one in map(_taking(target), manifest.files) if not _is_here(one)]
        waiting = list(missing)
        while waiting:
            left = agent.machine.again(lambda shell: _receive(shell, agent, folder, waiting))
            assert len(left) < len(waiting)
            waiting = left
        changed = [one for one in missing if not _is_here(one)]
        if not changed:
            _remove_parts(target)
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Writing what a machine has sent") from error
    late = {one.file.path for one in changed}
    arrived = tuple(one.file.path for one in missing if one.file.path not in late)
    return Collected(manifest, arrived, tuple(sorted(late)))
