"""Try a variant in seconds: shapes, gradients, a few steps, and the way through safetensors.

usage: python -I -B check.py spec.json     {"variant", "activation_dim", "dict_size", "out",
                                            "threads", "seed", "deadline_at", "template"}

RUNS of this file are ended by their caller: nothing here stops a variant that loops or eats memory.
At `deadline_at` (Unix time) every thread's stack is printed, so that the caller can name the line.
Writes out/phase.txt while it goes and out/findings.json, a list of {severity, rule, line, message,
instead}, at the end. Errors end a check early; warnings do not. Data: noise of unit mean square.
"""

import faulthandler
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from core.errors import VariantError
from core.loading import load_variant
from core.probes import STEPS, Probe, Report
from core.run import TrainingRun
from core.stubs import postpone_compiler

SMALL_DIM, SMALL_DICT = 32, 512
TOO_MANY = "k must be from 1 to"
BATCH = 256


def check(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the findings about a variant, errors first."""
    out = Path(spec["out"])
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(int(spec.get("threads", 1)))
    report = Report(Path(spec["variant"]))
    D, F = int(spec["activation_dim"]), int(spec["dict_size"])
    real = _run(spec, D, F)
    announce = _announcer(out)
    if _try(report, real, announce, "error"):
        small = _run(spec, min(D, SMALL_DIM), min(F, SMALL_DICT))
        if (small.activation_dim, small.dict_size) != (D, F):
            sizes = f"at D = {small.activation_dim}, F = {small.dict_size}"
            _try(report, small, lambda phase: announce(f"{sizes}: {phase}"), "warning", sizes)
    return sorted(report.findings, key=lambda finding: finding["severity"])


def _run(spec: Mapping[str, Any], activation_dim: int, dict_size: int) -> TrainingRun:
    return TrainingRun(
        variant=Path(spec["variant"]),
        activation_dim=activation_dim,
        dict_size=dict_size,
        steps=10 * STEPS,
        batch_size=BATCH,
        warmup_steps=1,
        sparsity_warmup_steps=STEPS,
        decay_start=8 * STEPS,
        seed=int(spec.get("seed", 0)),
        threads=int(spec.get("threads", 1)),
        template=str(spec.get("template", "sae")),
    )


def _try(
    report: "Report",
    run: TrainingRun,
    announce: Callable[[str], None],
    severity: str,
    sizes: str = "",
) -> bool:
    """Probe the variant at one size; return whether it passed."""
    try:
        announce("importing the file")
        Probe(load_variant(run.variant, run.form), run, report, announce).all()
    except VariantError as error:
        if sizes and TOO_MANY in error.rule:
            # A K that fits this sandbox's dictionary need not fit the small one.
            return True
        traceback.print_exc()
        prefix = f"{sizes}, though not at this sandbox's size: " if sizes else ""
        report.add(severity, "contract", f"{prefix}{error.rule}", error.instead, error.line)
        return False
    return True


def _announcer(out: Path) -> Callable[[str], None]:
    def announce(phase: str) -> None:
        (out / "phase.txt").write_text(phase + "\n", encoding="utf-8")

    return announce


def main(spec: Mapping[str, Any]) -> int:
    """Check what spec describes. Returns 0 whatever is found."""
    if "deadline_at" in spec:
        # Imports may have taken long: what counts is when the caller will end this process.
        faulthandler.dump_traceback_later(max(0.5, spec["deadline_at"] - time.time()))
    postpone_compiler()
    findings = check(spec)
    path = Path(spec["out"]) / "findings.json"
    path.write_text(json.dumps(findings, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
