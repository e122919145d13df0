"""The kinds of variants: SAEs and transcoders, and what each is called.

x = what is read, y = what is predicted. An SAE predicts what it reads: its trainer is given x. A
transcoder predicts the output of the MLP whose input it reads: its trainer is given x and y.
"""

from types import ModuleType
from typing import NamedTuple

TRAINER_CLASS = "CustomTrainer"


class Form(NamedTuple):
    """One kind. name: the `template` of sandbox.toml and of a training's spec.json."""

    name: str
    noun: str
    variant_class: str
    base_class: str
    base_trainer: str
    weights_file: str
    has_targets: bool

    @property
    def begin(self) -> str:
        """How the scored class begins."""
        return f"class {self.variant_class}({self.base_class}): …"


SAE = Form(
    name="sae",
    noun="SAE",
    variant_class="CustomSAE",
    base_class="BaseSAE",
    base_trainer="BaseTrainer",
    weights_file="sae.safetensors",
    has_targets=False,
)
TRANSCODER = Form(
    name="transcoder",
    noun="transcoder",
    variant_class="CustomTranscoder",
    base_class="BaseTranscoder",
    base_trainer="BaseTranscoderTrainer",
    weights_file="transcoder.safetensors",
    has_targets=True,
)
FORMS = {form.name: form for form in (SAE, TRANSCODER)}


def form_of(module: ModuleType) -> Form:
    """Return the form of a variant's module; an SAE's if it defines no class that is scored."""
    return next((form for form in FORMS.values() if hasattr(module, form.variant_class)), SAE)
