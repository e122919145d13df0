"""Set the number of torch's threads where its default is slow."""

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
