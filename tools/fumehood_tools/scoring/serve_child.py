"""One half of an SAE behind the glass: answers encode or decode requests over a pipe.

usage: python -I -B serve_child.py '{"role": "encode" | "decode", "template": …, "variant": …,
       "weights": …, "activation_dim": D, "dict_size": F, "rows": B, "input": fd, "output": fd}'

Inputs and outputs lie in two mapped buffers: activations [B, D] float32, latents [B, F] bfloat16.
One request is a line with the number of rows; one answer is a line of JSON, {} or {"error": …}.
"""

import json
import mmap
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def load_half(spec: dict[str, Any]) -> "Callable[[Tensor], Tensor]":
    """Return the encode or decode method of the variant with its trained weights, in eval mode."""
    import torch
    from safetensors.torch import load_file

    from core.loading import build_sae, load_variant

    torch.manual_seed(0)
    sae = build_sae(load_variant(Path(spec["variant"])), spec["activation_dim"], spec["dict_size"])
    sae.load_state_dict(load_file(spec["weights"]), strict=True)
    sae.eval()
    half: Callable[[Tensor], Tensor] = sae.encode if spec["role"] == "encode" else sae.decode
    return half


def map_buffer(handle: int, rows: int, columns: int, dtype_name: str) -> "Tensor":
    """Return the shared buffer behind a descriptor as a tensor [rows, columns]."""
    import torch

    dtype = getattr(torch, dtype_name)
    memory = mmap.mmap(handle, rows * columns * dtype.itemsize)
    return torch.frombuffer(memory, dtype=dtype).view(rows, columns)


def where(error: BaseException, variant: str) -> str:
    """Return "error text (line n)" with the innermost line of the variant's file."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == variant]
    place = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}{place}"[:600]


def main() -> None:
    """Serve requests until the parent closes the pipe."""
    spec = json.loads(sys.argv[1])
    sys.path.insert(0, spec["template"])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the variant prints goes to the log, not into the protocol

    def answer(content: dict[str, str]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    try:
        import torch

        half = load_half(spec)
        sides = [("input", spec["activation_dim"], "float32")]
        sides.append(("output", spec["dict_size"], "bfloat16"))
        if spec["role"] == "decode":
            sides = [("input", *sides[1][1:]), ("output", *sides[0][1:])]
        source, target = (map_buffer(spec[k], spec["rows"], n, t) for k, n, t in sides)
    except BaseException as error:  # the variant's own code: anything may come out of it
        answer({"error": where(error, spec["variant"])})
        raise
    answer({})
    with torch.no_grad():
        for line in sys.stdin:
            rows = int(line)
            try:
                result = half(source[:rows].float().clone())
                if tuple(result.shape) != (rows, target.shape[1]):
                    shape = f"{tuple(result.shape)}, not {(rows, target.shape[1])}"
                    answer({"error": f"{spec['role']} returned the shape {shape}"})
                    continue
                target[:rows] = result.to(target.dtype)
                answer({})
            except BaseException as error:  # noqa: BLE001  (same; the parent decides)
                answer({"error": where(error, spec["variant"])})


if __name__ == "__main__":
    main()
