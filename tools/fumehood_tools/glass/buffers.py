"""Memory that the trusted side shares with a child: one piece for what goes in, one for answers."""

import os
import sys
import tempfile


def shared_buffer(size: int) -> int:
    """Return a descriptor of `size` bytes of anonymous memory that a child can map.

    On Linux its size is sealed: memory that shrinks under a mapping kills whoever looks at it.
    """
    if sys.platform == "linux":
        import fcntl

        handle = os.memfd_create("fumehood", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(handle, size)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(handle, fcntl.F_ADD_SEALS, seals)
        return handle
    with tempfile.TemporaryFile() as file:
        handle = os.dup(file.fileno())
    os.ftruncate(handle, size)
    return handle
