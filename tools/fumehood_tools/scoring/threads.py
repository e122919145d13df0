"""Set the number of threads of torch, and of numpy and scipy, where the default is slow."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """In the context, torch uses one thread. For many operations that are too small to be shared.

    On a busy machine, every shared operation waits for a thread that is not running.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """In the context, matrix products of numpy and scipy use one thread, in the whole process.

    By default OpenBLAS shares out even the products of a probe on 300 texts, and its threads spin
    while they wait: on 2 busy cores, fits took up to ten times as long and twenty times the
    processor time. One thread also gives the same sums on every number of cores.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
