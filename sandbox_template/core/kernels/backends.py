"""Which implementation computes: numba on a CPU, Triton on a GPU, plain torch elsewhere."""

import functools
import importlib
from types import ModuleType

import torch
from torch import Tensor

from core.kernels import reference


def backend_of(*tensors: Tensor) -> ModuleType:
    """Return the module with the primitives for these tensors; the reference suits all."""
    if any(tensor.dtype != torch.float32 for tensor in tensors):
        return reference
    kind = tensors[0].device.type
    if any(tensor.device.type != kind for tensor in tensors):
        return reference
    return _fastest(kind)


@functools.cache
def has_numba() -> bool:
    """Return whether kernels for a CPU can be compiled here."""
    return _importable("numba")


@functools.cache
def _fastest(kind: str) -> ModuleType:
    if kind == "cpu" and has_numba():
        return importlib.import_module("core.kernels.cpu")
    if kind == "cuda":
        return _gpu()
    return reference


def _gpu() -> ModuleType:
    """Return Triton's kernels where a first one can be compiled (it needs a C compiler)."""
    gpu = importlib.import_module("core.kernels.gpu")
    if not gpu.is_usable():
        return reference
    one = torch.ones(1, 16, device="cuda")
    number, start = torch.zeros(1, dtype=torch.int32), torch.tensor([0, 1])
    try:
        gpu.gathered_dot(one, one, number.cuda(), start.cuda())
    except Exception as error:  # noqa: BLE001  (whatever a compiler raises: the result is the same)
        print(f"Kernels for the GPU cannot be compiled here, torch computes: {error}"[:500])
        return reference
    return gpu


def _importable(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True
