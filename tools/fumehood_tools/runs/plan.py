"""What a job has to do: one item per variant and seed, and which of them are done already.

An item's digest covers everything that could change its numbers: the variant's source, the seed,
the sandbox's settings, the activations, the template and the evaluator. Equal digest, equal result.
"""

import functools
import hashlib
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import psutil

from fumehood_tools.bench.records import Provenance
from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import data_path, digest_of, sha256_of, sha256_of_tree
from fumehood_tools.runs.controls import ControlItem
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.spec import SandboxSpec

PACKAGES = ("torch", "dictionary-learning", "sae-bench", "transformer-lens", "transformers")
EVALUATOR_PARTS = (
    "corpora",
    "glass",
    "harvest",
    "sandbox/declarations.py",
    "scoring",
    "subjects",
)


class RunItem(NamedTuple):
    """One SAE to train and score."""

    variant: str
    seed: int
    source: bytes
    digest: str
    folder: Path
    control: str | None = None

    @property
    def name(self) -> str:
        """How logs and progress call it."""
        return f"{self.variant} seed {self.seed}"

    @property
    def sha256(self) -> str:
        """The content address of the variant's source."""
        return hashlib.sha256(self.source).hexdigest()


def plan_items(
    sandbox: Sandbox,
    variants: Sequence[str],
    seeds: Sequence[int],
    data_digest: str,
    controls: Sequence[ControlItem] = (),
) -> list[RunItem]:
    """Return one item per variant and seed, then the controls. Each source is read once, here.

    Raises UnknownName for a variant without a file.
    """
    shared = [
        sandbox.spec.dict_size,
        settings_digest(sandbox.spec),
        data_digest,
        template_sha256(),
        evaluator_sha256(),
    ]

    def item(name: str, seed: int, source: bytes, control: str | None = None) -> RunItem:
        digest = digest_of([hashlib.sha256(source).hexdigest(), seed, *shared])
        folder = sandbox.results / name / f"seed{seed}-{digest[:8]}"
        return RunItem(name, seed, source, digest, folder, control)

    items = []
    for variant in variants:
        source = _read(sandbox.variant_path(variant))
        items += [item(variant, seed, source) for seed in seeds]
    for control in controls:
        source = control.source.encode()
        items += [item(control.name, seed, source, control.label) for seed in control.seeds]
    return items


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {path.name}") from error


@functools.cache
def template_sha256() -> str:
    """Return the content address of the template's core: what training runs on."""
    return sha256_of_tree(data_path("sandbox_template") / "sae" / "core")


@functools.cache
def evaluator_sha256() -> str:
    """Return the content address of the code that makes data and scores."""
    package = Path(__file__).resolve().parents[1]
    parts = [package / part for part in EVALUATOR_PARTS]
    return digest_of([sha256_of(p) if p.is_file() else sha256_of_tree(p) for p in parts])


def settings_digest(spec: SandboxSpec) -> str:
    """Return the content address of how variants are trained and scored."""
    training = spec.training.model_dump(mode="json", exclude={"seeds"})
    return digest_of([training, spec.scoring.model_dump(mode="json")])


def provenance(
    item: RunItem, spec: SandboxSpec, weights: Path, arithmetic: str = "float32"
) -> Provenance:
    """Return what a score of this item is a score of."""
    return Provenance(
        variant_sha256=item.sha256,
        weights_sha256=sha256_of(weights),
        weights_bytes=weights.stat().st_size,
        settings_digest=settings_digest(spec),
        template_sha256=template_sha256(),
        evaluator_sha256=evaluator_sha256(),
        versions={"python": platform.python_version(), **_versions()},
        arithmetic=arithmetic,
        machine=f"{platform.machine()}, {psutil.cpu_count()} cores, {platform.system()}",
    )


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def now() -> str:
    """Return the time in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
