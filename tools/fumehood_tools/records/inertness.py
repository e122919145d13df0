"""Inertness: does a variant compute anything different from its parent and the baselines?

It is measured once per variant source, after training, on 256 rows of the training split. The
variant's trained weights are copied into its parent and into every packaged baseline, wherever name
and shape match. All of them then compute latents, reconstruction, loss and gradient of the same
batch. A difference is relative, in Euclidean norms: |variant - parent| / max(|variant|, |parent|).
Each latent is first divided by its own scale, so a change of units is not a difference. 0 means
bitwise equal.

A variant that computes the same may still train differently (another initialization, another
optimizer); only its scores show that. This module has only data and thresholds, and needs no torch.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field

Mechanism = Literal["same", "slight", "different"]

SAME = 1e-5
"""Differences below this are rounding errors. The same sums in another order differed by at most
4e-7."""
SLIGHT = 1e-2
"""Differences below this exist, but hardly affect training."""


class Inertness(BaseModel, frozen=True):
    """A variant compared with its parent on the same weights and batch. Differences are relative,
    from 0 to 2."""

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
        """The largest of the differences, which determines `mechanism`."""
        return max(v for v in (self.forward, self.loss, self.gradient) if v is not None)

    def text(self) -> str:
        """Return the comparison as one line of text."""
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
    """Return the measured differences and the mechanism, which the largest of them determines."""
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
    """Return the most informative of the comparisons in `found` (name of a parent -> comparison).

    If the variant is the same as its declared parent, or slightly different, that is the
    comparison with this parent. Otherwise it is the one with the nearest baseline, if the variant
    is the same as that baseline or slightly different from it. Otherwise it is again the one with
    the declared parent, or None if there is no parent.
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
