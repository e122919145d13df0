"""From a variant's file to its SAE and trainer. Every complaint is a VariantError with a line.

CustomSAE(activation_dim, dict_size) must be enough to build the SAE that a state dict fits into:
that is how the scorer makes it. CustomTrainer is optional; BaseTrainer is used without one.

A file declares what the evaluator has to know, as plain constants at its top:

    TRAIN = False            no step is taken: the initial weights are the result
    DECODER = "nonlinear"    decode is not linear in f; without it x_hat = f W + b is measured
    SKIP = True              CustomSAE.skip(x) -> [B, D] goes past the latents and is shown apart
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
from core.kernels.adam import UnitNormAdam
from core.library import Dictionary
from core.run import TrainingRun
from core.trainer import BaseTrainer

SAE_CLASS, TRAINER_CLASS, TRAIN_SWITCH = "CustomSAE", "CustomTrainer", "TRAIN"
DECODERS = ("linear", "nonlinear")
SCORED_TYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)
# dictionary_learning's default; no short run ever reaches it.
LIBRARY_DEAD_TOKENS = 10_000_000


def load_variant(path: Path) -> ModuleType:
    """Return the module of a variant's file. Nothing is written beside it."""
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
    sae_class = getattr(module, SAE_CLASS, None)
    if not isinstance(sae_class, type):
        raise VariantError(f"there is no class {SAE_CLASS}", "class CustomSAE(BaseSAE): …", 1)
    if not issubclass(sae_class, nn.Module):
        line = class_line(module, SAE_CLASS)
        raise VariantError(f"{SAE_CLASS} is no SAE", "class CustomSAE(BaseSAE): …", line)
    _check_declarations(module)
    return module


def _check_declarations(module: ModuleType) -> None:
    decoder, skips = getattr(module, "DECODER", "linear"), getattr(module, "SKIP", False)
    if decoder not in DECODERS:
        raise VariantError(
            f"DECODER is {decoder!r}", 'write DECODER = "nonlinear", or leave it out'
        )
    if getattr(module, "ARITHMETIC", "float32") != "float32":
        raise VariantError(
            "ARITHMETIC can only be float32", 'write ARITHMETIC = "float32", or leave it out'
        )
    has_skip = callable(getattr(getattr(module, SAE_CLASS), "skip", None))
    line = class_line(module, SAE_CLASS, "skip")
    if skips and not has_skip:
        cure = "def skip(self, x): … in CustomSAE, returning [B, D]"
        raise VariantError("SKIP is declared, and CustomSAE has no skip", cure, line)
    if has_skip and not skips:
        cure = "write SKIP = True at the top of the file, or call the method something else"
        raise VariantError("CustomSAE.skip is not declared: scores would leave it out", cure, line)


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
    """Return CustomSAE(activation_dim, dict_size), untrained; an instance of exactly that class."""
    line = class_line(module, SAE_CLASS, "__init__")
    with blaming(str(module.__file__), "CustomSAE(activation_dim, dict_size)", line):
        sae = getattr(module, SAE_CLASS)(activation_dim, dict_size)
    if (sae.activation_dim, sae.dict_size) != (activation_dim, dict_size):
        raise VariantError(
            "CustomSAE does not keep activation_dim and dict_size",
            "pass both to super().__init__, unchanged",
            line,
        )
    return cast(Dictionary, sae)


def build_trainer(module: ModuleType, run: TrainingRun) -> Any:
    """Return the trainer of a run: it has .ae, .update(step, x) and perhaps .prepare(x).

    torch is seeded first, for trainers that ignore the seed they are given.
    """
    trainer_class = getattr(module, TRAINER_CLASS, BaseTrainer)
    sae_class = getattr(module, SAE_CLASS)
    line = class_line(module, TRAINER_CLASS, "__init__")
    torch.manual_seed(run.seed)
    with blaming(str(module.__file__), "making CustomTrainer", line):
        trainer = trainer_class(**run.keywords(sae_class))
    if not isinstance(getattr(trainer, "ae", None), sae_class):
        raise VariantError(
            "the trainer's .ae is not a CustomSAE, which is what the scorer builds",
            "pass dict_class on to super().__init__",
            line,
        )
    with blaming(str(module.__file__), "state_dict", line):
        state = trainer.ae.state_dict()
    check_types(state)
    _suit_short_run(trainer, run)
    return trainer


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
