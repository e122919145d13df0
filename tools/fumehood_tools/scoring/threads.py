"""How many threads torch computes with, where its own choice is a bad one."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within the block, torch computes in one thread: for work in pieces too small to be shared.

    On a busy machine every shared piece waits for a thread that is not running.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
