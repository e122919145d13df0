"""One variant through its two children: what it produced, and what the evaluation measured."""

import json
import math
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.custom.profiles import EVALUATE, PRODUCE, VARIANT, evaluation
from fumehood_tools.errors import IntegrityFailed, RunFailed, VariantRejected
from fumehood_tools.files import last_lines, write_bytes
from fumehood_tools.glass import ChildLimits, GlassLevel, Nursery, take_file
from fumehood_tools.sandbox.constants import judge_source, why_not_trained_here
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.declarations import declares_no_training
from fumehood_tools.spec import CustomSpec, LimitsSpec
from fumehood_tools.subjects.loading import model_source

PRODUCED, METRICS, ERROR = "produced.safetensors", "metrics.json", "error.json"
MOST_PRODUCED, MOST_SAID = 256 << 20, 1 << 16
_HEADER = 8
SIZES = {"F32": 4}


class Measured(NamedTuple):
    """A variant's arrays, as a file, and their metrics. seconds: of both children."""

    produced: Path
    metrics: dict[str, float]
    produce_seconds: float
    evaluate_seconds: float


class CustomChildren:
    """Runs variants of one sandbox. Use as a context manager: it holds both nurseries."""

    def __init__(
        self, box: Sandbox, custom: CustomSpec, inputs: Path, level: GlassLevel, scratch: Path
    ) -> None:
        """Copy the sealed files, so that nothing changes under a run, and start both nurseries."""
        self._box, self._custom, self._scratch = box, custom, scratch.resolve()
        self._interface = self._scratch / "interface" / Path(custom.interface).name
        self._evaluation = self._scratch / "evaluation"
        self._inputs = self._scratch / "inputs.safetensors"
        leave_out = shutil.ignore_patterns("__pycache__", "*.pyc")
        for named, copy in (
            (custom.interface, self._interface),
            (custom.evaluation, self._evaluation),
        ):
            shutil.copytree(box.folder / named, copy, ignore=leave_out)
        shutil.copyfile(inputs, self._inputs)
        self._subject = Path(model_source(box.spec.subject, box.cache))
        self._limits = box.spec.limits
        self._variants, self._evaluators = self._scratch / "variants", self._scratch / "evaluators"
        for folder in (self._variants, self._evaluators):
            folder.mkdir()
        # Python lists the folder that it imports from, so that folder itself must be in view.
        shown = [self._interface.parent, self._inputs]
        self._produce = Nursery(self._variants, level=level, readable=shown, profile=VARIANT)
        data = [self._evaluation, self._subject]
        self._evaluate = Nursery(self._evaluators, level=level, readable=data, profile=evaluation())

    def __enter__(self) -> "CustomChildren":
        return self

    def __exit__(self, *exc: object) -> None:
        self._produce.close()
        self._evaluate.close()

    def measure(self, name: str, source: bytes, seed: int) -> Measured:
        """Let a variant produce, and evaluate it. Raises VariantRejected, RunFailed."""
        produced, spent = self.produce(name, source, seed)
        metrics, took = self.evaluate(produced, name, seed)
        return Measured(produced, metrics, spent, took)

    def produce(self, name: str, source: bytes, seed: int) -> tuple[Path, float]:
        """Let a variant produce; return its arrays and the seconds that it took.

        Raises VariantRejected, RunFailed, IntegrityFailed.
        """
        judge_origin(source, self._limits)
        home = self._variants / f"{name}-{seed}"
        variant = home / f"{name}.py"
        write_bytes(variant, source)
        shapes = self.shapes()
        spec = {
            "interface": str(self._interface),
            "base_class": self._custom.base_class,
            "variant_class": self._custom.variant_class,
            "variant": str(variant),
            "inputs": str(self._inputs),
            "shapes": shapes,
        }
        readable = [variant, self._interface.parent, self._inputs]
        minutes = self._limits.train_minutes
        out, spent = self._run(
            self._produce, PRODUCE, spec, seed, home / "child", readable, minutes
        )
        content = take_file(out, PRODUCED, MOST_PRODUCED)
        if content is None:
            raise self._refused(out, name)
        check_arrays(content, shapes, name)
        produced = self._evaluators / f"{name}-{seed}.safetensors"
        write_bytes(produced, content)
        return produced, spent

    def shapes(self) -> dict[str, list[int]]:
        """Return the sizes of each array that a variant has to produce. Raises RunFailed."""
        sizes = {**self._custom.dims, "d_model": self._box.describe_subject().d_model}
        try:
            return {
                name: [one if isinstance(one, int) else sizes[one] for one in shape]
                for name, shape in self._custom.produce.items()
            }
        except KeyError as error:
            raise RunFailed(
                f"custom.produce names the size {error}. Add it to custom.dims."
            ) from error

    def evaluate(self, produced: Path, name: str, seed: int) -> tuple[dict[str, float], float]:
        """Evaluate arrays that a variant has produced; return metrics and seconds.

        produced: the file that `produce` returned, or one that was kept. Raises RunFailed, and
        IntegrityFailed (not_measured) if the evaluation says that it cannot measure the arrays.
        """
        # The child sees nothing outside of its nursery's folder.
        seen = self._evaluators / f"{name}-{seed}.safetensors"
        if produced != seen:
            shutil.copyfile(produced, seen)
        spec = {
            "evaluation": str(self._evaluation),
            "produced": str(seen),
            "subject": str(self._subject),
            "layer": self._box.spec.subject.layer,
            "site": self._box.spec.subject.site,
        }
        readable = [self._evaluation, seen, self._subject]
        home = self._evaluators / f"{name}-{seed}"
        minutes = self._limits.score_minutes
        out, took = self._run(self._evaluate, EVALUATE, spec, seed, home, readable, minutes)
        said = take_file(out, METRICS, MOST_SAID)
        if said is None:
            raise _failed(out)
        return self._declared(json.loads(said)), took

    def _declared(self, found: Mapping[str, Any]) -> dict[str, float]:
        wanted = {metric.name for metric in self._custom.metrics}
        if found.keys() != wanted or not all(math.isfinite(value) for value in found.values()):
            raise IntegrityFailed(
                "metrics",
                f"evaluate returned {sorted(found)}, declared are {sorted(wanted)}",
                "Return each declared metric as a finite number, and no other.",
            )
        return dict(found)

    def _run(
        self,
        nursery: Nursery,
        program: str,
        spec: Mapping[str, Any],
        seed: int,
        home: Path,
        readable: list[Path],
        minutes: float,
    ) -> tuple[Path, float]:
        limits = ChildLimits(
            wall_seconds=60 * minutes,
            memory_gb=self._limits.memory_gb,
            scratch_gb=self._limits.scratch_gb,
        )
        out = home / "out"
        content = {**spec, "seed": seed, "threads": 1, "out": str(out)}
        child = nursery.start(program, content, scratch=home, limits=limits, readable=readable)
        with child:
            outcome = child.wait()
        if outcome.limit is not None or outcome.exit_code not in (0, 3):
            tail = last_lines(outcome.output_tail, 4)
            error = RunFailed(
                f"{program.rpartition('.')[2]} ended early ({outcome.limit or outcome.exit_code}). "
                f"Use less time and memory, or raise [limits]. Its last output (untrusted):\n{tail}"
            )
            error.limit = outcome.limit
            raise error
        return out, outcome.seconds

    def _refused(self, out: Path, name: str) -> VariantRejected | RunFailed:
        said = take_file(out, ERROR, MOST_SAID)
        if said is None:
            return RunFailed(f"{name}.py left nothing. Return a dict of arrays from produce.")
        error = json.loads(said)
        line = error["line"] if isinstance(error.get("line"), int) else None
        rule = str(error.get("error"))[:500].rstrip(".")
        return VariantRejected(f"{name}.py", line, rule, "see AGENTS.md for what produce returns")


