"""Which SAEs a run with target L0s trains, with a function in place of trainings."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fumehood_tools.runs.baselines import baseline_of, levels_around
from fumehood_tools.runs.controls import plan_controls
from fumehood_tools.runs.items import Planner, RunItem
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.sweep import Sweep, check_request, search_runs
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings

SEEDS = (0, 1, 2)


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    settings = Settings(workspace=tmp_path / "ws", cache=tmp_path / "cache")
    return create_sandbox(settings, "box", subject="synthetic", dict_size=128)


def value_of(item: RunItem, name: str, start: float) -> float:
    return float(item.parameters.get(name, start))


def run(
    sweep: Sweep, l0_of: Callable[[RunItem], float | None]
) -> dict[tuple[str, float], dict[int, float]]:
    """Train everything; return (variant, value of its knob) -> seed -> L0."""
    found: dict[tuple[str, float], dict[int, float]] = {}
    queue = sweep.first()
    while queue:
        item = queue.pop(0)
        l0 = l0_of(item)
        if l0 is not None:
            value = value_of(item, item.knob or "", 32.0)
            found.setdefault((item.variant, value), {})[item.seed] = l0
        queue += sweep.after(item, l0)
    return found


def wanted(box: Sandbox, variants: tuple[str, ...], targets: tuple[float, ...]) -> RunRequest:
    around = levels_around(targets, box.spec.dict_size)
    return RunRequest(
        sandbox=box.name,
        variants=variants,
        seeds=SEEDS,
        l0_targets=targets,
        baseline=baseline_of(box, variants),
        around=around,
    )


def test_the_baseline_is_brought_to_levels_around_the_targets(box: Sandbox) -> None:
    sweep = Sweep(Planner(box, "data"), wanted(box, ("batch_topk", "topk"), (16.0, 32.0)))
    found = run(sweep, lambda item: 0.99 * value_of(item, "K", 32.0) + 0.1 * item.seed)
    topk = {value: l0s.keys() for (name, value), l0s in found.items() if name == "topk"}
    whole = sorted(value for value, seeds in topk.items() if seeds == set(SEEDS))
    assert whole[0] < 16 / 1.05 and whole[-1] > 32 * 1.05 and len(whole) == 4
    assert {one["variant"] for one in sweep.aimed()} == {"batch_topk", "topk"}
    around = sweep.aimed(around=True)
    assert [one["target_l0"] for one in around] == [14.5, 35.2]
    assert all(one["hit"] and one["variant"] == "topk" for one in around)


def test_a_run_without_a_baseline_brings_topk_along(box: Sandbox) -> None:
    (box.variants / "mine.py").write_text('K = 32\nKNOB = "K"\n', encoding="utf-8")
    sweep = Sweep(Planner(box, "data"), wanted(box, ("mine",), (32.0,)))
    found = run(sweep, lambda item: value_of(item, "K", 32.0))
    assert {value for name, value in found if name == "topk"} == {29.0, 32.0, 35.0}
    assert {one["variant"] for one in sweep.aimed()} == {"mine"}
    (box.variants / "topk.py").write_text('K = 32\nKNOB = "K"\n', encoding="utf-8")
    assert baseline_of(box, ["mine"]) is None, "an edited file is no baseline"
    assert baseline_of(box, ["mine", "batch_topk"]) == "batch_topk"


def test_controls_have_the_baseline_they_are_judged_by_with_every_seed(box: Sandbox) -> None:
    """Controls are the file as it is written, which a search runs with its first seed only."""
    asked = wanted(box, ("topk", "untrained"), (16.0,))
    asked = asked.model_copy(update={"controls": plan_controls(box, asked.variants, SEEDS)})
    plain = RunRequest(sandbox=box.name, variants=("topk",), seeds=SEEDS, controls=asked.controls)
    for one in (asked, plain.model_copy(update={"grid": {"K": (8,)}})):
        sweep = Sweep(Planner(box, "data"), one)
        found = run(sweep, lambda item: value_of(item, "K", 32.0))
        assert found["topk", 32.0].keys() == set(SEEDS)
        sources = {name: box.variant_path(name).read_bytes() for name in one.variants}
        assert sweep.total == check_request(sources, one) + search_runs(sources, one)
    assert check_request({"topk": box.variant_path("topk").read_bytes()}, plain) == 12


@pytest.mark.parametrize("names", [("topk",), ("topk", "batch_topk", "untrained"), ("batch_topk",)])
def test_the_number_of_saes_of_a_search_for_counts_of_latents_is_known_before(
    box: Sandbox, names: tuple[str, ...]
) -> None:
    asked = wanted(box, names, (8.0, 16.0))
    sweep = Sweep(Planner(box, "data"), asked)
    run(sweep, lambda item: value_of(item, "K", 32.0))
    files = {name: box.variant_path(name).read_bytes() for name in (*names, "topk")}
    assert sweep.total == check_request(files, asked) + search_runs(files, asked)


def test_a_search_goes_on_if_the_other_seeds_miss(box: Sandbox) -> None:
    sweep = Sweep(Planner(box, "data"), wanted(box, ("batch_topk",), (32.0,)))
    # The first seed is at the target with the file's own value; the mean of all is 10 % above.
    found = run(sweep, lambda item: value_of(item, "K", 32.0) * (1.15 if item.seed else 1.0))
    [aimed] = [one for one in sweep.aimed() if one["variant"] == "batch_topk"]
    assert aimed["hit"] and aimed["seeds"] == 3 and aimed["tries"] == 2
    chosen = found["batch_topk", float(aimed["value"])]
    assert aimed["l0"] == round(sum(chosen.values()) / 3, 2) != 32.0
    assert not sweep.is_searching


def test_a_seed_that_fails_does_not_keep_the_run_waiting(box: Sandbox) -> None:
    sweep = Sweep(Planner(box, "data"), wanted(box, ("batch_topk",), (32.0,)))
    run(sweep, lambda item: None if item.seed == 2 else value_of(item, "K", 32.0))
    assert not sweep.is_searching
    assert [one["seeds"] for one in sweep.aimed()] == [2]
