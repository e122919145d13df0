"""A compute process reuses its memory and does not spin while it waits."""

import ctypes
import os
import subprocess
import sys

import pytest

from fumehood_tools.child_tuning import HEAVY_WORK

COUNT = """
import resource
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use():
    blocks = [bytearray(40 << 20) for _ in range(2)]
use()
before = faults()
use()
print(faults() - before)
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc's malloc")
def test_a_block_taken_again_is_not_cleared_by_the_kernel_again() -> None:
    assert int(run(COUNT).stdout) > 1000
    assert int(run(COUNT, **HEAVY_WORK).stdout) < 100


def test_threads_that_wait_sleep() -> None:
    said = run("import torch", **HEAVY_WORK, OMP_DISPLAY_ENV="TRUE").stderr
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in said
