"""From a variant's file to its SAE and trainer. Every complaint is a VariantError with a line.

CustomSAE(activation_dim, dict_size) must be enough to build the SAE that a state dict fits into:
that is how the scorer makes it. CustomTrainer is optional; BaseTrainer is used without one.
In a transcoder's file they are CustomTranscoder and BaseTranscoderTrainer: see forms.py.

A file declares what the evaluator has to know, as plain constants at its top:

    TRAIN = False            no step is taken: the initial weights are the result
    DECODER = "nonlinear"    decode is not linear in f; without it x_hat = f W + b is measured
    SKIP = True              the method skip(x) -> [B, D] goes past the latents
    ARITHMETIC = "float32"   products are not rounded in training, whatever a machine gains
    KNOB = "K"               the number of the file that sets how sparse latents are
"""

import ast
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn

from core.errors import VariantError, blaming
from core.forms import FORMS, SAE, TRAINER_CLASS, TRANSCODER, Form, form_of
from core.kernels.adam import UnitNormAdam
from core.library import Dictionary, SAETrainer
from core.revival import LIBRARY_DEAD_TOKENS
from core.run import TrainingRun
from core.sparse_trainers import SparseSteps
from core.trainer import BaseTrainer
from core.transcoder_trainers import BaseTranscoderTrainer

TRAIN_SWITCH = "TRAIN"
# Trainers by the form of what they train; the first is used for a file without CustomTrainer.
TRAINERS: dict[str, type] = {SAE.name: BaseTrainer, TRANSCODER.name: BaseTranscoderTrainer}
DECODERS = ("linear", "nonlinear")
SCORED_TYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)


def load_variant(path: Path, form: Form | None = None) -> ModuleType:
    """Return the module of a variant's file. Nothing is written beside it.

    form: what the file must define; None: an SAE or a transcoder, see `form_of`.
    """
    try:
        source = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise VariantError(
            f"{path.name} cannot be read: {error}", "save it as UTF-8 text in variants/"
        ) from error
    module = ModuleType(f"variant_{path.stem}")
    module.__file__ = str(path)
    # dataclasses and pickling look a class's module up by its name.
    sys.modules[module.__name__] = module
    try:
        code = compile(source, str(path), "exec")
    except SyntaxError as error:
        rule = f"the file is not valid Python: {error.msg}"
        raise VariantError(rule, "mend the syntax on that line", error.lineno) from error
    except ValueError as error:
        raise VariantError(f"the file is not text: {error}", "remove null bytes") from error
    with blaming(path, "importing the file"):
        exec(code, module.__dict__)
    _check_class(module, form or form_of(module))
    _check_declarations(module, form_of(module))
    return module


def _check_class(module: ModuleType, form: Form) -> None:
    name = form.variant_class
    scored = getattr(module, name, None)
    if not isinstance(scored, type):
        raise VariantError(f"there is no class {name}", form.begin, 1)
    for other in FORMS.values():
        if other is not form and hasattr(module, other.variant_class):
            rule = f"the file has a class {other.variant_class} besides {name}"
            line = class_line(module, other.variant_class)
            raise VariantError(rule, "leave that class out, or give it another name", line)
    if not issubclass(scored, nn.Module):
        raise VariantError(f"{name} is no {form.noun}", form.begin, class_line(module, name))


def _check_declarations(module: ModuleType, form: Form) -> None:
    decoder, skips = getattr(module, "DECODER", "linear"), getattr(module, "SKIP", False)
    if decoder not in DECODERS:
        raise VariantError(
            f"DECODER is {decoder!r}", 'write DECODER = "nonlinear", or leave it out'
        )
    if getattr(module, "ARITHMETIC", "float32") != "float32":
        raise VariantError(
            "ARITHMETIC can only be float32", 'write ARITHMETIC = "float32", or leave it out'
        )
    name = form.variant_class
    has_skip = callable(getattr(getattr(module, name), "skip", None))
    line = class_line(module, name, "skip")
    if skips and not has_skip:
        cure = f"def skip(self, x): … in {name}, returning [B, D]"
        raise VariantError(f"SKIP is declared, and {name} has no skip", cure, line)
    if has_skip and not skips:
        cure = "write SKIP = True at the top of the file, or call the method something else"
        raise VariantError(f"{name}.skip is not declared: scores would leave it out", cure, line)


def has_linear_decoder(module: ModuleType) -> bool:
    """Return False for a variant that says DECODER = "nonlinear"."""
    return bool(getattr(module, "DECODER", "linear") == "linear")


