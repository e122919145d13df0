"""The evaluation data of a run as a pod that scores has them: where they are, and what is sent.

They lie in the same folders as in a cache. So on the pod that has harvested, everything is there:
each file is compared by its sha256, and none is sent.
"""

import functools
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of
from fumehood_tools.harvest import Activations, Probing
from fumehood_tools.pods.ssh import upload
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.scoring_messages import SCORING, Evaluator
from fumehood_tools.scoring.requests import ScoringSetup
from fumehood_tools.settings import GlassLevel

HARVESTED = "harvested"
"""The cache of a machine that harvests, below the agent's folder."""
_ACTIVATIONS, _PROBING, _TASKS = "activations", "probing", "_activations.pt"


def key_of(setup: ScoringSetup) -> str:
    """Return what names a scorer: the same for the same sandbox, data and evaluator."""
    parts = (setup.activations, setup.targets, setup.probing)
    data = [part.digest for part in parts if part is not None]
    code = Evaluator.here().model_dump(mode="json")
    return digest_of([setup.spec.model_dump(mode="json"), data, code])


def setup_there(setup: ScoringSetup, root: str, level: GlassLevel) -> ScoringSetup:
    """Return the setup with the paths over there. root: the agent's folder. level: of its glass."""
    targets, probing = setup.targets, setup.probing
    if probing is not None:
        place = Path(root, HARVESTED, _PROBING, probing.digest)
        probing = probing.model_copy(update={"folder": place})
    return setup.model_copy(
        update={
            "activations": _moved(setup.activations, root),
            "targets": targets and _moved(targets, root),
            "probing": probing,
            "cache": Path(root, HARVESTED),
            "scratch": Path(root, SCORING, key_of(setup)),
            "glass": level,
        }
    )


class Sent(NamedTuple):
    """How many files scoring reads, and how many of them were sent. The others were there."""

    files: int
    sent: int


def send_data(setup: ScoringSetup, opened: OpenPlace) -> Sent:
    """Send what scoring reads, unless it is there.

    Raises SshFailed, and StorageFailed if a file is missing here.
    """
    agent, sent, files = opened.agent, set[Path](), dict(_files(setup))
    for file, there in files.items():
        if not file.is_file():
            raise StorageFailed(f"{file.name} of the evaluation data is missing here. Run again.")
        path = posixpath.join(agent.root, HARVESTED, there)
        upload(agent.machine, file, path, on_progress=functools.partial(_note, sent, file))
    return Sent(len(files), len(sent))


def _note(sent: set[Path], file: Path, _: int) -> None:
    """Take note that bytes of a file have arrived."""
    sent.add(file)


def _files(setup: ScoringSetup) -> Iterator[tuple[Path, str]]:
    """Yield each file here, and its path below the cache over there."""
    for one in filter(None, (setup.activations, setup.targets)):
        for path in _read_by_scoring(one):
            yield path, posixpath.join(_ACTIVATIONS, one.digest, _below(path, one))
    if setup.probing is not None:
        yield from _artifacts(setup.probing)


def _read_by_scoring(one: Activations) -> Iterator[Path]:
    yield from (*one.eval_shards, one.eval_tokens_file, one.documents_file, one.train_shards[0])


def _artifacts(probing: Probing) -> Iterator[tuple[Path, str]]:
    for path in sorted(Path(probing.folder).glob(f"*{_TASKS}")):
        yield path, posixpath.join(_PROBING, probing.digest, path.name)


def _moved(one: Activations, root: str) -> Activations:
    folder = Path(root, HARVESTED, _ACTIVATIONS, one.digest)

    def moved(path: Path) -> Path:
        return folder / _below(path, one)

    return one.model_copy(
        update={
            "folder": folder,
            "train_shards": tuple(map(moved, one.train_shards)),
            "eval_shards": tuple(map(moved, one.eval_shards)),
            "eval_tokens_file": moved(one.eval_tokens_file),
            "documents_file": moved(one.documents_file),
        }
    )


def _below(path: Path, one: Activations) -> str:
    return path.relative_to(one.folder).as_posix()
