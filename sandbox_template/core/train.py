"""Train one variant: activation shards in, safetensors out.

usage: python -I -B train.py spec.json

Writes into the spec's `out`: the weights in normalised space (sae.safetensors, or for a transcoder,
which has target_shards and target_scale in its spec, transcoder.safetensors), config.json,
train_log.jsonl (a line per 1 % of the steps), progress.json (replaced whole). When the variant or
the data cannot be trained: error.json {rule, instead, line, kind} and exit 3.

Same spec, same machine, same number of threads: same weights, to the bit.
Nothing is folded: x_hat = scale * decode(encode(x / scale)), and of a transcoder
y_hat = target_scale * (decode(encode(x / scale)) + skip(x / scale)).
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from safetensors.torch import save_file

from core.batches import TrainingData
from core.errors import VariantError, blaming
from core.forms import TRAINER_CLASS
from core.kernels import compiled  # noqa: F401  (before the clock runs)
from core.kernels.arithmetic import products_in, screening_in_integers
from core.library import Dictionary
from core.loading import (
    arithmetic_of,
    build_trainer,
    check_types,
    class_line,
    load_variant,
    trains,
)
from core.run import TrainingRun
from core.stubs import postpone_compiler
from core.watch import Watch

REFUSED = 3
LOG_LINES = 100


class Outcome(NamedTuple):
    """How a training ended."""

    sae: Dictionary
    trainer: Any
    final_loss: float | None
    trained: bool
    arithmetic: str
    spoiled: Mapping[str, int]  # buffer -> the step since which it is not finite
    trainer_line: int | None  # of the variant's CustomTrainer


def train(spec: Mapping[str, Any]) -> None:
    """Run one training and write all its files. Raises VariantError."""
    started = time.monotonic()
    out = Path(spec["out"])
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(int(spec.get("threads", 1)))
    run = TrainingRun.from_spec(spec)
    data = TrainingData.of(spec, run.activation_dim)
    outcome = fit(run, data, Journal(out, run))
    save_weights(outcome, run, out)
    config = describe(run, outcome, data)
    config["seconds"] = round(time.monotonic() - started, 2)
    replace_json(out / "config.json", config)


def fit(run: TrainingRun, data: TrainingData, journal: "Journal") -> Outcome:
    """Build the variant and train it over all batches. Raises VariantError."""
    module = load_variant(run.variant, run.form)
    trainer = build_trainer(module, run)
    loss_line = class_line(module, TRAINER_CLASS, "loss") or class_line(module, TRAINER_CLASS)
    watch = Watch(trainer, run.variant, loss_line)
    trained, arithmetic = trains(module), arithmetic_of(module, run)
    loss = None
    with products_in(arithmetic), screening_in_integers(run.integer_screening):
        for step, rows in enumerate(data.batches(run.batch_size, run.steps, run.seed)):
            batch = [part.to(run.device) for part in rows]
            if step == 0 and callable(getattr(trainer, "prepare", None)):
                with blaming(run.variant, "prepare", class_line(module, TRAINER_CLASS, "prepare")):
                    trainer.prepare(*batch)
            if not trained:
                break
            loss = watch.update(step, *batch)
            journal.note(step, loss)
    if trained:
        watch.judge_gradients()
    journal.finish()
    line = class_line(module, TRAINER_CLASS)
    return Outcome(trainer.ae, trainer, loss, trained, arithmetic, watch.spoiled, line)


class Journal:
    """Writes train_log.jsonl and progress.json as the steps go by."""

    def __init__(
        self, out: Path, run: TrainingRun, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.out, self.run, self.clock = out, run, clock
        self.every = max(1, run.steps // LOG_LINES)
        self.started = clock()
        (out / "train_log.jsonl").write_text("", encoding="utf-8")
        self._progress(0, 0.0)

    def note(self, step: int, loss: float | None) -> None:
        """Note a finished step; every 1 % of them is written down."""
        done = step + 1
        if done % self.every and done != self.run.steps:
            return
        tokens = done * self.run.batch_size
        rate = tokens / max(1e-9, self.clock() - self.started)
        line = {"step": step, "tokens": tokens, "loss": loss, "tokens_per_s": round(rate, 1)}
        with (self.out / "train_log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        self._progress(done, rate)

    def finish(self) -> None:
        """Say that nothing more will come."""
        self._progress(self.run.steps, 0.0)

    def _progress(self, done: int, rate: float) -> None:
        content = {"done": done, "total": self.run.steps, "tokens_per_s": round(rate, 1)}
        replace_json(self.out / "progress.json", content)


def save_weights(outcome: Outcome, run: TrainingRun, out: Path) -> None:
    """Write the form's weights file. Raises VariantError for numbers that are not finite."""
    sae = outcome.sae
    with blaming(run.variant, "state_dict"):
        weights = {
            name: weight.detach().cpu().contiguous().clone()
            for name, weight in sae.state_dict().items()
        }
    check_types(weights)
    broken = [name for name, weight in weights.items() if not bool(weight.isfinite().all())]
    if broken:
        parameters = [name for name in broken if name in dict(sae.named_parameters())]
        name = (parameters or broken)[0]
        what = "NaN" if bool(weights[name].isnan().any()) else "infinity"
        if not parameters:
            raise spoiled_buffer(name, what, outcome)
        raise VariantError(
            f"{name} holds {what} after training",
            "keep divisors, logarithms and exponents in range (clamp them), or lower lr",
        )
    name = run.form.weights_file
    temporary = out / f".{name}"
    save_file(weights, temporary)
    os.replace(temporary, out / name)


