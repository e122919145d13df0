"""Kernels over ranges of rows, side by side on as many threads as torch uses here."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

# Fewer rows than this are not worth a thread.
LEAST_ROWS = 128


def over_rows(rows: int, work: Callable[[int, int], Any]) -> list[Any]:
    """Call work(first, last) so that all rows are covered once; return what it returned.

    work must release the GIL to gain anything.
    """
    parts = max(1, min(torch.get_num_threads(), rows // LEAST_ROWS))
    if parts == 1:
        return [work(0, rows)]
    ends = [rows * part // parts for part in range(parts + 1)]
    return list(_pool(parts).map(work, ends[:-1], ends[1:]))


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="kernels")
