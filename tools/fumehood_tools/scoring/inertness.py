"""Measure how far a trained variant's computation is from its parent's.

Two children behind the glass, one with the variant, one with its parent, both with the variant's
trained weights and 256 rows of the training split; what they hand back is compared here. Costs
0.3 to 0.5 s per variant at D = 576, F = 1,536. No evaluation row is shown to anyone.

Not a wall: a variant that wants to look active can (nobody gains by that, its scores must follow).
"""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fumehood_tools.bench.inertness import Inertness, compare
from fumehood_tools.errors import RunFailed
from fumehood_tools.glass import ChildLimits, Nursery, take_file, take_json
from fumehood_tools.harvest import Activations
from fumehood_tools.plain_files import read_plain
from fumehood_tools.sandbox.create import VARIANT_NAME, template_folder
from fumehood_tools.sandbox.declarations import parent_of
from fumehood_tools.sandbox.spec import SandboxSpec
from fumehood_tools.sandbox.variants import packaged_variants

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 256
WALL_SECONDS = 120.0
_NAMES_SHOWN = 8
_PATHS = ("variant", "weights", "scratch")


class Parent(NamedTuple):
    """The variant that another one is compared with."""

    name: str
    path: Path


class Case(NamedTuple):
    """One trained variant and where it may be taken apart.

    variant and scratch must lie under the nursery's scratch root, weights where it may read. No
    child may have written into scratch.
    """

    variant: Path
    weights: Path
    scratch: Path
    seed: int = 0


class Probed(NamedTuple):
    """What one child computed."""

    tensors: "dict[str, Tensor]"
    missing: tuple[str, ...]
    added: tuple[str, ...]


def find_parent(variant: Path, others: Path | None = None) -> Parent | None:
    """Return the parent of a variant's file, None when it has none that can be found.

    A packaged name means the packaged file; other names are looked up in `others`, the sandbox's
    variants/.
    """
    source, packaged = read_plain(variant), packaged_variants()
    is_packaged = packaged.get(variant.stem) == hashlib.sha256(source).hexdigest()
    name = parent_of(source, variant.stem, is_packaged=is_packaged)
    if name is None or not VARIANT_NAME.fullmatch(name):
        return None
    folder = template_folder() / "variants" if name in packaged else others
    path = folder / f"{name}.py" if folder is not None else None
    return Parent(name, path) if path is not None and path.is_file() else None


def measure_inertness(
    nursery: Nursery, case: Case, activations: Activations, spec: SandboxSpec, parent: Parent
) -> Inertness | None:
    """Return the comparison; None when one of the two children did not get to its end.

    A variant whose code fails here is judged elsewhere: scoring goes on without a comparison.
    Raises StorageFailed when a file cannot be written.
    """
    from safetensors.torch import save_file

    case.scratch.mkdir(parents=True, exist_ok=True)
    case = case._replace(**{name: getattr(case, name).resolve() for name in _PATHS})
    batch = case.scratch / "batch.safetensors"
    save_file({"x": training_rows(activations)}, batch)
    numbers = _training(activations, spec, case.seed)
    theirs = case.scratch / f"{parent.name}.py"
    theirs.write_bytes(read_plain(parent.path))
    probe = partial(_probe, nursery, case, spec)
    with ThreadPoolExecutor(2) as beside:
        ours = beside.submit(probe, {**numbers, "fit": False}, case.variant)
        against = probe({**numbers, "fit": True}, theirs)
        variant = ours.result()
    if variant is None or against is None:
        return None
    return compare(
        parent.name,
        forward=max(
            difference(variant.tensors[name], against.tensors[name]) for name in ("f", "x_hat")
        ),
        loss=_loss_difference(variant, against),
        gradient=_gradient_difference(variant, against),
        missing=against.missing,
        added=against.added,
    )


def training_rows(activations: Activations, most: int = ROWS) -> "Tensor":
    """Return x_BD: rows spread evenly over the first training shard, in normalised space."""
    import numpy as np
    import torch

    shard = np.load(activations.train_shards[0], mmap_mode="r", allow_pickle=False)
    chosen = np.linspace(0, len(shard) - 1, min(most, len(shard))).round().astype(np.int64)
    rows = np.asarray(shard[np.unique(chosen)], dtype=np.float32)
    return torch.from_numpy(rows).div_(activations.scale)