def class_line(module: ModuleType, name: str, method: str | None = None) -> int | None:
    """Return the line of a class, or of its method, in a variant's file."""
    source = Path(str(module.__file__)).read_text(encoding="utf-8-sig")
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == method:
                    return part.lineno
            return node.lineno
    return None


def trains(module: ModuleType) -> bool:
    """Return False for a variant that says TRAIN = False: its initial weights are its result."""
    return bool(getattr(module, TRAIN_SWITCH, True))


def arithmetic_of(module: ModuleType, run: TrainingRun) -> str:
    """Return in which arithmetic a variant trains: the machine's, unless the file wants float32."""
    return str(getattr(module, "ARITHMETIC", run.arithmetic))


def build_sae(module: ModuleType, activation_dim: int, dict_size: int) -> Dictionary:
    """Return CustomSAE or CustomTranscoder(activation_dim, dict_size), untrained.

    It is an instance of exactly that class.
    """
    name = form_of(module).variant_class
    line = class_line(module, name, "__init__")
    with blaming(str(module.__file__), f"{name}(activation_dim, dict_size)", line):
        sae = getattr(module, name)(activation_dim, dict_size)
    if (sae.activation_dim, sae.dict_size) != (activation_dim, dict_size):
        raise VariantError(
            f"{name} does not keep activation_dim and dict_size",
            "pass both to super().__init__, unchanged",
            line,
        )
    return cast(Dictionary, sae)


def build_trainer(module: ModuleType, run: TrainingRun) -> Any:
    """Return the trainer of a run: it has .ae, .update(step, x) and perhaps .prepare(x).

    A transcoder's takes y after x. torch is seeded first, for trainers that ignore their seed.
    """
    form = form_of(module)
    trainer_class = getattr(module, TRAINER_CLASS, TRAINERS[form.name])
    sae_class = getattr(module, form.variant_class)
    line = class_line(module, TRAINER_CLASS, "__init__")
    _check_trainer(trainer_class, form, class_line(module, TRAINER_CLASS))
    torch.manual_seed(run.seed)
    with blaming(str(module.__file__), "making CustomTrainer", line):
        trainer = trainer_class(**run.keywords(sae_class))
    if not isinstance(getattr(trainer, "ae", None), sae_class):
        raise VariantError(
            f"the trainer's .ae is not a {form.variant_class}, which is what the scorer builds",
            "pass dict_class on to super().__init__",
            line,
        )
    with blaming(str(module.__file__), "state_dict", line):
        state = trainer.ae.state_dict()
    check_types(state)
    _suit_short_run(trainer, run)
    return trainer


def _check_trainer(trainer_class: Any, form: Form, line: int | None) -> None:
    """Raise VariantError for a trainer of another form, which takes other batches."""
    of_saes, of_transcoders = (SAETrainer, SparseSteps), (BaseTranscoderTrainer,)
    wrong = of_saes if form.has_targets else of_transcoders
    if isinstance(trainer_class, type) and issubclass(trainer_class, wrong):
        raise VariantError(
            f"{TRAINER_CLASS} derives from a trainer that is not for a {form.noun}",
            f"class {TRAINER_CLASS}({form.base_trainer}): …",
            line,
        )


def check_types(state: Mapping[str, Any]) -> None:
    """Raise VariantError for a parameter or buffer of a type that the scorer does not read."""
    for name, weight in state.items():
        if isinstance(weight, Tensor) and weight.dtype not in SCORED_TYPES:
            raise VariantError(
                f"{name} is {weight.dtype}, which the scorer does not read",
                "keep it in float32 (float64, float16, bfloat16, complex64, signed integers, uint8 "
                "and bool are read too); of two real parameters, torch.view_as_complex makes a "
                "complex number inside encode",
            )


def _suit_short_run(trainer: Any, run: TrainingRun) -> None:
    """Mend what the library does to every short run; a variant's own choices stay."""
    if getattr(trainer, "dead_feature_threshold", None) == LIBRARY_DEAD_TOKENS:
        trainer.dead_feature_threshold = max(1, run.tokens // 10)
    optimizer = getattr(trainer, "optimizer", None)
    if isinstance(optimizer, torch.optim.Adam) and not isinstance(optimizer, UnitNormAdam):
        use_fused_adam(optimizer)


def use_fused_adam(optimizer: torch.optim.Adam) -> None:
    """Let Adam update each tensor in one pass: the same numbers to 1e-6, ten times faster."""
    for group in optimizer.param_groups:
        chosen = group.get("fused"), group.get("foreach"), group.get("capturable")
        plain = all(weight.dtype == torch.float32 for weight in group["params"])
        if plain and not any(chosen) and not group.get("differentiable"):
            group["fused"] = True
