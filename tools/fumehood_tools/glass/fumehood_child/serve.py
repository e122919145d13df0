"""Serve one method of a trained variant: encode, decode or skip.

The program `fumehood_child.serve`. Its spec: {"role", "variant", "weights", "activation_dim",
"dict_size", "rows", "screening", "input": fd, "output": fd}. Inputs and outputs are passed in two
memory-mapped buffers: activations [B, D] float32, latents [B, F] bfloat16. The process prints
{"ready": true} once. Each request is then a line "<rows> <ticket>" on stdin, and each answer a
line of JSON on stdout: {"done": ticket} or {"error": …, "kind": …}. Kernels may use the arithmetic
named in "screening" to skip latents that cannot matter; the results are exact either way.

Nothing that this process sends is trusted, because the variant's code runs in the same process. The
checks here only give honest variants a useful message.
"""

import json
import mmap
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

# role -> the size of an input row, the size of an output row
SIDES = {
    "encode": ("activation_dim", "dict_size"),
    "decode": ("dict_size", "activation_dim"),
    "skip": ("activation_dim", "activation_dim"),
}
DTYPES = {"activation_dim": "float32", "dict_size": "bfloat16"}


class Refusal(NamedTuple):
    """A result that cannot be passed on. kind: the name of the check that it fails."""

    kind: str
    text: str


def load_method(spec: dict[str, Any]) -> "Callable[[Tensor], Tensor]":
    """Return the variant's method, with trained weights loaded, in eval mode."""
    import torch
    from safetensors.torch import load_file

    from core.loading import build_sae, load_variant

    torch.manual_seed(0)
    sae = build_sae(load_variant(Path(spec["variant"])), spec["activation_dim"], spec["dict_size"])
    sae.load_state_dict(load_file(spec["weights"]), strict=True)
    sae.eval()
    method: Callable[[Tensor], Tensor] = getattr(sae, spec["role"])
    return method


def map_buffer(spec: dict[str, Any], name: str, size: str) -> "Tensor":
    """Return a shared buffer as a tensor [rows, columns]."""
    import torch

    dtype, columns = getattr(torch, DTYPES[size]), spec[size]
    memory = mmap.mmap(spec[name], spec["rows"] * columns * dtype.itemsize)
    return torch.frombuffer(memory, dtype=dtype).view(spec["rows"], columns)


def complaint(result: Any, shape: tuple[int, int], role: str) -> Refusal | None:
    """Return what is wrong with a result, or None if it can be passed on."""
    import torch

    if not isinstance(result, torch.Tensor):
        return Refusal("output_dtype", f"{role} returned a {type(result).__name__}, not a tensor")
    if tuple(result.shape) != shape:
        shapes = f"{tuple(result.shape)}, not {shape}"
        return Refusal("output_shape", f"{role} returned the shape {shapes}")
    if not result.dtype.is_floating_point:
        return Refusal("output_dtype", f"{role} returned {result.dtype}, not floating point")
    return None


def where(error: BaseException, variant: str) -> str:
    """Return "Type: message (line n)", n being the innermost line in the variant's file."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == variant]
    place = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}{place}"[:600]


def main(spec: dict[str, Any]) -> int:
    """Serve requests until the evaluator closes the pipe."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # send the variant's own prints to the log, not into the protocol

    def answer(**content: Any) -> None:
        print(json.dumps(content), file=answers, flush=True)

    try:
        method = load_method(spec)
        taken, given = SIDES[spec["role"]]
        source, target = map_buffer(spec, "input", taken), map_buffer(spec, "output", given)
    except BaseException as error:  # the variant's code may raise anything
        answer(error=where(error, spec["variant"]), kind="failed")
        raise
    answer(ready=True)
    from core.kernels.arithmetic import products_in

    with products_in(spec["screening"], screening_only=True):
        for line in sys.stdin:
            rows, ticket = line.split()
            serve(spec, method, (source[: int(rows)], target[: int(rows)]), ticket, answer)
    return 0


def serve(
    spec: dict[str, Any],
    method: "Callable[[Tensor], Tensor]",
    buffers: "tuple[Tensor, Tensor]",
    ticket: str,
    answer: Callable[..., None],
) -> None:
    """Answer one request."""
    import torch

    source, target = buffers
    try:
        with torch.no_grad():
            result = method(source.to(torch.float32, copy=True))
            refusal = complaint(result, (target.shape[0], target.shape[1]), spec["role"])
            if refusal is not None:
                return answer(error=refusal.text, kind=refusal.kind)
            target.copy_(result)
    except BaseException as error:  # noqa: BLE001  (as above; the evaluator decides what to do)
        return answer(error=where(error, spec["variant"]), kind="failed")
    return answer(done=ticket)
