"""The GPU primitives: in Triton's interpreter, through its compiler, and on a GPU.

Each runs in a child: Triton decides at its first import whether it interprets. Without triton they
fail. A kernel that the interpreter runs may still not compile, so both are tried without a GPU.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.child

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
CORE = ROOT / "sandbox_template"


def child(arguments: list[str], **environment: str) -> str:
    """Run Python with core on its path, and return what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(CORE), **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def checks(**environment: str) -> str:
    """Run every check of gpu_checks.py and return the line that counts them."""
    quiet = ["-q", "-p", "no:cacheprovider"]
    printed = child(["-m", "pytest", *quiet, str(FOLDER / "gpu_checks.py")], **environment)
    return printed.strip().splitlines()[-1]


# Slow: the interpreter takes 40 to 50 seconds, and only a change of the GPU kernels can break it.
@pytest.mark.slow
def test_the_kernels_agree_with_the_reference_in_tritons_interpreter() -> None:
    # One thread: the interpreter has no use for more, and they would wait for each other.
    counts = checks(TRITON_INTERPRET="1", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")
    assert "passed" in counts and "skipped" not in counts and "deselected" not in counts


@pytest.mark.gpu
def test_the_kernels_agree_with_the_reference_on_a_gpu() -> None:
    counts = checks(TRITON_INTERPRET="0")
    assert "passed" in counts and "skipped" not in counts and "deselected" not in counts


def test_every_kernel_compiles_for_the_gpus_of_three_generations(tmp_path: Path) -> None:
    script = str(FOLDER / "compile_kernels.py")
    printed = child(
        [script, "80", "90", "100"], TRITON_INTERPRET="0", TRITON_CACHE_DIR=str(tmp_path)
    )
    compiled = [line.split() for line in printed.splitlines()]
    assert {name for name, *_ in compiled} == {
        "dot_kernel",
        "floor_kernel",
        "histogram_kernel",
        "list_kernel",
        "round_kernel",
        "sum_kernel",
    }
    assert len(compiled) == 18
    # 48 KiB of shared memory are there without asking; a stack means that registers ran out.
    assert all(int(shared) <= 48 * 1024 and stack == "0" for *_, shared, stack in compiled)


def test_without_triton_or_without_a_device_the_backend_is_not_usable() -> None:
    asked = "from core.kernels import gpu; print(gpu.is_usable())"
    hidden = "import sys; sys.modules['triton'] = None; "
    for code, interpret in ((asked, "0"), (hidden + asked, "1")):
        printed = child(["-c", code], TRITON_INTERPRET=interpret, CUDA_VISIBLE_DEVICES="")
        assert printed == "False\n"


def test_the_benchmark_says_that_there_is_no_gpu() -> None:
    printed = child([str(ROOT / "benchmarks" / "kernels_gpu.py")], CUDA_VISIBLE_DEVICES="")
    assert printed == "There is no CUDA device, so nothing was measured.\n"
