"""Let a sandbox's own evaluation measure arrays.

The program `fumehood_custom.evaluate`. Its spec: {"evaluation": folder with evaluate.py,
"produced": safetensors, "subject": folder of the model, "layer", "site", "seed", "threads", "out"}.
evaluate.py defines evaluate(produced, context) -> {metric: number}. Writes metrics.json, or
error.json {"error", "line", "not_measured"} and exits with 3. An exception whose class is called
NotMeasured is about the arrays, and any other about evaluate.py.
"""

import json
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import load_file

REFUSED = 3
NOT_MEASURED = "NotMeasured"


@dataclass(frozen=True)
class Context:
    """What an evaluation gets besides the arrays."""

    subject: Path
    data: Path
    layer: int
    site: str
    seed: int


def main(spec: dict[str, Any]) -> int:
    """Run the evaluation and write its metrics."""
    out = Path(spec["out"])
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(int(spec["threads"]))
    file = Path(spec["evaluation"]) / "evaluate.py"
    try:
        module = ModuleType("evaluation")
        module.__file__ = str(file)
        sys.modules["evaluation"] = module
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), module.__dict__)
        context = Context(
            subject=Path(spec["subject"]),
            data=Path(spec["evaluation"]),
            layer=spec["layer"],
            site=spec["site"],
            seed=spec["seed"],
        )
        torch.manual_seed(spec["seed"])
        found = module.evaluate(load_file(spec["produced"]), context)
        metrics = {str(name): float(value) for name, value in found.items()}
    except BaseException as error:  # noqa: BLE001  (whatever an evaluation raises)
        frames = traceback.extract_tb(error.__traceback__)
        lines = [one.lineno for one in frames if one.filename == str(file)]
        name = type(error).__name__
        said = {
            "error": str(error) if name == NOT_MEASURED else f"{name}: {error}",
            "line": lines[-1] if lines else None,
            "not_measured": name == NOT_MEASURED,
        }
        (out / "error.json").write_text(json.dumps(said), encoding="utf-8")
        return REFUSED
    (out / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return 0
