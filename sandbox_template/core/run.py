"""TrainingRun: the numbers of one training, made possible.

The library's schedules assert warm-up < decay start < steps; a short run with fixed step counts
fails on them. Here they are bent to fit, so any number of steps from 1 trains.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from core.forms import FORMS, Form


@dataclass(frozen=True)
class TrainingRun:
    """One training: its size, its schedule and its seed."""

    variant: Path  # the variant's file
    activation_dim: int
    dict_size: int
    steps: int
    batch_size: int  # activations per step
    lr: float = 2e-3
    l1_penalty: float = 0.06  # for activations of unit mean square norm
    warmup_steps: int = 0
    sparsity_warmup_steps: int = 0
    decay_start: int | None = None
    seed: int = 0
    layer: int = 0
    lm_name: str = "unknown"
    site: str = "resid_post"
    device: str = "cpu"
    threads: int = 1
    arithmetic: str = "float32"  # of large products: float32 or bfloat16
    integer_screening: bool = False  # of TopK selections, which stay exact
    template: str = "sae"  # the form of the variant: see forms.py

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> "TrainingRun":
        """Return the run that a spec.json describes; keys that are none of ours are left out."""
        known = {field.name for field in fields(cls)}
        chosen = {key: value for key, value in spec.items() if key in known}
        return cls(**{**chosen, "variant": Path(spec["variant"])})

    @property
    def form(self) -> Form:
        """What the variant is."""
        return FORMS[self.template]

    @property
    def tokens(self) -> int:
        """Activations seen in the whole run, repeats counted."""
        return self.steps * self.batch_size

    def keywords(self, dict_class: type) -> dict[str, Any]:
        """Return a fresh dict of the keywords of dictionary_learning's StandardTrainer."""
        last = self.steps - 1
        warmup = min(self.warmup_steps, last)
        sparsity_warmup = min(self.sparsity_warmup_steps, last)
        decay = self.decay_start
        if decay is not None and not max(warmup, sparsity_warmup) < decay < self.steps:
            decay = None
        return {
            "steps": self.steps,
            "activation_dim": self.activation_dim,
            "dict_size": self.dict_size,
            "layer": self.layer,
            "lm_name": self.lm_name,
            "dict_class": dict_class,
            "lr": self.lr,
            "l1_penalty": self.l1_penalty,
            "warmup_steps": warmup,
            "sparsity_warmup_steps": sparsity_warmup,
            "decay_start": decay,
            "resample_steps": None,
            "seed": self.seed,
            "device": self.device,
            "submodule_name": self.site,
        }
