"""Read and write safetensors files, in float32."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fumehood_tools.errors import BadRequest
from fumehood_tools.files import write_bytes
from fumehood_tools.plain_files import read_plain

if TYPE_CHECKING:
    from torch import Tensor


def load_tensors(path: Path) -> "dict[str, Tensor]":
    """Return the tensors of a file, floating ones as float32. Raises BadRequest, StorageFailed."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        size = path.stat().st_size if path.is_file() else 0
        held = load(read_plain(path, size + 1))
    except (SafetensorError, ValueError) as error:
        raise BadRequest(f"{path.name} is not a safetensors file: {error}.") from error
    return {name: one.float() if one.is_floating_point() else one for name, one in held.items()}


def save_tensors(path: Path, tensors: "Mapping[str, Tensor]") -> None:
    """Replace a file with tensors, in float32 and contiguous. Raises StorageFailed."""
    from safetensors.torch import save

    plain = {name: one.detach().cpu().float().contiguous() for name, one in tensors.items()}
    write_bytes(path, save(plain))


def needed(tensors: "Mapping[str, Tensor]", name: str) -> "Tensor":
    """Return a tensor of a file. Raises BadRequest if it is not there."""
    if name not in tensors:
        raise BadRequest(
            f"The file has no tensor {name}; it has {', '.join(sorted(tensors)[:12])}. Is it of "
            "another library, or another version?"
        )
    return tensors[name]
