"""Measure how far a trained variant's computation is from its parent's and from every baseline's.

Children behind the glass compute on the variant's trained weights and 256 rows of the training
split: one child runs the variant, one its parent if that is not a packaged file, and one all
packaged baselines, which are our own code. Costs 0.6 s per variant at D = 576, F = 1,536, most of
it in parallel with the fitting of probes. No child sees an evaluation row.

Not covered: a variant can pretend to be active. It gains nothing, since its scores do not change.
"""

import hashlib
import math
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fumehood_tools.bench.collect import CONTROL
from fumehood_tools.errors import RunFailed
from fumehood_tools.glass import ChildLimits, Nursery, take_file, take_json
from fumehood_tools.glass.fumehood_child import distances
from fumehood_tools.harvest import Activations
from fumehood_tools.kinds import SAE, Kind, template_folder
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.inertness import SLIGHT, Inertness, compare, nearest
from fumehood_tools.sandbox.create import VARIANT_NAME
from fumehood_tools.sandbox.declarations import parent_of
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.spec import SandboxSpec

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


class ProbeCase(NamedTuple):
    """One trained variant to compare with others.

    `variant` and `scratch` must be under the nursery's scratch root, `weights` where it may read.
    No child may have written to `scratch`.
    """

    variant: Path
    weights: Path
    scratch: Path
    seed: int = 0


class Probed(NamedTuple):
    """The result of one child: tensors, and the names of missing and additional parameters."""

    tensors: "dict[str, Tensor]"
    missing: tuple[str, ...]
    added: tuple[str, ...]


def find_parent(variant: Path, others: Path | None = None, kind: Kind = SAE) -> Parent | None:
    """Return the parent of a variant's file, None if it has none or it cannot be found.

    A packaged name means the packaged file. Other names are looked up in `others`, the sandbox's
    variants/.
    """
    source, packaged = read_plain(variant), packaged_variants(kind)
    is_packaged = packaged.get(variant.stem) == hashlib.sha256(source).hexdigest()
    name = parent_of(source, variant.stem, is_packaged=is_packaged)
    if name is None or not VARIANT_NAME.fullmatch(name):
        return None
    folder = template_folder(kind) / "variants" if name in packaged else others
    path = folder / f"{name}.py" if folder is not None else None
    return Parent(name, path) if path is not None and path.is_file() else None


def measure_inertness(
    nursery: Nursery,
    case: ProbeCase,
    activations: Activations,
    spec: SandboxSpec,
    parent: Parent | None,
    targets: Activations | None = None,
) -> Inertness | None:
    """Return the comparison with the parent, or with a packaged baseline that is the same SAE.

    targets: what is predicted; None: the activations themselves.
    Returns None if a child failed, or if the variant has no parent and equals no baseline. Code
    that fails here is not an error: scoring continues without a comparison. Raises StorageFailed
    when a file cannot be written.
    """
    from safetensors.torch import save_file

    case.scratch.mkdir(parents=True, exist_ok=True)
    case = case._replace(**{name: getattr(case, name).resolve() for name in _PATHS})
    batch = {"x": training_rows(activations)}
    if targets is not None:
        batch["y"] = training_rows(targets)
    save_file(batch, case.scratch / "batch.safetensors")
    numbers = _training(activations, spec, case.seed)
    custom = parent if parent is not None and not _is_packaged(parent, spec.kind) else None
    probe = partial(_probe, nursery, case, spec, numbers)
    with ThreadPoolExecutor(2) as beside:
        own_parent = beside.submit(_probe_parent, probe, case, custom) if custom else None
        ours = probe(case.variant, fit=False)
        if ours is None:
            return None
        found = _against_baselines(nursery, case, spec, numbers, ours, parent)
        theirs = own_parent.result() if own_parent else None
    if custom is not None:
        if theirs is None:
            return None
        found[custom.name] = _compared(custom, ours, theirs)
    chosen = nearest(found, parent.name if parent else None)
    if chosen is None:
        return None
    sha256 = _sha256_of(chosen.parent, parent, spec.kind)
    return chosen.model_copy(update={"parent_sha256": sha256})


def _is_packaged(parent: Parent, kind: Kind) -> bool:
    found = hashlib.sha256(read_plain(parent.path)).hexdigest()
    return packaged_variants(kind).get(parent.name) == found


def _sha256_of(name: str, parent: Parent | None, kind: Kind) -> str | None:
    """Return the SHA-256 digest of the file with this name, the parent's or a packaged one."""
    if parent is not None and parent.name == name:
        return hashlib.sha256(read_plain(parent.path)).hexdigest()
    return packaged_variants(kind).get(name)


def _probe_parent(
    probe: Callable[..., Probed | None], case: ProbeCase, parent: Parent
) -> Probed | None:
    copy = case.scratch / f"{parent.name}.py"
    copy.write_bytes(read_plain(parent.path))
    return probe(copy, fit=True)


def _compared(parent: Parent, ours: Probed, theirs: Probed) -> Inertness:
    return compare(
        parent.name,
        forward=distances.forward_difference(ours.tensors, theirs.tensors),
        loss=distances.loss_difference(ours.tensors, theirs.tensors),
        gradient=distances.gradient_difference(ours.tensors, theirs.tensors),
        missing=theirs.missing,
        added=theirs.added,
    )


