"""Larger subjects that are on this machine: what the top of the ladder can be.

Looks at the names and config files in the hub's cache; loads and downloads nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError
from fumehood_tools.spec import SubjectSpec
from fumehood_tools.subjects.catalogue import describe_subject

SUGGESTED = "HuggingFaceTB/SmolLM2-360M"
_WEIGHTS = ("*.safetensors", "*.bin")


class Larger(NamedTuple):
    """A subject by its hub id. size: layers times width squared, which blocks grow with."""

    size: int
    name: str


def hub_cache() -> Path:
    """Return the folder of the hub's cache, as its own library finds it."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def larger_subjects(hub: Path, than: str, cache: Path) -> list[str]:
    """Return the hub ids of language models that are here and larger, the smallest first.

    than: name of a subject. A model whose weights or config are not in the cache is left out.
    """
    least = _size(than, cache)
    found = [one for one in _there(hub, cache) if least is not None and one.size > least]
    return [one.name for one in sorted(found)]


def _there(hub: Path, cache: Path) -> Iterator[Larger]:
    for folder in sorted(hub.glob("models--*--*")):
        snapshots = [path.parent for path in folder.glob("snapshots/*/config.json")]
        if any(next(one.glob(kind), None) for one in snapshots for kind in _WEIGHTS):
            name = folder.name.removeprefix("models--").replace("--", "/", 1)
            size = _size(name, cache, snapshots[0])
            if size is not None:
                yield Larger(size, name)


def _size(name: str, cache: Path, folder: Path | None = None) -> int | None:
    """Return the size of a subject; None if its config does not say it. folder: where that is."""
    try:
        info = describe_subject(SubjectSpec(name=str(folder or name), layer=0), cache)
    except FumehoodError:
        return None
    return info.n_layers * info.d_model**2


def none_is_here() -> str:
    """Return what to do where no larger subject is there."""
    return (
        "with a larger subject. None is in the hub's cache of this machine, so the ladder ends "
        f"here. Where there is a network: hf download {SUGGESTED}, copy HF_HOME to this machine, "
        f"then pass subject={SUGGESTED!r}."
    )
