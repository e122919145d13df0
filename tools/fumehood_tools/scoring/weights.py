"""Check the weights file of a training before any other child reads it.

The file is read once, without following links, and copied to a folder that no child can write to.
The copy is what is scored. Only safetensors are accepted: a JSON header and plain numbers.
"""

import hashlib
import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.files import write_bytes
from fumehood_tools.glass import take_file
from fumehood_tools.kinds import Kind

if TYPE_CHECKING:
    from torch import Tensor

HEADER_BYTES = 1 << 20
# Enough for the names and shapes of thirty tensors. Further bytes of the header count as weights,
# because names can contain numbers.
FREE_HEADER_BYTES = 4096
# Bytes per number; a complex one counts as two. The budget is in bytes, so that an int64 cannot
# carry more than its share.
DTYPES = {
    **dict.fromkeys(("F64", "I64"), 8),
    **dict.fromkeys(("F32", "I32", "C64"), 4),
    **dict.fromkeys(("F16", "BF16", "I16"), 2),
    **dict.fromkeys(("I8", "U8", "BOOL"), 1),
}
PLAIN_BYTES = 4
CURE = "Let the template save the weights: it writes them from state_dict()."


class Weights(NamedTuple):
    """Checked weights."""

    state: "dict[str, Tensor]"
    parameters: int
    ratio: float
    """Bytes of all tensors and of a long header, divided by those of a plain SAE or transcoder in
    float32. The matrix of a transcoder's declared skip path does not count."""
    sha256: str


class PlainSize(NamedTuple):
    """The size that the budget is relative to: that of a plain SAE or transcoder.

    free: numbers that do not count, those of the one matrix of a transcoder's declared skip path.
    Like all others, they may take 4 bytes each.
    """

    noun: str
    parameters: int
    free: int = 0


def plain_size(kind: Kind, activation_dim: int, dict_size: int, *, skip: bool) -> PlainSize:
    """Return the size that the budget of a variant is relative to. skip: a skip path is declared.

    A transcoder's skip path is one matrix [D, D]; an SAE's is paid from the allowance.
    """
    free = activation_dim**2 if kind.has_targets and skip else 0
    return PlainSize(kind.noun, kind.plain_parameters(activation_dim, dict_size), free)


def take_weights(source: Path, target: Path, plain: PlainSize, most_ratio: float) -> Weights:
    """Copy checked weights from a child's folder to `target` and return them.

    Raises IntegrityFailed: `weights_file` if it is not a valid safetensors file or has a value that
    is not finite, `parameter_budget` if its tensors have more than most_ratio times the bytes of a
    plain SAE or transcoder in float32, after those that do not count.
    """
    unit, free = PLAIN_BYTES * plain.parameters, PLAIN_BYTES * plain.free
    # Files of up to twice the allowed size are read, so that the message can state the size.
    content = take_file(
        source.parent, source.name, int(2 * most_ratio * unit) + free + HEADER_BYTES
    )
    if content is None:
        raise _refused("it is missing")
    parameters, size = _count(content)
    ratio = max(0, size - free) / unit
    if ratio > most_ratio:
        skip = f" beside {free:,} bytes for the declared skip path" if free else ""
        raise IntegrityFailed(
            "parameter_budget",
            f"the weights and buffers take {size:,} bytes, {ratio:.1f} times those of a plain "
            f"{plain.noun} in float32 (allowed: {most_ratio:g}{skip})",
            "Use fewer parameters, smaller buffers or float32 in place of float64, or raise "
            "limits.parameter_ratio in sandbox.toml.",
        )
    state = _load(content)
    write_bytes(target, content)
    return Weights(state, parameters, ratio, hashlib.sha256(content).hexdigest())


def _count(content: bytes) -> tuple[int, int]:
    """Return the count and the bytes of the numbers that a safetensors file declares.

    Raises IntegrityFailed if its header is not valid.
    """
    header, length = _header(content)
    total, size = 0, max(0, length - FREE_HEADER_BYTES)
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        proper = (
            isinstance(entry, dict)
            and entry.get("dtype") in DTYPES
            and isinstance(entry.get("shape"), list)
            and all(isinstance(size, int) and size >= 0 for size in entry["shape"])
        )
        if not proper:
            raise _refused(f"the entry {name[:60]!r} is not a tensor of a plain type")
        numbers = 2 if entry["dtype"] == "C64" else 1
        for sides in entry["shape"]:
            numbers *= sides
        total += numbers
        size += numbers * DTYPES[entry["dtype"]]
    return total, size


def _header(content: bytes) -> tuple[dict[str, Any], int]:
    """Return the parsed header of a safetensors file, and its length in bytes."""
    size = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else 0
    if not 2 <= size <= min(HEADER_BYTES, len(content) - 8):
        raise _refused("it does not start with a safetensors header")
    try:
        header = json.loads(content[8 : 8 + size])
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise _refused("its header is not a JSON object")
    return header, size


def _load(content: bytes) -> "dict[str, Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        state = load(content)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise _refused(f"it cannot be read ({error})") from error
    for name, weight in state.items():
        real = weight.dtype.is_floating_point or weight.dtype.is_complex
        if real and not bool(weight.isfinite().all()):
            raise _refused(f"{name} holds NaN or infinity")
    return state


def _refused(why: str) -> IntegrityFailed:
    return IntegrityFailed("weights_file", f"the weights file was refused: {why}", CURE)