def _against_baselines(
    nursery: Nursery,
    case: ProbeCase,
    spec: SandboxSpec,
    numbers: dict[str, Any],
    ours: Probed,
    parent: Parent | None,
) -> dict[str, Inertness]:
    """Return the comparison with each packaged baseline by name; an empty dict if it failed."""
    from safetensors.torch import save_file

    # Write the tensors that were checked. The child's own file is not passed on.
    given = case.scratch / "ours.safetensors"
    save_file(ours.tensors, given)
    copies = []
    own = Parent(case.variant.stem, case.variant)
    itself = {own.name} if _is_packaged(own, spec.kind) else set()
    for name in sorted(packaged_variants(spec.kind).keys() - {CONTROL} - itself):
        copies.append(case.scratch / f"packaged-{name}" / f"{name}.py")
        copies[-1].parent.mkdir(exist_ok=True)
        packaged = template_folder(spec.kind) / "variants" / copies[-1].name
        copies[-1].write_bytes(packaged.read_bytes())
    content = {
        **numbers,
        "variant": str(copies[0]),
        "variants": [str(copy) for copy in copies],
        "ours": str(given),
        "enough": SLIGHT,
        "declared": parent.name if parent else "",
    }
    folder = case.scratch / "baselines"
    if not _run(nursery, case, spec, content, folder, [*copies, given]):
        return {}
    said = take_json(folder, "probe.json", 1 << 20)
    try:
        return {name: _inertness(name, found) for name, found in (said or {}).items()}
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        _say(f"the comparison with the baselines cannot be read: {error}")
        return {}


def _inertness(name: str, found: dict[str, Any]) -> Inertness:
    forward, loss, gradient = found["forward"], found["loss"], found["gradient"]
    if not all(number is None or math.isfinite(number) for number in (forward, loss, gradient)):
        raise ValueError(f"the difference from {name} is not finite")
    missing, added = _names(found, "missing"), _names(found, "added")
    return compare(name, forward, loss, gradient, missing, added)


def training_rows(activations: Activations, most: int = ROWS) -> "Tensor":
    """Return x_BD: normalized rows, spread evenly over the first training shard."""
    import numpy as np
    import torch

    shard = np.load(activations.train_shards[0], mmap_mode="r", allow_pickle=False)
    chosen = np.linspace(0, len(shard) - 1, min(most, len(shard))).round().astype(np.int64)
    rows = np.asarray(shard[np.unique(chosen)], dtype=np.float32)
    return torch.from_numpy(rows).div_(activations.scale)


def _training(activations: Activations, spec: SandboxSpec, seed: int) -> dict[str, Any]:
    return {
        **spec.schedule(),
        "activation_dim": activations.d_model,
        "dict_size": spec.dict_size,
        "template": spec.template,
        "seed": seed,
        # After all warm-ups, before the learning rate decays.
        "step": spec.steps // 2,
    }


def _probe(
    nursery: Nursery,
    case: ProbeCase,
    spec: SandboxSpec,
    numbers: dict[str, Any],
    source: Path,
    *,
    fit: bool,
) -> Probed | None:
    """Run one child and return its result; None if it failed or its files are not valid."""
    folder = case.scratch / ("parent" if fit else "variant")
    content = {**numbers, "variant": str(source), "fit": fit}
    if not _run(nursery, case, spec, content, folder, [source]):
        return None
    # Latents, reconstruction and gradients: a few times the weights, plus the batch.
    room = 4 * case.weights.stat().st_size + 8 * ROWS * (numbers["dict_size"] + 65_536) + (1 << 20)
    try:
        return _read(folder, numbers, room)
    except (RunFailed, ValueError) as error:
        _say(str(error))
        return None


def _run(
    nursery: Nursery,
    case: ProbeCase,
    spec: SandboxSpec,
    content: dict[str, Any],
    folder: Path,
    readable: list[Path],
) -> bool:
    """Run a probing child in its own folder. Return whether it ended without an error."""
    batch = case.scratch / "batch.safetensors"
    limits = ChildLimits(
        wall_seconds=min(WALL_SECONDS, spec.limits.score_minutes * 60),
        memory_gb=spec.limits.memory_gb,
        threads=1,
    )
    child = nursery.start(
        "fumehood_child.probe",
        {**content, "weights": str(case.weights), "batch": str(batch)},
        scratch=folder,
        limits=limits,
        readable=[*readable, case.weights, batch],
    )
    with child:
        outcome = child.wait()
    if outcome.exit_code != 0:
        _say(outcome.output_tail)
    return outcome.exit_code == 0


def _say(reason: str) -> None:
    # Not to stdout, which sae-bench uses at the same time.
    print(f"not compared with other variants: {reason[-600:]}", file=sys.stderr, flush=True)


def _read(folder: Path, numbers: dict[str, Any], most_bytes: int) -> Probed:
    """Return the result in a child's folder. Raises RunFailed or ValueError if it is not valid."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = take_file(folder, "probe.safetensors", most_bytes)
    said = take_json(folder, "probe.json", 1 << 20)
    if content is None or said is None:
        raise ValueError("the child wrote no comparison")
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
