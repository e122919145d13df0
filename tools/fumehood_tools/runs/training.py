"""One training behind the glass: start it, watch it, and take over its results.

The child controls everything in its scratch folder, so nothing there is trusted. Results are read
once, after the child has ended, and only from regular files of limited size.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.errors import FumehoodError, RunFailed, StorageFailed, VariantRejected
from fumehood_tools.files import last_lines, write_bytes
from fumehood_tools.glass import ChildLimits, ChildOutcome, Nursery, take_file, take_json
from fumehood_tools.kinds import kind_named
from fumehood_tools.records.work import Work
from fumehood_tools.runs.orders import Recipe, TrainingOrder
from fumehood_tools.runs.work import ReferenceTraining, over_budget, processor_limit, work_of
from fumehood_tools.where import here

REFUSED = 3
CONFIG, LOG = "config.json", "train_log.jsonl"
ERROR, PROGRESS = "error.json", "progress.json"
MOST_BYTES = {CONFIG: 1 << 20, LOG: 16 << 20, ERROR: 1 << 20, PROGRESS: 4_096}
# Longest message that is stored from a variant's process, in characters.
REMARK = 1_000


class Place(NamedTuple):
    """Where and how one training runs. scratch: a folder under the nursery's scratch root.

    integer_screening: whether its TopK selections are screened in integers; the results are exact.
    """

    scratch: Path
    nursery: Nursery
    threads: int = 1
    integer_screening: bool = False


def training_spec(
    recipe: Recipe,
    shards: Sequence[Path],
    place: Place,
    variant: Path,
    targets: Sequence[Path] = (),
) -> dict[str, Any]:
    """Return the spec of a training with seed 0, without the output folder ("out").

    shards, targets: the training splits of the activations that the recipe names, on this machine.
    """
    target = (
        {}
        if recipe.target is None
        else {
            "target_shards": [str(path.resolve()) for path in targets],
            "target_scale": recipe.target.scale,
        }
    )
    return {
        **target,
        "template": recipe.kind,
        **recipe.schedule,
        "variant": str(variant),
        "train_shards": [str(path.resolve()) for path in shards],
        "scale": recipe.scale,
        "activation_dim": recipe.d_model,
        "dict_size": recipe.dict_size,
        "seed": 0,
        "layer": recipe.subject.layer,
        "lm_name": recipe.subject.name,
        "site": recipe.subject.site,
        "threads": place.threads,
        "device": recipe.device,
        "arithmetic": recipe.arithmetic,
        "integer_screening": place.integer_screening,
    }


class Training:
    """One SAE in training. Use as a context manager: leaving it ends the child."""

    def __init__(
        self,
        order: TrainingOrder,
        shards: Sequence[Path],
        place: Place,
        reference: ReferenceTraining | None = None,
        targets: Sequence[Path] = (),
    ) -> None:
        """Start the training. shards, targets: the training splits of what is read and predicted.

        reference: what its work is compared with; None: no work limit.
        """
        self.order, self.limits, self.scratch = order, order.recipe.limits, place.scratch.resolve()
        self.reference = reference
        self.work: Work | None = None
        self.where = here(order.recipe.device, place.threads, place.nursery.level)
        # `out` is ours. The child writes `_child_out`; we copy from it once, when it has ended.
        self.out = self.scratch / "handed-back"
        self._child_out = self.scratch / "child" / "out"
        self.variant = self.scratch / f"{order.variant}.py"
        self.out.mkdir(parents=True, exist_ok=True)
        write_bytes(self.variant, order.source)
        content = training_spec(order.recipe, shards, place, self.variant, targets)
        self.child = place.nursery.start(
            "core.train",
            {**content, "seed": order.seed, "out": str(self._child_out)},
            scratch=self.scratch / "child",
            readable=[self.variant, *shards, *targets],
            limits=self._limits(place),
        )

    def __enter__(self) -> "Training":
        return self

    def __exit__(self, *exc: object) -> None:
        self.child.end()

    def _limits(self, place: Place) -> ChildLimits:
        limits, reference = self.limits, self.reference
        is_cuda = self.order.recipe.device == "cuda"
        # With CUDA, work is wall-clock time, judged at the end: no limit on processor time.
        bound = None if reference is None or is_cuda else reference
        return ChildLimits(
            wall_seconds=limits.train_minutes * 60,
            cpu_seconds=processor_limit(bound, limits) if bound else None,
            memory_gb=limits.memory_gb,
            scratch_gb=limits.scratch_gb,
            threads=place.threads,
            cuda=is_cuda,
        )

    def fraction(self) -> float:
        """Return the completed share of the training, 0 to 1, as reported by the child."""
        with contextlib.suppress(RunFailed, ValueError, TypeError, KeyError, OverflowError):
            progress = take_json(self._child_out, PROGRESS, MOST_BYTES[PROGRESS])
            done = float(progress["done"]) / max(1.0, float(progress["total"]))
            return min(1.0, max(0.0, done))
        return 0.0

    def finished(self) -> ChildOutcome | None:
        """Return None while the child runs; when it has ended, copy its results and return how.

        Raises the reason as a FumehoodError if the training failed or took too much work.
        """
        outcome = self.child.poll()
        if outcome is None:
            return None
        if self.reference is not None:
            is_cuda = self.order.recipe.device == "cuda"
            spent = outcome.seconds if is_cuda else outcome.processor_seconds
            # If the nursery died, no processor time was reported; use wall-clock time instead.
            seconds = outcome.seconds if spent is None else spent
            self.work = work_of(self.order, seconds, self.reference)
        if outcome.exit_code != 0 or outcome.limit is not None:
            reason = self._reason(outcome)
            reason.limit = outcome.limit
            raise reason
        if self.work is not None and self.work.is_over(self.limits.work_ratio):
            raise over_budget(self.work, self.limits)
        keep_results(self.order, self._child_out, self.out)
        return outcome

    def _reason(self, outcome: ChildOutcome) -> FumehoodError:
        name, limits = f"{self.order.variant}.py", self.limits
        if outcome.limit == "cpu" and self.work is not None:
            return over_budget(self.work, limits, ended=True)
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
        if outcome.limit is not None:
            return RunFailed(
                f"{name}: training was killed because it exceeded the limit on {outcome.limit}. "
                "Write less and start fewer threads; sandbox.toml has the limits."
            )
        if outcome.exit_code == REFUSED and (refusal := self._refusal(name)) is not None:
            return refusal
        if "No space left" in outcome.output_tail:
            return StorageFailed(
                f"The disk is full: training {self.order.name} stopped. Free some space, then "
                "start the same run again; finished SAEs are kept."
            )
        tail = last_lines(outcome.output_tail, 8)
        return RunFailed(
            f"{name}: training ended with exit code {outcome.exit_code}. Its last output (quoted, "
            f"untrusted):\n{tail}\nCall check_variant to see the line."
        )

    def _refusal(self, name: str) -> VariantRejected | None:
        """Return the error that core/train.py wrote about the variant, or None if unreadable."""
        with contextlib.suppress(RunFailed, ValueError, TypeError, KeyError, AttributeError):
            error = take_json(self._child_out, ERROR, MOST_BYTES[ERROR])
            line = None if error.get("line") is None else int(error["line"])
            rule = str(error["rule"])[:REMARK]
            return VariantRejected(name, line, rule, str(error["instead"])[:REMARK].rstrip("."))
        return None


def keep_results(order: TrainingOrder, made: Path, out: Path) -> None:
    """Copy the results of a training from a folder that nobody trusts to `out`, which is ours.

    Takes its three files, each up to a size, and nothing else. Raises RunFailed for what is no
    plain file or too large, and if there are no weights.
    """
    most_weights = int(order.recipe.limits.scratch_gb * (1 << 30))
    weights = kind_named(order.recipe.kind).weights_file
    for name in (weights, CONFIG, LOG):
        content = take_file(made, name, MOST_BYTES.get(name, most_weights))
        if content is not None:
            write_bytes(out / name, content)
    if not (out / weights).is_file():
        raise RunFailed(
            f"{order.variant}.py: training ended without leaving weights. Remove calls that end "
            "the process, then call check_variant."
        )
