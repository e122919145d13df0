"""Harvest on a machine that does not have the workspace.

usage: python -m fumehood_tools.runs.remote.harvester REQUEST_FILE DATA_FOLDER CACHE_FOLDER

The same code as on this machine, with the subject from the hub. The training split goes to
DATA_FOLDER/DIGEST and stays there, with that of what is predicted, where it is another site;
everything that scoring needs goes to out/ of the working folder: activations/ and targets/ without
the training split but for its first shard, probing/, and answer.json.
The progress is printed, as JSON lines. A request that fails has its reason in answer.json.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from fumehood_tools.errors import FumehoodError
from fumehood_tools.files import read_json, write_json
from fumehood_tools.harvest import Activations, HarvestRequest
from fumehood_tools.harvest.collect import Harvester
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.runs.remote.messages import (
    ANSWER_FILE,
    OF_ACTIVATIONS,
    OF_PROBING,
    OF_TARGETS,
    OUT,
    HarvestAnswer,
    split_folder,
)
from fumehood_tools.runs.remote.shards import TrainingShards
from fumehood_tools.scoring.requests import ErrorReport


def harvest(request: HarvestRequest, data: Path, out: Path) -> HarvestAnswer:
    """Compute what is missing in the request's cache, and put links to the files where they belong.

    Raises the errors of the harvest.
    """
    harvester = Harvester(request, Reporter(sys.stdout))
    activations, *others = harvester.activations()
    shards = TrainingShards.of_sites(activations, *(others or (None,)))
    for name, path in shards.files().items():
        _link(path, data / split_folder(activations.digest) / name)
    for place, one in zip((OF_ACTIVATIONS, OF_TARGETS), (activations, *others), strict=False):
        for path in _for_scoring(one):
            _link(path, out / place / path.relative_to(one.folder))
    made = harvester.probing()
    probing = None if made is None else made[0]
    if probing is not None:
        for path in probing.folder.glob("*.pt"):
            _link(path, out / OF_PROBING / path.name)
    return HarvestAnswer(
        activations=activations.digest,
        targets=others[0].digest if others else None,
        probing=probing.digest if probing else None,
        device=harvester.device,
        dtype=harvester.dtype,
    )


def main() -> None:
    """Harvest what the file argv[1] asks for, in the working folder."""
    request, data, cache = map(Path, sys.argv[1:4])
    out = Path.cwd() / OUT
    asked = HarvestRequest.model_validate({**read_json(request), "cache": cache})
    try:
        answer = harvest(asked, data, out)
    except FumehoodError as error:
        answer = HarvestAnswer(error=ErrorReport.of(error))
    write_json(out / ANSWER_FILE, answer.model_dump(mode="json"))


def _for_scoring(activations: Activations) -> Iterator[Path]:
    left = set(activations.train_shards[1:])
    for path in activations.folder.rglob("*"):
        if path.is_file() and path not in left and not path.name.startswith("."):
            yield path


def _link(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)  # some network disks know no links


if __name__ == "__main__":
    main()
