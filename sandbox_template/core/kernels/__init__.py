"""Sparse latents: encode, decode and gradients that cost what is active, not what could be.

    topk_encode, batch_topk_encode, threshold_encode, sparse_decode    with gradients
    Latents                                                            what lies between them

The numbers are those of the dense form (tests/kernels). reference.py says what each primitive is,
in plain torch; cpu.py (numba) and gpu.py (Triton) compute the same faster.
"""

from core.kernels.functions import (
    batch_topk_encode,
    latent_major,
    rectified,
    sparse_decode,
    threshold_encode,
    topk_encode,
)
from core.kernels.latents import Latents

__all__ = [
    "Latents",
    "batch_topk_encode",
    "latent_major",
    "rectified",
    "sparse_decode",
    "threshold_encode",
    "topk_encode",
]
