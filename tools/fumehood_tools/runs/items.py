"""The items of a job: one per seed and variant, or copy of a variant with other parameters.

An item's digest covers everything that determines its scores: the variant's source, the seed, the
sandbox's settings, the activations, the arithmetic, the device, and the code of the template and
the evaluator. It does not cover the number of threads and the versions of packages, which change
only the last digits of a training; a score records both.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.collect import Setting, sites_said, values_of
from fumehood_tools.errors import BadRequest
from fumehood_tools.files import digest_of, sha256_of
from fumehood_tools.kinds import KindName, kind_named
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.labelling import label
from fumehood_tools.records.parameters import Value, with_parameters
from fumehood_tools.records.scores import Provenance
from fumehood_tools.runs.code import evaluator_sha256, template_sha256
from fumehood_tools.runs.controls import ControlItem
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.declarations import read_declarations
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.spec import SandboxSpec, deciding_values
from fumehood_tools.where import Where


class RunItem(NamedTuple):
    """One SAE to train and score. source: the file itself, or a copy with other parameters."""

    variant: str
    seed: int
    source: bytes
    digest: str
    folder: Path
    control: str | None = None
    parameters: Mapping[str, Value] = {}
    knob: str | None = None
    file_sha256: str | None = None
    kind: KindName = "sae"

    @property
    def name(self) -> str:
        """The name used in logs and progress messages."""
        return f"{label(self.variant, self.parameters)} seed {self.seed}"

    @property
    def sha256(self) -> str:
        """The hash of the source that is trained."""
        return hashlib.sha256(self.source).hexdigest()

    @property
    def is_packaged(self) -> bool:
        """Whether its code is ours: a packaged file, perhaps with other constants, or a control."""
        known = packaged_variants(kind_named(self.kind)).get(self.variant)
        return self.control is not None or known == self.file_version

    @property
    def file_version(self) -> str:
        """The hash of the variant's file, of which the source may be a modified copy."""
        return self.file_sha256 or self.sha256


class Planner:
    """Creates the items of one job. Reads each variant's file once, on first use."""

    def __init__(self, sandbox: Sandbox, data_digest: str) -> None:
        self.sandbox = sandbox
        self._sources: dict[str, bytes] = {}
        self._shared = [
            sandbox.spec.dict_size,
            settings_digest(sandbox.spec),
            data_digest,
            template_sha256(),
            evaluator_sha256(),
        ]

    def source(self, variant: str) -> bytes:
        """Return a variant's source. Raises UnknownName; StorageFailed for special files."""
        if variant not in self._sources:
            self._sources[variant] = read_plain(self.sandbox.variant_path(variant))
        return self._sources[variant]

    def item(
        self, variant: str, seed: int, parameters: Mapping[str, Value] | None = None
    ) -> RunItem:
        """Return the item for a variant, or for its copy with other parameters.

        Raises UnknownName for an unknown variant or constant, BadRequest for a value of the wrong
        type.
        """
        file = self.source(variant)
        copy = with_parameters(file, variant, parameters or {})
        return self._item(variant, seed, copy.source)._replace(
            parameters=copy.parameters,
            knob=read_declarations(file).knob,
            file_sha256=hashlib.sha256(file).hexdigest(),
        )

    def controls(self, control: ControlItem) -> list[RunItem]:
        """Return one item per seed of a control."""
        source = control.source.encode()
        items = [self._item(control.name, seed, source) for seed in control.seeds]
        return [item._replace(control=control.label) for item in items]

    def _item(self, name: str, seed: int, source: bytes) -> RunItem:
        kind = self.sandbox.spec.template
        if kind == "custom":
            raise BadRequest(
                f"{self.sandbox.name} has an evaluation of its own. Call run_variants with its "
                "variants and seeds, outside studies and on this machine."
            )
        digest = digest_of([hashlib.sha256(source).hexdigest(), seed, *self._shared])
        folder = self.sandbox.results / name / f"seed{seed}-{digest[:8]}"
        return RunItem(name, seed, source, digest, folder, kind=kind)


def settings_digest(spec: SandboxSpec) -> str:
    """Return the digest of the settings that determine scores: training, scoring and budgets."""
    return digest_of(deciding_values(spec.model_dump(mode="json")))


def setting_name(spec: SandboxSpec, data: str, eval_tokens: int) -> str:
    """Return the name of the setting that the scores of a run belong to, as tables use it.

    data: the digest of activations and probing data.
    """
    setting = Setting(
        subject=spec.subject.name,
        layer=spec.subject.layer,
        site=sites_said(spec.template, spec.sites()[0]),
        dict_size=spec.dict_size,
        train_tokens=spec.steps * spec.training.batch_size,
        eval_tokens=eval_tokens,
        data=data,
        settings=settings_digest(spec),
        template=template_sha256(),
        evaluator=evaluator_sha256(),
        values=values_of(spec.model_dump(mode="json")),
        kind=spec.template,
    )
    return setting.name


def provenance(
    item: RunItem,
    spec: SandboxSpec,
    weights: Path,
    *,
    trained: Where,
    scored: Where,
    arithmetic: str,
) -> Provenance:
    """Return the provenance of a score: source, weights, settings, code and machine."""
    return Provenance(
        variant_sha256=item.sha256,
        weights_sha256=sha256_of(weights),
        weights_bytes=weights.stat().st_size,
        settings_digest=settings_digest(spec),
        template_sha256=template_sha256(),
        evaluator_sha256=evaluator_sha256(),
        trained=trained,
        scored=scored,
        arithmetic=arithmetic,
    )