def difference(ours: "Tensor", theirs: "Tensor") -> float:
    """Return |ours - theirs| over the larger of |ours| and |theirs|: 0 to 2, 0 for two zeros."""
    size = max(float(ours.double().norm()), float(theirs.double().norm()))
    return float((ours.double() - theirs.double()).norm()) / size if size else 0.0


def _training(activations: Activations, spec: SandboxSpec, seed: int) -> dict[str, Any]:
    return {
        **spec.schedule(),
        "activation_dim": activations.d_model,
        "dict_size": spec.dict_size,
        "seed": seed,
        # Past all warm-ups, before the rate falls.
        "step": spec.steps // 2,
    }


def _probe(
    nursery: Nursery, case: Case, spec: SandboxSpec, numbers: dict[str, Any], source: Path
) -> Probed | None:
    """Run one child and read what it handed back; None when that is not what it should be."""
    batch = case.scratch / "batch.safetensors"
    folder = case.scratch / ("parent" if numbers["fit"] else "variant")
    content = {
        **numbers,
        "variant": str(source),
        "weights": str(case.weights),
        "batch": str(batch),
    }
    limits = ChildLimits(
        wall_seconds=min(WALL_SECONDS, spec.limits.score_minutes * 60),
        memory_gb=spec.limits.memory_gb,
        threads=1,
    )
    given = [source, case.weights, batch]
    child = nursery.start("inside.probe", content, scratch=folder, limits=limits, readable=given)
    with child:
        outcome = child.wait()
    if outcome.exit_code != 0:
        _say(outcome.output_tail)
        return None
    # Latents, reconstruction and gradients: a few times the weights, plus the batch.
    room = 4 * case.weights.stat().st_size + 8 * ROWS * (numbers["dict_size"] + 65_536) + (1 << 20)
    try:
        return _read(folder, numbers, room)
    except (RunFailed, ValueError) as error:
        _say(str(error))
        return None


def _say(reason: str) -> None:
    # Not on stdout: that is sae-bench's while it runs beside this.
    print(f"not compared with its parent: {reason[-600:]}", file=sys.stderr, flush=True)


def _read(folder: Path, numbers: dict[str, Any], most_bytes: int) -> Probed:
    """Return what lies in a child's folder. Raises RunFailed, ValueError for what it may not be."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = take_file(folder, "probe.safetensors", most_bytes)
    said = take_json(folder, "probe.json", 1 << 20)
    if content is None or said is None:
        raise ValueError("the child left no comparison")
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ValueError(f"probe.safetensors cannot be read: {error}") from error
    for name, columns in (("f", numbers["dict_size"]), ("x_hat", numbers["activation_dim"])):
        if name not in tensors or tensors[name].ndim != 2 or tensors[name].shape[1] != columns:
            raise ValueError(f"{name} is missing or has a wrong shape")
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            raise ValueError(f"{name[:60]} holds NaN or infinity")
    return Probed(tensors, _names(said, "missing"), _names(said, "added"))


def _names(said: Any, key: str) -> tuple[str, ...]:
    found = said.get(key, []) if isinstance(said, dict) else []
    printable = (name[:60] for name in found if isinstance(name, str) and name.isprintable())
    return tuple(printable)[:_NAMES_SHOWN]


def _loss_difference(variant: Probed, parent: Probed) -> float | None:
    ours, theirs = variant.tensors.get("loss"), parent.tensors.get("loss")
    if ours is None or theirs is None or ours.numel() != 1 or theirs.numel() != 1:
        return None
    return difference(ours.reshape(()), theirs.reshape(()))


def _gradient_difference(variant: Probed, parent: Probed) -> float | None:
    """Return the relative difference over all gradients; one that is missing counts as 0."""
    if "loss" not in variant.tensors or "loss" not in parent.tensors:
        return None
    apart = ours = theirs = 0.0
    for name in {*variant.tensors, *parent.tensors}:
        if not name.startswith("grad."):
            continue
        pair = [probed.tensors.get(name) for probed in (variant, parent)]
        sizes = [float(part.double().norm()) ** 2 if part is not None else 0.0 for part in pair]
        ours, theirs = ours + sizes[0], theirs + sizes[1]
        mine, other = pair
        if mine is not None and other is not None and mine.shape == other.shape:
            apart += float((mine.double() - other.double()).norm()) ** 2
        else:
            apart += sum(sizes)
    size = max(ours, theirs)
    return (apart / size) ** 0.5 if size else 0.0