def _failed(out: Path) -> RunFailed:
    """Return why an evaluation gave no metrics: because of the arrays, or of its own code."""
    said = take_file(out, ERROR, MOST_SAID)
    error = json.loads(said) if said is not None else {}
    why = str(error.get("error"))[:500]
    if error.get("not_measured"):
        return IntegrityFailed(
            "not_measured", why, "Change what the variant produces, see AGENTS.md."
        )
    line = error.get("line")
    return RunFailed(f"evaluate.py:{line}: {why}. Mend it; it is the sandbox's own code.")


def judge_origin(source: bytes, limits: LimitsSpec) -> None:
    """Raise IntegrityFailed (source_budget) if a file brings arrays and does not say so.

    Arrays in the file may have been fitted elsewhere, on what the evaluation holds out.
    """
    judge_source(source, limits)
    if not declares_no_training(source) and (why := why_not_trained_here(source)) is not None:
        raise IntegrityFailed(
            "source_budget",
            why,
            "Compute the arrays from the inputs; or write TRAIN = False at the top of the file: it "
            "is then a control, which is never called better.",
        )


def check_arrays(content: bytes, shapes: Mapping[str, list[int]], name: str) -> None:
    """Raise IntegrityFailed if a safetensors file has other arrays than declared."""
    try:
        (length,) = struct.unpack("<Q", content[:_HEADER])
        header = json.loads(content[_HEADER : _HEADER + length])
        found = {key: facts["shape"] for key, facts in header.items() if key != "__metadata__"}
        types = {facts["dtype"] for key, facts in header.items() if key != "__metadata__"}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityFailed(
            "arrays", f"{name}.py left no safetensors file: {error}", ""
        ) from error
    wanted = {key: list(shape) for key, shape in shapes.items()}
    if found != wanted or types - {"F32"}:
        raise IntegrityFailed(
            "arrays", f"{name}.py produced {found}, declared are {wanted}", "Return float32 arrays."
        )
