"""Let one variant produce its arrays.

The program `fumehood_custom.produce`. Its spec: {"interface": folder of the package, "base_class",
"variant_class", "variant": file, "inputs": safetensors, "shapes": {array: [sizes]}, "seed",
"threads", "out": folder}. Writes produced.safetensors, or error.json {"error", "line"} and exits
with 3.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import load_file, save_file

REFUSED = 3


def main(spec: dict[str, Any]) -> int:
    """Run the variant and write what it produced."""
    out = Path(spec["out"])
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(int(spec["threads"]))
    try:
        produced = _produced(spec)
    except BaseException as error:  # noqa: BLE001  (whatever a variant raises)
        frames = traceback.extract_tb(error.__traceback__)
        lines = [one.lineno for one in frames if one.filename == spec["variant"]]
        said = {"error": f"{type(error).__name__}: {error}", "line": lines[-1] if lines else None}
        (out / "error.json").write_text(json.dumps(said), encoding="utf-8")
        return REFUSED
    save_file(produced, out / "produced.safetensors")
    return 0


def _produced(spec: dict[str, Any]) -> dict[str, torch.Tensor]:
    folder = Path(spec["interface"])
    sys.path.insert(0, str(folder.parent))
    base = getattr(importlib.import_module(folder.name), spec["base_class"])
    module = ModuleType("variant")
    module.__file__ = spec["variant"]
    sys.modules["variant"] = module
    source = Path(spec["variant"]).read_text(encoding="utf-8-sig")
    exec(compile(source, spec["variant"], "exec"), module.__dict__)
    made = getattr(module, spec["variant_class"], None)
    if not isinstance(made, type) or not issubclass(made, base):
        raise TypeError(f"there is no class {spec['variant_class']}({spec['base_class']})")
    torch.manual_seed(spec["seed"])
    found = made().produce(load_file(spec["inputs"]), spec["seed"])
    shapes = {name: tuple(sizes) for name, sizes in spec["shapes"].items()}
    if not isinstance(found, dict) or found.keys() != shapes.keys():
        raise TypeError(f"produce must return a dict with {', '.join(shapes)}")
    for name, shape in shapes.items():
        if tuple(found[name].shape) != shape:
            raise ValueError(f"{name} has shape {tuple(found[name].shape)}, wanted {shape}")
        if not bool(found[name].isfinite().all()):
            raise ValueError(f"{name} has NaN or infinity")
    return {name: found[name].detach().float().contiguous().clone() for name in shapes}
