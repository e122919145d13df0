"""What a variant or its author could do for a better word in a sandbox with its own evaluation."""

import base64
import random
from pathlib import Path

import pytest
from fakes.custom_scores import put_custom_score

from fumehood_tools.custom.children import judge_origin
from fumehood_tools.custom.compare import compare_custom
from fumehood_tools.custom.comparison import CustomRow
from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import LimitsSpec

OUTSIDE = '"""Vectors that were fitted elsewhere."""\nHELD = "{}"\n'


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    return create_sandbox(settings, "steer", source="steering")


def judged(settings: Settings, box: Sandbox, variant: str) -> CustomRow:
    return compare_custom(settings, box, [variant], "mean_difference", QUALITY).rows[-1]


@pytest.mark.parametrize("size", [576, 9_000])
def test_a_file_that_brings_its_arrays_is_refused_and_says_how_it_is_accepted(size: int) -> None:
    held = base64.b85encode(random.Random(0).randbytes(size)).decode()
    with pytest.raises(IntegrityFailed, match="neither as code nor as prose") as refused:
        judge_origin(OUTSIDE.format(held).encode(), LimitsSpec())
    assert refused.value.check == "source_budget"
    small = OUTSIDE.format(held[:700]) + "TRAIN = False\n"
    judge_origin(small.encode(), LimitsSpec())


def test_every_file_that_comes_with_the_steering_sandbox_is_within_its_budget(box: Sandbox) -> None:
    for path in box.variants.glob("*.py"):
        judge_origin(path.read_bytes(), box.spec.limits)


@pytest.mark.child
def test_the_worst_seeds_of_the_baseline_give_no_verdict(settings: Settings, box: Sandbox) -> None:
    for seed in range(8):
        put_custom_score(settings, box, "mean_difference", seed, 0.2 + 0.4 * (seed > 3))
        if seed < 4:
            put_custom_score(settings, box, "whitened", seed, 0.4 + 0.001 * seed)
    selected = judged(settings, box, "whitened")
    assert selected.verdict == "undecided"
    assert selected.reason.startswith("only one of the two has a score with seeds 4, 5, 6, 7")
    for seed in range(4, 8):
        put_custom_score(settings, box, "whitened", seed, 0.4 + 0.001 * seed)
    assert "only one of the two" not in judged(settings, box, "whitened").reason


@pytest.mark.child
def test_a_control_is_never_called_better(settings: Settings, box: Sandbox) -> None:
    for seed in range(4):
        put_custom_score(settings, box, "mean_difference", seed, 0.2 + 0.01 * seed)
        put_custom_score(settings, box, "zero", seed, 0.9 + 0.001 * seed**2)
    control = judged(settings, box, "zero")
    assert control.verdict == "not trained here" and "control" in control.reason
