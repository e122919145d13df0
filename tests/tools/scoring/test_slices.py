"""Passes are compared over the whole vocabulary without ever allocating a tensor of that size."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes.wide_subject import BLOCKS, SITE, WideSubject, divergence

from fumehood_tools.scoring.passes import SharedPasses
from fumehood_tools.scoring.resumed_pass import ResumedPass

WORDS = 40_000
CORE: dict[str, Any] = {"return_type": "both", "loss_per_token": True}
# Compares passes over four texts, then over sixteen; prints the process's peaks in MB.
GROWTH = f"""
import json, resource, sys, torch
from pathlib import Path
from fakes.wide_subject import WideSubject
from test_slices import compared, resumed

def peak():
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6

shared = resumed(WideSubject({WORDS}))
peaks = [peak()]
for texts in (4, 16):
    compared(shared, torch.randint({WORDS}, (texts, 64)))
    peaks.append(peak())
print(json.dumps(peaks))
"""


def resumed(subject: WideSubject, **more: Any) -> SharedPasses:
    """Return shared passes that skip the blocks below the site and run the head separately."""
    last = f"blocks.{BLOCKS - 1}.hook_resid_post"
    late, head = ResumedPass(subject, 1, SITE), ResumedPass(subject, BLOCKS - 1, last)
    return SharedPasses(subject, late, head, **more)


def standard_zero_ablate_hook(x: torch.Tensor, hook: object) -> torch.Tensor:
    return torch.zeros_like(x)


def halved(x: torch.Tensor, hook: object) -> torch.Tensor:
    return x / 2


def compared(model: Any, tokens: torch.Tensor) -> list[torch.Tensor]:
    """Return losses, and divergences from the clean pass, computed as in sae-bench."""
    clean, loss = model(tokens, **CORE)
    found = [loss]
    for hook in (halved, standard_zero_ablate_hook):
        other, loss = model.run_with_hooks(tokens, fwd_hooks=[(SITE, hook)], **CORE)
        found += [divergence(clean, other), loss]
    return [values[torch.ones(values.shape, dtype=torch.bool)] for values in found]


def tokens(texts: int = 2, length: int = 30) -> torch.Tensor:
    return torch.randint(WORDS, (texts, length), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("length", [5, 400])
def test_computed_slice_by_slice_every_number_is_bit_for_bit_that_of_whole_tensors(
    length: int,
) -> None:
    shown, shared = tokens(length=length), resumed(WideSubject(WORDS))
    whole = compared(WideSubject(WORDS), shown)
    for _ in range(2):  # the second time, clean probabilities come from a file
        sliced = compared(shared, shown)
        assert all(torch.equal(ours, plain) for ours, plain in zip(sliced, whole, strict=True))


def test_a_subject_whose_head_cannot_be_run_by_itself_gives_the_same_numbers() -> None:
    whole = compared(WideSubject(WORDS), tokens())
    sliced = compared(SharedPasses(WideSubject(WORDS)), tokens())
    assert all(torch.equal(ours, plain) for ours, plain in zip(sliced, whole, strict=True))


def test_a_full_disk_costs_time_and_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> Any:
        return open("/dev/full", "r+b", buffering=0)

    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    shared, whole = resumed(WideSubject(WORDS)), compared(WideSubject(WORDS), tokens())
    for _ in range(2):
        sliced = compared(shared, tokens())
        assert all(torch.equal(ours, plain) for ours, plain in zip(sliced, whole, strict=True))


def test_a_function_that_is_not_of_single_rows_gets_whole_tensors() -> None:
    plain, _ = WideSubject(WORDS)(tokens(), **CORE)
    sliced, _ = resumed(WideSubject(WORDS))(tokens(), **CORE)
    assert torch.equal(torch.topk(sliced, 3).values, torch.topk(plain, 3).values)
    over_texts = torch.nn.functional.softmax(sliced, dim=0)
    assert torch.equal(over_texts, torch.nn.functional.softmax(plain, dim=0))
    assert torch.equal((sliced * 2.0), plain * 2.0)


@pytest.mark.child
def test_memory_does_not_grow_with_rows_times_words() -> None:
    folders = [*(path for path in sys.path if path), str(Path(__file__).parent)]
    # Makes glibc return freed tensors to the system at once, so that peaks show memory in use.
    exact = {"MALLOC_MMAP_THRESHOLD_": "65536", "PYTHONPATH": os.pathsep.join(folders)}
    environment = {**os.environ, **exact}
    done = subprocess.run(
        [sys.executable, "-c", GROWTH], env=environment, stdout=subprocess.PIPE, check=True
    )
    before, few, many = json.loads(done.stdout)
    whole = 4e-6 * 16 * 64 * WORDS  # MB of one tensor of sixteen texts; there would be nine
    assert many - few < whole / 3
    assert many - before < whole