def spoiled_buffer(name: str, what: str, outcome: Outcome) -> VariantError:
    """Return the error for a buffer that is not finite, while all parameters are.

    It cannot be stored: nobody can tell from the outside that encode and decode never read it.
    """
    since = f"since step {step}" if (step := outcome.spoiled.get(name)) is not None else ""
    rule = f"the buffer {name} holds {what} {since or 'after training'}; all parameters are finite"
    cures = ["change it only where the new number is finite (a batch or a token without active "]
    cures[0] += "latents has no smallest active value)"
    if name == "threshold" and callable(getattr(outcome.trainer, "update_threshold", None)):
        cures.append("put FollowsThreshold (from core) first among the bases of CustomTrainer")
    cures.append("if encode and decode never read it, register it with persistent=False")
    return VariantError(rule, ", or ".join(cures), outcome.trainer_line)


def describe(run: TrainingRun, outcome: Outcome, data: TrainingData) -> dict[str, Any]:
    """Return the content of config.json: everything with which the weights can be read."""
    form, shards = run.form, data.inputs
    keywords = run.keywords(type(outcome.sae))
    del keywords["dict_class"]
    return {
        "variant": run.variant.stem,
        "template": form.name,
        f"{form.name}_class": form.variant_class,
        "trainer_class": type(outcome.trainer).__mro__[1].__name__,
        "trained": outcome.trained,
        **spaces(data, has_skip=getattr(type(outcome.sae), "skip", None) is not None),
        "batch_size": run.batch_size,
        "tokens": run.tokens if outcome.trained else 0,
        "rows": len(shards),
        "epochs": shards.epochs(run.batch_size, run.steps) if outcome.trained else 0,
        **keywords,
        "dead_feature_threshold": getattr(outcome.trainer, "dead_feature_threshold", None),
        "final_loss": outcome.final_loss,
        "parameters": {name: list(p.shape) for name, p in outcome.sae.named_parameters()},
        "threads": run.threads,
        "arithmetic": outcome.arithmetic,
        "integer_screening": run.integer_screening,
        "torch": torch.__version__,
    }


def spaces(data: TrainingData, *, has_skip: bool) -> dict[str, Any]:
    """Return the scales of config.json, and how the weights, in normalised space, use them."""
    scale, normalised = data.inputs.scale, "weights are in normalised space"
    if data.targets is None:
        return {"scale": scale, "space": f"x_hat = scale * decode(encode(x / scale)); {normalised}"}
    predicted = "decode(encode(x / scale))"
    if has_skip:
        predicted = f"({predicted} + skip(x / scale))"
    said = f"y_hat = target_scale * {predicted}; {normalised}"
    return {"scale": scale, "target_scale": data.targets.scale, "space": said}


def replace_json(path: Path, content: Any) -> None:
    """Replace a JSON file whole."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def main(spec: Mapping[str, Any]) -> int:
    """Train what spec describes and return 0; 3, with error.json, on a refusal."""
    postpone_compiler()
    try:
        train(spec)
    except VariantError as error:
        traceback.print_exc()
        replace_json(Path(spec["out"]) / "error.json", error.as_dict())
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
