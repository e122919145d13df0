"""The primitives of sparse latents on a GPU: those of reference.py, with the same signatures.

    gpu_rows.py    gathered_dot, weighted_rows, outer_rows, decode_gradients
    gpu_screen.py  the bf16 product, and how far it can be from the exact one
    gpu_select.py  topk, batch_topk, above

Tensors are float32 on one CUDA device. In Triton's interpreter (TRITON_INTERPRET=1 in the
environment before triton is first imported) they are CPU tensors: slow, and meant for tests.
Where is_usable() was False at import, this module has no primitives: take reference.py.
Triton compiles a kernel at its first call, with a C compiler, and keeps it in ~/.triton.
"""

import importlib.util
import os

import torch


def is_usable() -> bool:
    """Return whether triton is installed and has a CUDA device or its interpreter to run on."""
    if importlib.util.find_spec("triton") is None:
        return False
    return torch.cuda.is_available() or os.environ.get("TRITON_INTERPRET") == "1"


if is_usable():
    from core.kernels.gpu_rows import decode_gradients, gathered_dot, outer_rows, weighted_rows
    from core.kernels.gpu_select import above, batch_topk, exact_rows, topk

__all__ = [
    "above",
    "batch_topk",
    "decode_gradients",
    "exact_rows",
    "gathered_dot",
    "is_usable",
    "outer_rows",
    "topk",
    "weighted_rows",
]
