"""What is watched while a variant trains: its loss and which parameters its gradients reach."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import VariantError, blaming

# Gradients are watched this long; the first step may well have none (a warm-up starts at 0).
WATCHED_STEPS = 3
# Buffers up to this size are looked at after every step; large ones would cost time.
WATCHED_NUMBERS = 4_096


class Watch:
    """Runs a trainer's steps and complains of losses that cannot be right.

    touched: names of parameters that some gradient other than 0 reached in the first steps.
    unsound: names of parameters that a NaN or infinite gradient reached in them.
    spoiled: names of small buffers that are not finite, and the step since which they are not.
    """

    def __init__(self, trainer: Any, variant: Path, loss_line: int | None = None) -> None:
        self.trainer, self.variant, self.loss_line = trainer, variant, loss_line
        self.touched: set[str] = set()
        self.unsound: set[str] = set()
        self.spoiled: dict[str, int] = {}
        self._last: float | None = None
        self._hooks = [
            weight.register_post_accumulate_grad_hook(self._notice(name))
            for name, weight in trainer.ae.named_parameters()
            if weight.requires_grad
        ]
        if callable(getattr(trainer, "loss", None)):
            self._remember_loss()

    def update(self, step: int, *batch: Tensor) -> float | None:
        """Do one step on x [B, D], or on x and y; return its loss, None if the trainer tells none.

        Raises VariantError for anything the variant's code raises, for a loss that is no finite
        scalar, and when no gradient reached any parameter in the first steps.
        """
        self._last = None
        unsound_before = sorted(self.unsound)
        with blaming(self.variant, f"update at step {step}", self.loss_line):
            told = self.trainer.update(step, *batch)
        loss = float(told) if isinstance(told, (int, float)) else self._last
        if loss is not None and not math.isfinite(loss):
            raise self._not_finite(loss, step, unsound_before)
        self._look_at_buffers(step)
        if step + 1 == WATCHED_STEPS:
            self.judge_gradients()
        return loss

    def _look_at_buffers(self, step: int) -> None:
        for name, buffer in self.trainer.ae.named_buffers():
            if buffer.numel() > WATCHED_NUMBERS or bool(buffer.isfinite().all()):
                self.spoiled.pop(name, None)
            else:
                self.spoiled.setdefault(name, step)

    def _not_finite(self, loss: float, step: int, unsound: list[str]) -> VariantError:
        rule = f"the loss is {loss} at step {step}"
        instead = "keep divisors, logarithms and exponents in range (clamp them), or lower lr"
        if unsound:
            rule += f", after NaN or infinite gradients reached {', '.join(unsound)}"
            instead = "avoid sqrt, log, norm and pow at 0 (add 1e-8)"
        return VariantError(rule, instead, self.loss_line)

    def judge_gradients(self) -> None:
        """Stop watching. Raises VariantError when no gradient reached any parameter."""
        for hook in self._hooks:
            hook.remove()
        if self._hooks and not self.touched:
            raise VariantError(
                "no gradient reaches any parameter",
                "compute the loss from self.ae(x), without .detach(), .item() or no_grad",
                self.loss_line,
            )
        self._hooks = []

    def _notice(self, name: str) -> Any:
        def notice(weight: Tensor) -> None:
            if weight.grad is not None and bool(weight.grad.any()):
                self.touched.add(name)
                if not bool(weight.grad.isfinite().all()):
                    self.unsound.add(name)

        return notice

    def _remember_loss(self) -> None:
        own = self.trainer.loss

        def remembered(*args: Any, **kwargs: Any) -> Any:
            value = own(*args, **kwargs)
            if not kwargs.get("logging"):
                self._last = self._scalar(value)
            return value

        self.trainer.loss = remembered

    def _scalar(self, value: Any) -> float:
        if isinstance(value, torch.Tensor) and value.numel() == 1:
            return float(value.detach())
        shape = f" of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else ""
        raise VariantError(
            f"loss returned a {type(value).__name__}{shape}",
            "return one scalar tensor (only with logging=True anything more)",
            self.loss_line,
        )
