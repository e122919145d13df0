"""The single trials of check.py. B = tokens, D = activation_dim, F = dict_size.

A trial that fails raises VariantError, with the line where one can be named; what is allowed but
looks like a mistake is added to the report as a warning.
"""

import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from core.errors import VariantError, blaming
from core.forms import TRAINER_CLASS
from core.loading import (
    build_sae,
    build_trainer,
    check_types,
    class_line,
    has_linear_decoder,
    trains,
)
from core.run import TrainingRun
from core.watch import Watch

STEPS = 6
ROWS = 48
# Rounding differs between batch sizes and may swap two latents of nearly equal size.
TOLERATED_ROWS = 0.05


class Report:
    """Findings about one variant."""

    def __init__(self, variant: Path) -> None:
        self.variant = variant
        self.findings: list[dict[str, Any]] = []

    def add(self, severity: str, rule: str, message: str, instead: str, line: int | None) -> None:
        """Add one finding, unless it was made before (at another size)."""
        finding = {
            "severity": severity,
            "rule": rule,
            "line": line,
            "message": f"{message.rstrip('.')}.",
            "instead": f"{instead.rstrip('.')}.",
        }
        if finding not in self.findings:
            self.findings.append(finding)


class Probe:
    """All trials of a variant at one size."""

    def __init__(
        self, module: ModuleType, run: TrainingRun, report: Report, announce: Callable[[str], None]
    ) -> None:
        self.module, self.run, self.report, self.announce = module, run, report, announce
        self.file, self.form = run.variant, run.form
        self.draw = torch.Generator().manual_seed(run.seed)

    def all(self) -> None:
        """Run every trial in order. Raises VariantError at the first that fails."""
        self.announce(f"building the {self.form.noun}")
        torch.manual_seed(self.run.seed)
        self.shapes(build_sae(self.module, self.run.activation_dim, self.run.dict_size))
        self.announce("building the trainer")
        trainer = build_trainer(self.module, self.run)
        self.training(trainer)
        sae = trainer.ae.eval()
        with torch.no_grad():
            self.evaluation(sae)
            self.round_trip(sae)

    def noise(self, rows: int) -> Tensor:
        """Return x_BD of unit mean square norm."""
        x_BD = torch.randn(rows, self.run.activation_dim, generator=self.draw)
        return x_BD.div(math.sqrt(self.run.activation_dim))

    def batch(self) -> tuple[Tensor, ...]:
        """Return what a trainer is given: x, or for a transcoder x and targets y = relu(x M)."""
        x_BD = self.noise(self.run.batch_size)
        if not self.form.has_targets:
            return (x_BD,)
        D = self.run.activation_dim
        M_DD = torch.randn(D, D, generator=torch.Generator().manual_seed(self.run.seed))
        return x_BD, torch.relu(x_BD @ M_DD).mul(math.sqrt(2 / D))

    def method_line(self, method: str) -> int | None:
        """Return the line of a method of the scored class, else of the class."""
        return class_line(self.module, self.form.variant_class, method)

    def encode(self, sae: Any, x_BD: Tensor) -> Tensor:
        """Return sae.encode(x), checked: shape [B, F], float32, finite, x untouched."""
        kept = x_BD.clone()
        line = self.method_line("encode")
        with blaming(self.file, "encode", line):
            f_BF: Tensor = sae.encode(x_BD)
        self._fits(f_BF, (len(x_BD), self.run.dict_size), "encode", line)
        if not torch.equal(x_BD, kept):
            raise VariantError("encode changes its input in place", "work on a copy of x", line)
        return f_BF

    def decode(self, sae: Any, f_BF: Tensor) -> Tensor:
        """Return sae.decode(f), checked: shape [B, D], float32, finite."""
        line = self.method_line("decode")
        with blaming(self.file, "decode", line):
            x_hat_BD: Tensor = sae.decode(f_BF)
        self._fits(x_hat_BD, (len(f_BF), self.run.activation_dim), "decode", line)
        return x_hat_BD

    def _fits(self, value: Any, shape: tuple[int, int], what: str, line: int | None) -> None:
        wanted = "[B, F]" if what == "encode" else "[B, D]"
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise VariantError(f"{what} returns a {kind}", f"return one tensor {wanted}", line)
        if tuple(value.shape) != shape:
            rule = f"{what} returns the shape {tuple(value.shape)}, not {shape}"
            raise VariantError(rule, f"return {wanted} = {shape} for {shape[0]} tokens", line)
        if value.dtype != torch.float32:
            rule = f"{what} returns {value.dtype}, not torch.float32"
            raise VariantError(rule, "return .float(), and keep integers out of it", line)
        if not bool(value.isfinite().all()):
            bad = float(value.isfinite().logical_not().float().mean())
            rule = f"{what} returns NaN or infinity ({bad:.0%} of the values)"
            cure = "keep divisors, logarithms and exponents in range (add 1e-6 or clamp)"
            raise VariantError(rule, cure, line)

    def shapes(self, sae: Any) -> None:
        """Try encode, decode and forward on a fresh SAE."""
        x_BD = self.noise(ROWS)
        with torch.no_grad():
            self.announce("encode")
            f_BF = self.encode(sae, x_BD)
            self.announce("decode")
            self.decode(sae, f_BF)
            if callable(getattr(type(sae), "skip", None)):
                self.announce("skip")
                with blaming(self.file, "skip", self.method_line("skip")):
                    past_BD = sae.skip(x_BD)
                self._fits(
                    past_BD, (ROWS, self.run.activation_dim), "skip", self.method_line("skip")
                )
            self.announce("forward")
            with blaming(self.file, "forward", self.method_line("forward")):
                pair = sae(x_BD, output_features=True)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise VariantError(
                "forward(x, output_features=True) does not return (x_hat, f)",
                f"leave forward to {self.form.base_class}, or return both",
                self.method_line("forward"),
            )

    def training(self, trainer: Any) -> None:
        """Do some steps of training on noise and look at what changed."""
        line = class_line(self.module, TRAINER_CLASS, "loss")
        line = line or class_line(self.module, TRAINER_CLASS) or self.method_line("encode")
        self.announce("prepare")
        if callable(getattr(trainer, "prepare", None)):
            with blaming(self.file, "prepare", class_line(self.module, TRAINER_CLASS, "prepare")):
                trainer.prepare(*self.batch())
        if not trains(self.module):
            return
        watch = Watch(trainer, self.file, line)
        before = {name: weight.detach().clone() for name, weight in _weights(trainer.ae)}
        for step in range(STEPS):
            self.announce(f"update, step {step}")
            batch = self.batch()
            kept = [part.clone() for part in batch]
            watch.update(step, *batch)
            if not all(map(torch.equal, batch, kept)):
                rule = "update changes the activations it is given in place"
                raise VariantError(rule, "work on a copy: x = x - …, not x -= …", line)
        self._changed(trainer, watch, before, line)

    def _changed(
        self, trainer: Any, watch: Watch, before: dict[str, Tensor], line: int | None
    ) -> None:
        after = dict(_weights(trainer.ae))
        late = sorted(after.keys() - before.keys())
        if late:
            raise VariantError(
                f"{', '.join(late)}: made after the trainer was built, so never trained",
                f"make parameters in {self.form.variant_class}.__init__",
                self.method_line("__init__"),
            )
        same = [n for n, weight in after.items() if torch.equal(weight.detach(), before[n])]
        if len(same) == len(after):
            rule = f"{STEPS} steps of training change no parameter"
            raise VariantError(rule, "call self.optimizer.step() in update, or inherit it", line)
        for name in same:
            self.report.add(
                "warning",
                "inert",
                f"The parameter {name} does not change in {STEPS} steps: it has no effect",
                "let it take part in encode, decode or the loss, or leave it out",
                self.method_line("__init__"),
            )

    def evaluation(self, sae: Any) -> None:
        """Look at encode and decode as the scorer calls them: eval mode, any batch size."""
        self.announce("encode in eval mode")
        x_BD = self.noise(ROWS)
        f_BF = self.encode(sae, x_BD)
        self.decode(sae, f_BF)
        line = self.method_line("encode")
        if not torch.equal(f_BF, self.encode(sae, x_BD)):
            rule = "encode gives other latents for the same x in eval mode"
            raise VariantError(rule, "switch noise and dropout off unless self.training", line)
        parts = torch.cat([self.encode(sae, x_BD[:7]), self.encode(sae, x_BD[7:])])
        size = f_BF.abs().amax(dim=1).clamp(min=1e-6)
        other = (parts - f_BF).abs().amax(dim=1) > 1e-3 * size
        if float(other.float().mean()) > TOLERATED_ROWS:
            self.report.add(
                "warning",
                "batch",
                "encode depends on the other rows of the batch: the evaluator refuses that",
                "in eval mode treat each row by itself, e.g. with a threshold learned in training",
                line,
            )
        self._activity(f_BF, line)
        if has_linear_decoder(self.module):
            self._linearity(sae, f_BF)

    def _linearity(self, sae: Any, f_BF: Tensor) -> None:
        half = len(f_BF) // 2
        first, second = f_BF[:half], f_BF[half : 2 * half]
        apart = self.decode(sae, first) + self.decode(sae, second)
        whole = self.decode(sae, first + second) + self.decode(sae, torch.zeros_like(first))
        if float((apart - whole).norm()) > 0.01 * max(float(apart.norm()), 1e-6):
            self.report.add(
                "warning",
                "decoder",
                "decode is not linear in f: the evaluator refuses that where it is not declared",
                'write DECODER = "nonlinear" at the top of the file, or make it linear',
                self.method_line("decode"),
            )

    def _activity(self, f_BF: Tensor, line: int | None) -> None:
        L0 = float((f_BF != 0).float().sum(dim=1).mean())
        add = self.report.add
        if bool((f_BF < 0).any()):
            add(
                "warning",
                "negative",
                "Some latents are negative: the evaluator refuses them",
                "end encode with relu; two latents for a direction and its opposite",
                line,
            )
        if L0 == 0:
            add(
                "warning",
                "silent",
                f"After {STEPS} steps on noise no latent is active",
                "lower the threshold or penalty; on real activations this may differ",
                line,
            )
        if self.run.dict_size == L0:
            add(
                "warning",
                "dense",
                "Every latent is active on every token: that is no sparse code",
                "end encode with relu, TopK or a threshold",
                line,
            )

    def round_trip(self, sae: Any) -> None:
        """Save the weights, load them into a fresh object, compare what both compute."""
        self.announce("state dict")
        line = self.method_line("__init__")
        with blaming(self.file, "state_dict", line):
            state = {k: v.detach().contiguous().clone() for k, v in sae.state_dict().items()}
        check_types(state)
        weights = load(save(state))
        twin = build_sae(self.module, self.run.activation_dim, self.run.dict_size)
        with blaming(self.file, f"loading the weights into a new {self.form.variant_class}", line):
            twin.load_state_dict(weights, strict=True)
        twin.eval()
        x_BD = self.noise(ROWS)
        f_BF = self.encode(sae, x_BD)
        x_hat_BD = self.decode(sae, f_BF)
        again_BF = self.encode(twin, x_BD)
        again_BD = self.decode(twin, f_BF)
        if not (torch.allclose(f_BF, again_BF) and torch.allclose(x_hat_BD, again_BD, atol=1e-6)):
            raise VariantError(
                f"a {self.form.variant_class} with the saved weights computes something else",
                "keep all that is learned in parameters or register_buffer, not in attributes",
                line,
            )


def _weights(sae: Any) -> list[tuple[str, Tensor]]:
    return [(name, weight) for name, weight in sae.named_parameters() if weight.requires_grad]
