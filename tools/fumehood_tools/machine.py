"""Measure this machine: its processor, whether bfloat16 pays off, and the best number of threads.

bf16 is five times faster than fp32 on a CPU with avx512_bf16 or AMX, but slower on one without, and
hardware threads that share a core may add nothing. So both are chosen by measuring matrix products
(1 to 3 s), and the result is stored in <cache>/machine.json. On a machine that has been measured,
torch is not imported. The choice applies to harvests and trainings; FUMEHOOD_DTYPE overrides it.
Products of 8-bit integers are measured, too: where they are faster still than those of the number
type that is used, trainings screen TopK selections in them, of which the results are exact.
"""

import hashlib
import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from fumehood_tools.errors import BadRequest, PartMissing, StorageFailed
from fumehood_tools.files import read_json, write_json
from fumehood_tools.settings import Device, Dtype

RealDtype = Literal["float32", "bfloat16"]
# bf16 is used only if it is at least this many times faster than fp32: a smaller gain is not worth
# its rounding errors.
_WORTH_IT = 1.3
# Screening in integers leaves more candidates to be scored again, so products alone must gain more.
# In place of bf16, whose products are fast already, a step gains where they are twice as fast.
_WORTH_INTEGERS = 1.5
# Raise it when other products are measured, so that older measurements do not count.
_MEASUREMENT = "2"
_MEASURE_S = 0.5


class Machine(BaseModel, frozen=True):
    """The measurements of one machine. Rates are in GFLOP/s with `threads` threads."""

    key: str
    processor: str
    cores: int
    threads: int
    torch: str
    cuda: str | None
    float32_gflops: float
    bfloat16_gflops: float
    int8_gops: float

    @property
    def fast_dtype(self) -> RealDtype:
        """The number type in which large matrix products are fastest on this machine."""
        faster = self.bfloat16_gflops > _WORTH_IT * self.float32_gflops
        return "bfloat16" if faster else "float32"

    def screens_in_integers(self, arithmetic: RealDtype) -> bool:
        """Whether a training in this number type should screen its selections in integers."""
        usual = self.float32_gflops if arithmetic == "float32" else self.bfloat16_gflops
        return self.int8_gops > _WORTH_INTEGERS * usual


def describe_processor() -> str:
    """Return the processor's name and the instruction sets that affect the speed of bf16."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = set(facts.get("flags", facts.get("Features", "")).split())
    sets = sorted(flags & {"avx2", "avx512f", "avx512_bf16", "amx_bf16", "bf16"})
    return " ".join([facts.get("model name", platform.machine()), *sets])


def read_machine(cache: Path) -> Machine:
    """Return this machine's measurements; measure it first if that has not been done.

    Raises PartMissing without torch, StorageFailed when the cache cannot be written.
    """
    key, known = _key(), known_machine(cache)
    if known is None:
        known = _measure(key)
        write_json(cache / "machine.json", known.model_dump())
    return known


def known_machine(cache: Path) -> Machine | None:
    """Return the stored measurements; None if there are none or the machine has changed."""
    try:
        known = Machine.model_validate(read_json(cache / "machine.json"))
        return known if known.key == _key() else None
    except (StorageFailed, ValidationError, PartMissing):
        return None  # Missing or damaged: a caller that needs it measures again.


def best_threads(cache: Path) -> int:
    """Return the fastest number of threads; on a machine not yet measured, all usable cores."""
    known = known_machine(cache)
    return known.threads if known is not None else usable_cores()


def integer_screening(arithmetic: RealDtype, device: str, cache: Path) -> bool:
    """Return whether trainings screen TopK selections in 8-bit integers on this machine.

    Only on a processor on which these were measured to be faster than the arithmetic of the
    trainings.
    """
    known = known_machine(cache)
    return device == "cpu" and known is not None and known.screens_in_integers(arithmetic)


def usable_cores() -> int:
    """Return the number of processors on which this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_device(asked: Device, machine: Machine) -> Literal["cpu", "cuda"]:
    """Return the device to compute on. Raises BadRequest for cuda on a machine without it."""
    if asked == "cuda" and machine.cuda is None:
        raise BadRequest("No CUDA device is visible to torch. Set FUMEHOOD_DEVICE=cpu or auto.")
    if asked == "auto":
        return "cuda" if machine.cuda else "cpu"
    return asked


