"""What check_variant found: faults with their lines, what the variant does, and what to do next."""

from pydantic import BaseModel, Field

from fumehood_tools.records.inertness import Inertness, Mechanism
from fumehood_tools.sandbox.complaints import Complaint

_NAMES_SHOWN = 6
_DIGITS = 3


class Comparison(BaseModel, frozen=True):
    """A variant beside its parent, with the same weights and batch. Differences are relative."""

    parent: str = Field(description="what it is compared with")
    declared: str | None = Field(
        description="the parent that the file names or inherits from; null: none. `parent` is "
        "another one if the file computes the same as that"
    )
    mechanism: Mechanism = Field(
        description="same: computes exactly what the parent computes, with the weights and "
        "counters that a few steps left; it may compute something else in those steps"
    )
    forward: float = Field(description="latents or reconstruction, the larger one")
    loss: float | None = Field(description="null: one of the two has no loss()")
    gradient: float | None
    same_weights: bool | None = Field(
        description="whether the same few steps led to the same weights"
    )

    @classmethod
    def of(cls, found: Inertness, same_weights: bool | None, declared: str | None) -> "Comparison":
        """Return a measured comparison, rounded."""
        numbers = (found.forward, found.loss, found.gradient)
        forward, loss, gradient = (_rounded(number) for number in numbers)
        return cls(
            parent=found.parent,
            declared=declared,
            mechanism=found.mechanism,
            forward=forward or 0.0,
            loss=loss,
            gradient=gradient,
            same_weights=same_weights if found.parent == declared else None,
        )

    def text(self) -> str:
        """Return it as words: "different from topk: forward 94 %, loss 66 %, gradient 98 %"."""
        numbers = (("forward", self.forward), ("loss", self.loss), ("gradient", self.gradient))
        parts = [f"{name} {_percent(value)}" for name, value in numbers if value is not None]
        is_other = self.declared != self.parent
        aside = f", though it declares {self.declared or 'no parent'}" if is_other else ""
        if self.mechanism == "same":
            # The state after the steps is compared; where the weights differ, the steps did too.
            when = "after these steps " if self.same_weights is False else ""
            return f"{when}computes exactly what {self.parent} computes{aside}"
        hardly = "hardly " if self.mechanism == "slight" else ""
        return f"{hardly}different from {self.parent}{aside}: {', '.join(parts)}"


class Trial(BaseModel, frozen=True):
    """A few training steps on made-up activations, at this sandbox's sizes and batch 256."""

    steps: int = Field(description="0: the file says TRAIN = False")
    l0: float = Field(description="active latents per row after these steps, in eval mode")
    ms_per_step: float | None = Field(description="median, one thread")
    parent_ms_per_step: float | None = Field(description="of the parent, measured beside it")
    parameters: int = Field(description="numbers in all parameters of the SAE")
    parent_parameters: int | None
    unmoved: tuple[str, ...] = Field(description="parameters that no step changed")
    frozen: tuple[str, ...] = Field(description="parameters that need no gradient, so never move")

    def text(self, parent: str | None) -> str:
        """Return one line of text. parent: the name of what it was measured beside."""
        parts = [f"L0 {self.l0:.1f} after {self.steps} steps on made-up data"]
        if self.ms_per_step is not None:
            beside = self.parent_ms_per_step
            of_parent = f" ({parent} {beside:.1f})" if parent and beside is not None else ""
            parts.append(f"{self.ms_per_step:.1f} ms per step{of_parent}")
        count = self.parent_parameters
        differs = parent is not None and count not in (None, self.parameters)
        of_parent = f" ({parent} {count:,})" if differs else ""
        parts.append(f"{self.parameters:,} parameters{of_parent}")
        if self.unmoved:
            parts.append(f"not moved: {_names(self.unmoved)}")
        if self.frozen:
            parts.append(f"frozen: {_names(self.frozen)}")
        if self.steps and not self.unmoved and not self.frozen:
            parts.append("all of them move")
        return "; ".join(parts)


class CheckReport(BaseModel, frozen=True):
    """All findings about one variant, and what it did in a trial."""

    variant: str
    ok: bool = Field(description="true when there is no error; warnings do not count")
    findings: list[Complaint]
    comparison: Comparison | None = Field(
        None, description="null: no parent, or a file that did not get that far"
    )
    trial: Trial | None = None
    knob: str | None = Field(None, description="the constant that l0_targets turns; null: none")
    knob_value: float | None = None
    knob_lines: str | None = Field(None, description="lines for the top of a file without a knob")
    seconds: float
    next: str

    def text(self) -> str:
        """Return the report as text for the agent."""
        warnings = sum(finding.severity == "warning" for finding in self.findings)
        errors = len(self.findings) - warnings
        verdict = "ok" if self.ok else "not ok"
        lines = [
            f"{self.variant}: {verdict} ({errors} errors, {warnings} warnings)",
            *(f"- {finding.text()}" for finding in self.findings),
        ]
        if self.comparison is not None:
            said = self.comparison.text()
            lines.append(f"{said[0].upper()}{said[1:]}.")
        if self.trial is not None:
            parent = self.comparison.declared if self.comparison is not None else None
            lines.append(f"{self.trial.text(parent)}.")
            lines.append(self._knob())
        return "\n".join([*lines, f"Next: {self.next}"])

    def _knob(self) -> str:
        if self.knob is not None:
            return f"Knob: {self.knob} = {self.knob_value:g}."
        lines = (self.knob_lines or "").replace("\n", "; ")
        return f"Knob: none, so l0_targets cannot aim it. Add at the top of the file: {lines}"


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.{_DIGITS}g}")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.1 else f"{100 * share:.2g} %"


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"{', '.join(names[:_NAMES_SHOWN])}{more}"
