"""Memory shared between the trusted side and a child: one buffer for inputs, one for outputs."""

import os
import sys
import tempfile


def shared_buffer(size: int) -> int:
    """Return a file descriptor of `size` bytes of anonymous memory that a child can map.

    On Linux its size is sealed. A child could otherwise shrink it, and our next read beyond its end
    would kill us with SIGBUS.
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
