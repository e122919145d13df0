"""Run one evaluation once: load its file, call it, and write what it returned.

The program `fumehood_evaluation.run`. Its spec: {"evaluation": path, "data": folder, "given":
folder, "made_up": [rows, d_model, dict_size, l0] or None, "out": folder}. `data` and `given` have
what `context.read_context` reads; with `made_up` they are not used. Writes result.json to `out`:
{"metrics": {name: number}} or {"error": text}.

Nothing that this process writes is trusted: the trusted side checks names, numbers and limits, and
compares several fresh processes. The checks here only give authors a useful message.
"""

import importlib.util
import json
import os
import random
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .context import Context, read_context
from .latents import Latents, read_latents
from .made_up import made_up

_MOST_SAID = 600


def main(spec: dict[str, Any]) -> int:
    """Run the evaluation; return 0 whether or not it fails."""
    try:
        latents, context = _given(spec)
        _start_random_numbers(context.seed)
        said: dict[str, Any] = {"metrics": _plain(_loaded(spec["evaluation"])(latents, context))}
    except BaseException as error:  # noqa: BLE001  (the evaluation's code may raise anything)
        said = {"error": _without_folders(_where(error, spec["evaluation"]), spec)}
    draft = Path(spec["out"], ".result.json")
    draft.write_text(json.dumps(said), encoding="utf-8")
    os.replace(draft, draft.with_name("result.json"))
    return 0


def _given(spec: dict[str, Any]) -> tuple[Latents, Context]:
    if spec["made_up"] is not None:
        return made_up(*spec["made_up"])
    given = Path(spec["given"])
    context = read_context(Path(spec["data"]), given)
    return read_latents(given, context.dict_size), context


def _start_random_numbers(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _loaded(path: str) -> Callable[[Latents, Context], Any]:
    found = importlib.util.spec_from_file_location("evaluation", path)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["evaluation"] = module  # dataclasses look their module up there
    found.loader.exec_module(module)
    evaluate: Callable[[Latents, Context], Any] = module.evaluate
    return evaluate


def _plain(measured: Any) -> dict[str, float]:
    """Return the metrics as plain numbers. Raises TypeError for anything else."""
    if not isinstance(measured, Mapping):
        raise TypeError(
            f"evaluate returned a {type(measured).__name__}, but must return a dict of metrics"
        )
    return {str(name): float(value) for name, value in measured.items()}


def _without_folders(text: str, spec: dict[str, Any]) -> str:
    """Return an error's text with short names for the folders of this run."""
    folders = {"data": spec["data"], "given": spec["given"], "scratch": spec["out"]}
    folders["evaluations"] = os.path.dirname(spec["evaluation"])
    for name, folder in folders.items():
        text = text.replace(str(folder), name) if folder else text
    return text


def _where(error: BaseException, path: str) -> str:
    """Return "Type: message (line n)", n being the innermost line in the evaluation's file."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path]
    place = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {str(error)[:_MOST_SAID]}{place}"
