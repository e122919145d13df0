"""Inertness: does a variant compute anything else than the variants there are?

Measured once per variant source, after training, on 256 rows of the training split: the variant's
trained weights go into its parent as well, and into every packaged baseline, as far as name and
shape fit, and all compute latents, reconstruction, loss and gradient of the same batch. Differences
are relative, in Euclidean norms: |variant - parent| / max(|variant|, |parent|), latents each in
units of its own size, so 0 is equal to the bit and another unit is not a difference. A variant that
computes the same may still train otherwise (another start, another optimiser): only its scores
tell. Pure data and judgement: no torch in here.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field

Mechanism = Literal["same", "slight", "different"]

SAME = 1e-5
"""Differences below this are rounding: the same sums in another order gave at most 4e-7."""
SLIGHT = 1e-2
"""Differences below this are there, and hardly move a training."""


class Inertness(BaseModel, frozen=True):
    """A variant against its parent, same weights and batch: relative differences, 0 to 2."""

    parent: str = Field(description="what it is compared with, see `declared`")
    forward: float = Field(description="latents or reconstruction, the larger one")
    loss: float | None = Field(description="null: one of the two has no loss()")
    gradient: float | None
    mechanism: Mechanism
    missing: tuple[str, ...] = Field((), description="weights that only the parent has")
    added: tuple[str, ...] = Field((), description="weights that only the variant has")
    declared: str | None = Field(
        None,
        description="the parent that the file declares or inherits from, where it is another one: "
        "`parent` is a packaged baseline that the variant is the same as",
    )
    parent_sha256: str | None = Field(None, description="of the parent's file")
    distances: dict[str, float] = Field(
        default_factory=dict,
        description="packaged baseline -> the largest of the differences from it; loss and "
        "gradient count where the forward pass is nearly the same",
    )

    @property
    def largest(self) -> float:
        """The largest of the differences: what the word is for."""
        return max(v for v in (self.forward, self.loss, self.gradient) if v is not None)

    def text(self) -> str:
        """Return the comparison in one line."""
        parts = [f"forward {_percent(self.forward)}"]
        parts += [
            f"{name} {_percent(value)}"
            for name, value in (("loss", self.loss), ("gradient", self.gradient))
            if value is not None
        ]
        line = f"{self.mechanism} as {self.parent}" if self.mechanism == "same" else self.mechanism
        if self.mechanism != "same":
            line += f" from {self.parent}"
        if self.declared:
            line += f", though it declares {self.declared}"
        if self.missing:
            parts.append(f"no {', '.join(self.missing)} to give to it")
        return f"{line} ({', '.join(parts)})"


def compare(
    parent: str,
    forward: float,
    loss: float | None,
    gradient: float | None,
    missing: tuple[str, ...] = (),
    added: tuple[str, ...] = (),
) -> Inertness:
    """Return measured differences with the word for them: the largest of them decides."""
    largest = max(value for value in (forward, loss, gradient) if value is not None)
    mechanism: Mechanism = (
        "same" if largest <= SAME else "slight" if largest <= SLIGHT else "different"
    )
    return Inertness(
        parent=parent,
        forward=forward,
        loss=loss,
        gradient=gradient,
        mechanism=mechanism,
        missing=missing,
        added=added,
    )


def nearest(found: Mapping[str, Inertness], declared: str | None) -> Inertness | None:
    """Return the comparison that tells most: with the declared parent, if it is not another SAE.

    Else with the nearest baseline that the variant is the same as, or nearly. None without a parent
    and without such a baseline.
    """
    own = found.get(declared or "")
    near = min(found.values(), key=lambda one: one.largest, default=None)
    distances = {name: one.largest for name, one in found.items()}
    if near is None:
        return None
    if near.mechanism == "different" or (own is not None and own.mechanism != "different"):
        return own and own.model_copy(update={"distances": distances})
    return near.model_copy(update={"declared": declared or "no parent", "distances": distances})


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %" if value == 0 or value > 0.1 else f"{100 * value:.2g} %"
