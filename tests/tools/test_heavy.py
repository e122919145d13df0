"""A process that computes keeps its memory and does not spin, once it has settled in."""

import ctypes
import subprocess
import sys

import pytest

COUNT = """
import resource, sys
sys.path[:0] = {path!r}
from fumehood_tools.heavy import keep_freed_memory
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

SETTLE = """
import sys
sys.path[:0] = {path!r}
from fumehood_tools.heavy import settle_in
settle_in()
import torch
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc's mallopt")
def test_a_block_taken_again_is_not_cleared_by_the_kernel_again() -> None:
    command = [sys.executable, "-c", COUNT.format(path=sys.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100


def test_threads_that_wait_sleep_unless_the_user_wants_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_DISPLAY_ENV", "TRUE")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in said_by_openmp()
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert "OMP_WAIT_POLICY = 'ACTIVE'" in said_by_openmp()


def said_by_openmp() -> str:
    """Return what the OpenMP of torch says of its settings."""
    command = [sys.executable, "-c", SETTLE.format(path=sys.path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr
