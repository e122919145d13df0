"""The kinds that are shipped, and where their templates are.

A template is a folder with README.md, AGENTS.md, sandbox.toml and variants/. The package `core` is
shared by all kinds. This is the only module that knows the paths.
"""

from pathlib import Path
from typing import Literal, get_args

from fumehood_tools.errors import UnknownName
from fumehood_tools.files import data_path
from fumehood_tools.kinds.kind import Kind

KindName = Literal["sae", "transcoder"]

SAE = Kind(
    name="sae",
    noun="SAE",
    variant_class="CustomSAE",
    base_class="BaseSAE",
    base_trainer="BaseTrainer",
    weights_file="sae.safetensors",
    reads=None,
    writes=None,
    parents={
        "BaseSAE": "standard",
        "AutoEncoder": "standard",
        "AutoEncoderTopK": "topk",
        "BaseTopK": "topk",
        "BatchTopKSAE": "batch_topk",
        "MatryoshkaBatchTopKSAE": "matryoshka",
        "GatedAutoEncoder": "gated",
        "JumpReluAutoEncoder": "jumprelu",
    },
    complete_bases=frozenset(
        [
            "BaseSAE",
            "AutoEncoder",
            "AutoEncoderNew",
            "AutoEncoderTopK",
            "BatchTopKSAE",
            "MatryoshkaBatchTopKSAE",
            "GatedAutoEncoder",
            "JumpReluAutoEncoder",
            "IdentityDict",
        ]
    ),
    trainer_bases=frozenset(
        [
            "BaseTrainer",
            "BaseTopKTrainer",
            "SparseTopK",
            "SparseBatchTopK",
            "SparseMatryoshka",
            "StandardTrainer",
            "StandardTrainerAprilUpdate",
            "TopKTrainer",
            "BatchTopKTrainer",
            "MatryoshkaBatchTopKTrainer",
            "GatedSAETrainer",
            "JumpReluTrainer",
            "PAnnealTrainer",
        ]
    ),
)
TRANSCODER = Kind(
    name="transcoder",
    noun="transcoder",
    variant_class="CustomTranscoder",
    base_class="BaseTranscoder",
    base_trainer="BaseTranscoderTrainer",
    weights_file="transcoder.safetensors",
    reads="mlp_in",
    writes="mlp_out",
    parents={
        "BaseTranscoder": "standard",
        "TopKTranscoder": "topk",
        "BatchTopKTranscoder": "batch_topk",
        "JumpReluTranscoder": "jumprelu",
        "SkipTopKTranscoder": "skip_topk",
    },
    complete_bases=frozenset(
        [
            "BaseTranscoder",
            "TopKTranscoder",
            "BatchTopKTranscoder",
            "JumpReluTranscoder",
            "SkipTopKTranscoder",
        ]
    ),
    trainer_bases=frozenset(
        [
            "BaseTranscoderTrainer",
            "TopKTranscoderTrainer",
            "BatchTopKTranscoderTrainer",
            "JumpReluTranscoderTrainer",
        ]
    ),
    skip_bases=frozenset(["LinearSkip", "SkipTopKTranscoder"]),
)
CUSTOM = Kind(
    name="custom",
    noun="variant",
    variant_class="CustomVariant",
    base_class="BaseVariant",
    base_trainer="",
    weights_file="produced.safetensors",
    reads=None,
    writes=None,
    parents={},
    trainer_bases=frozenset(),
    complete_bases=frozenset(),
)
"""A sandbox with an interface and an evaluation of its own; sandbox.toml names the classes. It is
not among `kinds()`: it has no template, no packaged core and no packaged evaluation."""
_KINDS = {kind.name: kind for kind in (SAE, TRANSCODER)}
assert tuple(_KINDS) == get_args(KindName)


def kinds() -> tuple[Kind, ...]:
    """Return all kinds; the first is the default of create_sandbox."""
    return tuple(_KINDS.values())


def kind_named(name: str) -> Kind:
    """Return the kind with this name; CUSTOM for "custom". Raises UnknownName."""
    if name == CUSTOM.name:
        return CUSTOM
    if name not in _KINDS:
        step = "Set template in sandbox.toml to one of them."
        raise UnknownName("kind of sandbox", name, list(_KINDS), step)
    return _KINDS[name]


def template_root() -> Path:
    """Return the packaged folder with the templates of all kinds: the import path of `core`."""
    return data_path("sandbox_template")


def template_folder(kind: Kind) -> Path:
    """Return the packaged folder with a kind's README.md, AGENTS.md, sandbox.toml and variants/."""
    return template_root() / kind.name


def core_folder() -> Path:
    """Return the packaged package `core`, which runs use. A sandbox's own copy is for reading."""
    return template_root() / "core"