def expected_device(asked: Device, cache: Path) -> Literal["cpu", "cuda"]:
    """Return the device that a job will probably use, without importing torch.

    On a machine that has not been measured, a GPU listed by NVIDIA's driver counts as usable.
    """
    if asked != "auto":
        return asked
    known = known_machine(cache)
    return "cuda" if (known.cuda if known is not None else _listed_gpus()) else "cpu"


def choose_dtype(asked: Dtype, machine: Machine) -> RealDtype:
    """Return the number type of a harvest: the requested one, or for "auto" the faster one."""
    return machine.fast_dtype if asked == "auto" else asked


def matmul_gflops(
    dtype: RealDtype | Literal["int8"], device: str, sizes: tuple[int, int, int] | None = None
) -> float:
    """Return the GFLOP/s of a product [rows, inner] x [inner, columns]: the best of several rounds.

    sizes: rows, inner, columns; the default is a shape from the MLP of a small model.
    The second matrix lies column by column, as a layer's weights do for a batch of activations.
    Starts no new round after 0.5 s: a CPU that emulates bf16 takes most of a second for one.
    """
    import torch

    usual = (8192, 4096, 4096) if device == "cuda" else (512, 576, 1536)
    rows, inner, columns = sizes or usual
    left = torch.randn(rows, inner, device=device).to(getattr(torch, dtype))
    right = torch.randn(columns, inner, device=device).to(getattr(torch, dtype)).t()
    multiply = torch._int_mm if dtype == "int8" else torch.matmul
    best, ends = float("inf"), time.perf_counter() + _MEASURE_S
    while best == float("inf") or time.perf_counter() < ends:
        started = time.perf_counter()
        product = multiply(left, right)
        # Reading a value waits until the GPU has finished.
        float(product[0, 0])
        best = min(best, time.perf_counter() - started)
    return 2e-9 * rows * inner * columns / best


def _measure(key: str) -> Machine:
    try:
        import torch
    except ImportError as error:
        raise PartMissing("torch", "pip install torch") from error
    cuda = torch.cuda.is_available()
    device = "cuda" if cuda else "cpu"
    threads = _fastest_threads()
    torch.set_num_threads(threads)
    return Machine(
        key=key,
        processor=describe_processor(),
        cores=usable_cores(),
        threads=threads,
        torch=torch.__version__,
        cuda=torch.cuda.get_device_name(0) if cuda else None,
        float32_gflops=round(matmul_gflops("float32", device), 1),
        bfloat16_gflops=round(matmul_gflops("bfloat16", device), 1),
        int8_gops=0.0 if cuda else round(matmul_gflops("int8", device), 1),
    )


def _fastest_threads() -> int:
    """Return the faster number of threads: one per physical core or one per hardware thread.

    Cores are counted within this process's affinity and container limits.
    """
    import torch
    from joblib.externals.loky import cpu_count

    choices = sorted({cpu_count(only_physical_cores=True), cpu_count()})
    rates = {}
    for threads in choices if len(choices) > 1 else ():
        torch.set_num_threads(threads)
        rates[threads] = matmul_gflops("float32", "cpu")
    # Twice the threads must be more than 5 % faster to be worth it.
    return next((n for n in choices if rates.get(n, 0) * 1.05 >= max(rates.values(), default=0)), 1)


def _key() -> str:
    """Return a fingerprint of everything the measurement depends on, without importing torch."""
    try:
        torch_version = version("torch")
    except PackageNotFoundError as error:
        raise PartMissing("torch", "pip install torch") from error
    own = [_MEASUREMENT, describe_processor(), str(usable_cores())]
    facts = [*own, torch_version, *_listed_gpus()]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]


def _listed_gpus() -> list[str]:
    """Return the addresses of the GPUs that NVIDIA's driver lists, sorted."""
    return sorted(path.name for path in Path("/proc/driver/nvidia/gpus").glob("*"))
