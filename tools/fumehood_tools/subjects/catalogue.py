"""Describe a subject without loading it: its identity, layers, width, and how to get it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from fumehood_tools.errors import BadRequest, PartMissing, StorageFailed, UnknownName
from fumehood_tools.files import read_json
from fumehood_tools.spec import SubjectSpec
from fumehood_tools.subjects import embedded

SYNTHETIC = "synthetic"  # the name of its corpus too
SYNTHETIC_TASKS = ("topics",)
SYNTHETIC_WIDTH = 64
SYNTHETIC_IDENTITY = "synthetic-1"
# Common short names. Every other name with a slash in it is taken as a hub id.
ALIASES = {
    "gpt2": "openai-community/gpt2",
    "pythia-70m-deduped": "EleutherAI/pythia-70m-deduped",
    "pythia-160m-deduped": "EleutherAI/pythia-160m-deduped",
    "gemma-2-2b": "google/gemma-2-2b",
}
_HUB_TIMEOUT_S = 10


class SubjectInfo(BaseModel, frozen=True):
    """Facts about a subject that are known without loading it."""

    name: str
    identity: str
    n_layers: int
    d_model: int
    kind: Literal["language_model", "synthetic"]
    available: bool
    get_command: str


def known_subjects() -> tuple[str, ...]:
    """Return the subjects that can be named without a path or a hub id."""
    return (embedded.NAME, SYNTHETIC, *ALIASES)


def describe_subject(subject: SubjectSpec, cache: Path) -> SubjectInfo:
    """Return the facts about a subject without loading it. Imports neither torch nor numpy.

    Raises UnknownName for an unknown name, BadRequest for a layer out of range, PartMissing for a
    hub model that can neither be downloaded nor found in the hub's cache.
    """
    info = _look_up(subject.name, cache)
    if subject.layer >= info.n_layers:
        raise BadRequest(
            f"{subject.name} has layers 0 to {info.n_layers - 1}; layer {subject.layer} does not "
            "exist. Set subject.layer to a number in that range."
        )
    return info


def local_folder(name: str) -> Path | None:
    """Return the model folder that a subject name points to, or None if it is not a path to one."""
    path = Path(name).expanduser()
    return path if path.is_dir() and (path / "config.json").is_file() else None


def _look_up(name: str, cache: Path) -> SubjectInfo:
    if name == embedded.NAME:
        there = embedded.converted_folder(cache).is_dir() or embedded.find_gguf() is not None
        return SubjectInfo(
            name=name,
            identity=embedded.SHA256,
            n_layers=embedded.N_LAYERS,
            d_model=embedded.D_MODEL,
            kind="language_model",
            available=there,
            get_command=embedded.GET_COMMAND,
        )
    if name == SYNTHETIC:
        return SubjectInfo(
            name=name,
            identity=SYNTHETIC_IDENTITY,
            n_layers=1,
            d_model=SYNTHETIC_WIDTH,
            kind="synthetic",
            available=True,
            get_command="nothing to get: it is generated",
        )
    folder = local_folder(name)
    if folder is not None:
        config = read_json(folder / "config.json")
        return _from_config(name, config, _folder_identity(folder), "already in that folder")
    if "/" not in name.strip("./~") and name not in ALIASES or name.startswith((".", "/", "~")):
        raise UnknownName(
            "subject",
            name,
            known_subjects(),
            "Pass one of these, a hub id (owner/model) or a folder that contains config.json.",
        )
    return _from_hub(ALIASES.get(name, name), name)


def _from_hub(repository: str, name: str) -> SubjectInfo:
    path = hub_file(repository, "config.json", name)
    # The path is …/snapshots/<commit>/config.json, so the folder's name is the revision.
    config = read_json(path)
    return _from_config(name, config, f"{repository}@{path.parent.name}", hub_command(repository))


def hub_command(repository: str) -> str:
    """Return the command that downloads a hub model into the hub's cache."""
    return f"hf download {repository}  (on a machine with a network; then copy HF_HOME here)"


def hub_file(repository: str, filename: str, name: str) -> Path:
    """Return the path of one file of a hub model, downloading it if it is not in the hub's cache.

    Raises UnknownName if the hub does not have the model, PartMissing if the hub cannot be reached.
    """
    import httpx
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        cached = try_to_load_from_cache(repository, filename)
        if isinstance(cached, str):
            return Path(cached)
        return Path(hf_hub_download(repository, filename, etag_timeout=_HUB_TIMEOUT_S))
    except GatedRepoError as error:
        why = "you must accept its license on the hub and sign in with `hf auth login`"
        raise PartMissing(f"The subject {name}", hub_command(repository), why) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise UnknownName(
            "subject", name, known_subjects(), "Check the id on the hub, or pass a local folder."
        ) from error
    except (OSError, httpx.HTTPError) as error:
        why = "not in the hub's cache, and the hub cannot be reached"
        raise PartMissing(f"The subject {name}", hub_command(repository), why) from error


def _from_config(name: str, config: Any, identity: str, command: str) -> SubjectInfo:
    inner = config.get("text_config", config) if isinstance(config, Mapping) else {}
    n_layers = _first(inner, "num_hidden_layers", "n_layer", "num_layers")
    d_model = _first(inner, "hidden_size", "n_embd", "d_model")
    if n_layers is None or d_model is None:
        raise BadRequest(
            f"The config.json of {name} does not state a number of layers and a width. "
            "Choose a decoder-only language model."
        )
    return SubjectInfo(
        name=name,
        identity=identity,
        n_layers=n_layers,
        d_model=d_model,
        kind="language_model",
        available=True,
        get_command=command,
    )


def _first(config: Mapping[str, Any], *keys: str) -> int | None:
    return next((int(config[key]) for key in keys if key in config), None)


def _folder_identity(folder: Path) -> str:
    """Return a hash that changes when the files change.

    JSON files are hashed by content, all others by size and modification time: hashing gigabytes of
    weights at every call would be slow.
    """
    digest = hashlib.sha256()
    try:
        for path in sorted(path for path in folder.iterdir() if path.is_file()):
            facts: list[Any] = [path.name, path.stat().st_size]
            if path.suffix == ".json":
                facts.append(hashlib.sha256(path.read_bytes()).hexdigest())
            else:
                facts.append(path.stat().st_mtime_ns)
            digest.update(json.dumps(facts).encode())
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {folder.name}") from error
    return digest.hexdigest()
