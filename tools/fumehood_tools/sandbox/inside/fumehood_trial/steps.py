"""A few training steps of one file: which weights moved, what was called, how long a step took."""

import functools
import inspect
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from core.errors import blaming
from core.forms import TRAINER_CLASS
from core.loading import build_trainer, class_line, load_variant, trains
from core.run import TrainingRun
from core.watch import Watch

Batch = tuple[Tensor, ...]
"""What a trainer is given: x [B, D], or for a transcoder x and the targets y [B, D]."""
LEAST_STEPS = 4
# The first steps pay for memory and caches.
WARM_STEPS = 2
PATHS = ("encode", "decode", "skip")


class FewSteps:
    """A variant that was trained for a few steps. Raises VariantError if it cannot be.

    calls: how often the loss called each method in PATHS that the file itself defines.
    reached: names of weights that the loss has a gradient for. before: the weights after the first
    step, in which some trainers set a bias from the data.
    """

    def __init__(
        self, spec: Mapping[str, Any], variant: str, batches: Sequence[Batch], seconds: float
    ) -> None:
        self.file = Path(variant)
        run = TrainingRun.from_spec({**spec, "variant": variant})
        self.form = run.form
        self.module = load_variant(self.file, run.form)
        self.calls: Counter[str] = Counter()
        self.own_paths = [path for path in PATHS if self._count(path)]
        self.trainer = build_trainer(self.module, run)
        self.line = class_line(self.module, TRAINER_CLASS, "loss")
        self.trains = trains(self.module)
        self._prepare(batches[0])
        self.before = self.weights()
        self.reached: set[str] = set()
        self.durations: list[float] = []
        self.calls.clear()
        if self.trains:
            self._train(batches, seconds)

    @property
    def sae(self) -> Any:
        """The SAE that is trained."""
        return self.trainer.ae

    @property
    def steps(self) -> int:
        """The number of steps that were done."""
        return len(self.durations)

    @property
    def ms_per_step(self) -> float | None:
        """The median duration of a step in milliseconds, None if there were too few."""
        warm = self.durations[WARM_STEPS:]
        return round(1000 * statistics.median(warm), 2) if warm else None

    @property
    def parameters(self) -> int:
        """How many numbers the SAE's parameters have."""
        return sum(weight.numel() for weight in self.sae.parameters())

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the SAE's state dict."""
        with blaming(self.file, "state_dict"):
            return {n: w.detach().contiguous().clone() for n, w in self.sae.state_dict().items()}

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the parameters, without buffers such as a threshold."""
        return {name: weight.detach().clone() for name, weight in self.sae.named_parameters()}

    def unmoved(self) -> tuple[list[str], list[str], list[str]]:
        """Return names of weights that are the same as before: that could move, frozen, unknown.

        Unknown: not among the optimizer's weights, because they were made or replaced too late.
        """
        known = self._of_the_optimizers()
        free, frozen, unknown = [], [], []
        for name, weight in self.sae.named_parameters():
            if not torch.equal(weight.detach(), self.before.get(name, weight.new_empty(0))):
                continue
            if not weight.requires_grad:
                frozen.append(name)
            elif known and id(weight) not in known:
                unknown.append(name)
            else:
                free.append(name)
        return free, frozen, unknown

    def line_of(self, method: str) -> int | None:
        """Return the line of a method of the scored class, or else of the class."""
        return class_line(self.module, self.form.variant_class, method)

    def _of_the_optimizers(self) -> set[int]:
        """Return the ids of the weights that the trainer's optimizers change; none: not known."""
        there = vars(self.trainer).values()
        optimizers = [one for one in there if isinstance(one, torch.optim.Optimizer)]
        groups = [group for one in optimizers for group in one.param_groups]
        return {id(weight) for group in groups for weight in group["params"]}

    def _prepare(self, batch: Batch) -> None:
        if callable(getattr(self.trainer, "prepare", None)):
            line = class_line(self.module, TRAINER_CLASS, "prepare")
            with blaming(self.file, "prepare", line):
                self.trainer.prepare(*(part.clone() for part in batch))

    def _train(self, batches: Sequence[Batch], seconds: float) -> None:
        watch = Watch(self.trainer, self.file, self.line)
        hooks = [
            weight.register_post_accumulate_grad_hook(self._notice(name))
            for name, weight in self.sae.named_parameters()
            if weight.requires_grad
        ]
        for step, batch in enumerate(batches):
            given = [part.clone() for part in batch]
            started = time.perf_counter()
            watch.update(step, *given)
            self.durations.append(time.perf_counter() - started)
            if step == 0:
                self.before = self.weights()
            if sum(self.durations) > seconds and step + 1 >= LEAST_STEPS:
                break
        for hook in hooks:
            hook.remove()

    def _notice(self, name: str) -> Callable[[Tensor], None]:
        return lambda _: self.reached.add(name)

    def _count(self, path: str) -> bool:
        """Count the calls of a method of the scored class; return whether the file defines it."""
        sae_class = getattr(self.module, self.form.variant_class)
        own = getattr(sae_class, path, None)
        if not inspect.isfunction(own) or not _is_of(self.module, sae_class, path):
            return False

        @functools.wraps(own)
        def counted(*args: Any, **kwargs: Any) -> Any:
            if torch.is_grad_enabled():
                self.calls[path] += 1
            return own(*args, **kwargs)

        setattr(sae_class, path, counted)
        return True


def _is_of(module: ModuleType, sae_class: type, method: str) -> bool:
    """Return whether the class that defines a method is in the module itself."""
    owner = next((one for one in sae_class.__mro__ if method in vars(one)), None)
    return owner is not None and owner.__module__ == module.__name__
