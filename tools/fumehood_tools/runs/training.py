"""One training behind the glass: start it, watch it, read what it handed back."""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.errors import FumehoodError, RunFailed, StorageFailed, VariantRejected
from fumehood_tools.files import data_path, last_lines, read_json, write_bytes, write_json
from fumehood_tools.glass import ChildLimits, ChildOutcome, GlassChild
from fumehood_tools.harvest import Activations
from fumehood_tools.runs.plan import RunItem
from fumehood_tools.sandbox.spec import SandboxSpec

REFUSED = 3
WEIGHTS, CONFIG, LOG = "sae.safetensors", "config.json", "train_log.jsonl"


class Place(NamedTuple):
    """Where one training runs."""

    scratch: Path
    threads: int = 1
    device: str = "cpu"


class Training:
    """One SAE in training. Use as a context manager: leaving it ends the child."""

    def __init__(
        self, item: RunItem, spec: SandboxSpec, activations: Activations, place: Place
    ) -> None:
        self.item, self.spec, self.scratch = item, spec, place.scratch
        scratch, threads = place.scratch, place.threads
        self.out = scratch / "out"
        self.variant = scratch / f"{item.variant}.py"
        write_bytes(self.variant, item.source)
        self.out.mkdir(parents=True, exist_ok=True)
        write_json(scratch / "spec.json", self._spec(activations, place))
        entry = data_path("sandbox_template") / "sae" / "core" / "train.py"
        self.child = GlassChild(
            [sys.executable, "-I", "-B", str(entry), str(scratch / "spec.json")],
            scratch=scratch,
            readable=activations.train_shards,
            limits=ChildLimits(
                wall_seconds=spec.limits.train_minutes * 60,
                memory_gb=spec.limits.memory_gb,
                threads=threads,
                cuda=place.device == "cuda",
            ),
        )

    def __enter__(self) -> "Training":
        return self

    def __exit__(self, *exc: object) -> None:
        self.child.end()

    def _spec(self, activations: Activations, place: Place) -> dict[str, Any]:
        training, steps = self.spec.training, self.steps
        return {
            "variant": str(self.variant),
            "train_shards": [str(path) for path in activations.train_shards],
            "scale": activations.scale,
            "activation_dim": activations.d_model,
            "dict_size": self.spec.dict_size,
            "seed": self.item.seed,
            "steps": steps,
            "batch_size": training.batch_size,
            "lr": training.lr,
            "l1_penalty": training.l1_penalty,
            "warmup_steps": max(1, round(training.warmup_fraction * steps)),
            "sparsity_warmup_steps": max(1, round(0.1 * steps)),
            "decay_start": min(steps - 1, max(round(training.decay_fraction * steps), 1)),
            "layer": self.spec.subject.layer,
            "lm_name": self.spec.subject.name,
            "site": self.spec.subject.site,
            "threads": place.threads,
            "device": place.device,
            "out": str(self.out),
        }

    @property
    def steps(self) -> int:
        """Gradient steps: as many whole batches as there are training tokens."""
        return max(1, self.spec.corpus.train_tokens // self.spec.training.batch_size)

    def fraction(self) -> float:
        """Return how much of the training is done, 0 to 1."""
        try:
            progress = json.loads((self.out / "progress.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0.0
        return float(progress["done"]) / max(1.0, float(progress["total"]))

    def finished(self) -> ChildOutcome | None:
        """Return the outcome once the child has ended. Raises the reason when it ended badly."""
        outcome = self.child.poll()
        if outcome is not None and outcome.exit_code != 0:
            raise self._reason(outcome)
        if outcome is not None and not (self.out / WEIGHTS).is_file():
            raise RunFailed(
                f"{self.item.variant}.py: training ended without handing back weights. Leave out "
                "exits of its own; call check_variant."
            )
        return outcome

    def _reason(self, outcome: ChildOutcome) -> FumehoodError:
        name, limits = f"{self.item.variant}.py", self.spec.limits
        if outcome.timed_out:
            return RunFailed(
                f"{name}: training did not end within {limits.train_minutes:g} min. Look for a "
                "loop that does not end, or raise limits.train_minutes in sandbox.toml."
            )
        if outcome.out_of_memory:
            return RunFailed(
                f"{name}: training used more than {limits.memory_gb:g} GiB. Compute penalties on "
                "active latents or a sample, or raise limits.memory_gb in sandbox.toml."
            )
        if outcome.exit_code == REFUSED and (self.out / "error.json").is_file():
            error = read_json(self.out / "error.json")
            line = int(error.get("line") or 1)
            return VariantRejected(name, line, error["rule"], error["instead"].rstrip("."))
        if "No space left" in outcome.output_tail:
            return StorageFailed(
                f"The disk is full: training {self.item.name} stopped. Free some space, then start "
                "the same run again; finished SAEs are kept."
            )
        tail = last_lines(outcome.output_tail, 8)
        return RunFailed(
            f"{name}: training ended with exit {outcome.exit_code}. Its last words (quoted, "
            f"untrusted):\n{tail}\nCall check_variant to see the line."
        )
