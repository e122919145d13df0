"""In which arithmetic large products are computed: float32, or bfloat16 with float32 sums.

One choice for the whole process, made from outside by a measurement of the machine or by a setting.
"""

import contextlib
from collections.abc import Iterator
from typing import Literal, get_args

import torch

from core.kernels.products import RoundedProducts

Arithmetic = Literal["float32", "bfloat16"]
_chosen: list[torch.dtype] = [torch.float32]
_in_integers = [False]


@contextlib.contextmanager
def products_in(name: str, *, screening_only: bool = False) -> Iterator[None]:
    """Compute large products in this arithmetic for a while. Raises ValueError for another name.

    Sparse selections stay exact (they only screen with it); other products are rounded, unless
    screening_only: then nothing is, and every number is that of float32.
    """
    if name not in get_args(Arithmetic):
        raise ValueError(f"{name!r} is no arithmetic: float32 or bfloat16")
    before, _chosen[0] = _chosen[0], getattr(torch, name)
    try:
        with _mode("float32" if screening_only else name):
            yield
    finally:
        _chosen[0] = before


def _mode(name: str) -> contextlib.AbstractContextManager[object]:
    if name == "float32":
        return contextlib.nullcontext()
    return RoundedProducts()  # type: ignore[no-untyped-call]


def product_dtype() -> torch.dtype:
    """Return the number format in which large products are computed."""
    return _chosen[0]


@contextlib.contextmanager
def screening_in_integers(wanted: bool) -> Iterator[None]:
    """Screen TopK selections in 8-bit integers for a while, whatever products are computed in."""
    before, _in_integers[0] = _in_integers[0], wanted
    try:
        yield
    finally:
        _in_integers[0] = before


def screens_in_integers() -> bool:
    """Return whether selections are screened in 8-bit integers."""
    return _in_integers[0]
