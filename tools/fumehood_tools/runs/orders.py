"""Orders for trainings: everything that decides a result, by value or by content digest.

An order names no place, no machine and no local path, so that it means the same wherever it is
carried out, and the same order after a restart is known by its digest. Imports no torch.
"""

import functools
import hashlib

from pydantic import BaseModel, Field

from fumehood_tools.files import digest_of
from fumehood_tools.harvest import Activations
from fumehood_tools.kinds import KindName
from fumehood_tools.runs.code import template_sha256
from fumehood_tools.runs.items import RunItem
from fumehood_tools.spec import LimitsSpec, SandboxSpec, SubjectSpec


class TargetData(BaseModel, frozen=True):
    """The activations that are predicted, where they are not those that are read."""

    activations: str = Field(
        description="digest of the activations, whose training shards are read"
    )
    scale: float = Field(description="the activations are divided by it")


class Recipe(BaseModel, frozen=True):
    """What all trainings of one run share."""

    kind: KindName = Field("sae", description="the kind of sandbox: what is trained")

    activations: str = Field(
        description="digest of the activations, whose training shards are read"
    )
    d_model: int = Field(description="numbers in one activation")
    scale: float = Field(description="the activations are divided by it")
    target: TargetData | None = Field(None, description="what is predicted; None: what is read")
    subject: SubjectSpec = Field(description="names the activations in a training's config.json")
    dict_size: int
    schedule: dict[str, int | float] = Field(description="steps, rates, warm-ups: see SandboxSpec")
    template: str = Field(description="sha256 of the template's core, which trains")
    device: str = Field(description="cpu or cuda")
    arithmetic: str = Field(description="of large matrix products, float32 or bfloat16")
    limits: LimitsSpec

    @property
    def steps(self) -> int:
        """Gradient steps of a training."""
        return int(self.schedule["steps"])


class TrainingOrder(BaseModel, frozen=True, ser_json_bytes="base64", val_json_bytes="base64"):
    """One SAE to train."""

    item: str = Field(description="digest of the item that it is for, see runs.items")
    name: str = Field(description="for logs and messages: variant, parameters, seed")
    variant: str = Field(description="name of the variant's file, without .py")
    source: bytes = Field(description="the file, or a copy of it with other parameters")
    file_sha256: str = Field(description="of the file, which differs from `sha256` for a copy")
    seed: int
    recipe: Recipe

    @property
    def sha256(self) -> str:
        """The hash of the source."""
        return hashlib.sha256(self.source).hexdigest()

    @functools.cached_property
    def digest(self) -> str:
        """The content address of the order: two orders with the same one are the same training."""
        # Orders for SAEs have the digests that they had before there were other kinds.
        left_out = {"kind", "target"} if self.recipe.target is None else set()
        recipe = self.recipe.model_dump(mode="json", exclude=left_out)
        return digest_of([self.item, self.variant, self.sha256, self.seed, recipe])


def recipe_of(
    spec: SandboxSpec,
    activations: Activations,
    device: str,
    arithmetic: str,
    targets: Activations | None = None,
) -> Recipe:
    """Return what the trainings of a sandbox share, computed on a device in an arithmetic.

    targets: what is predicted; None: the activations themselves.
    """
    target = targets and TargetData(activations=targets.digest, scale=targets.scale)
    return Recipe(
        kind=spec.template,
        target=target,
        activations=activations.digest,
        d_model=activations.d_model,
        scale=activations.scale,
        subject=spec.subject.model_copy(update={"site": spec.sites()[0]}),
        dict_size=spec.dict_size,
        schedule=spec.schedule(),
        template=template_sha256(),
        device=device,
        arithmetic=arithmetic,
        limits=spec.limits,
    )


def order_for(item: RunItem, recipe: Recipe) -> TrainingOrder:
    """Return the order to train an item."""
    return TrainingOrder(
        item=item.digest,
        name=item.name,
        variant=item.variant,
        source=item.source,
        file_sha256=item.file_version,
        seed=item.seed,
        recipe=recipe,
    )
