"""Memory that is freed and taken again costs no page faults, once a process asked for that."""

import ctypes
import subprocess
import sys

import pytest

COUNT = """
import resource, sys
sys.path[:0] = {path!r}
from fumehood_tools.heap import keep_freed_memory
assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use():
    blocks = [bytearray(40 << 20) for _ in range(2)]
use()
before = faults()
use()
print(faults() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc's mallopt")
def test_a_block_taken_again_is_not_cleared_by_the_kernel_again() -> None:
    command = [sys.executable, "-c", COUNT.format(path=sys.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100
