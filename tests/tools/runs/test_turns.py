"""While the SAE of a variant is scored, no variant is trained, on one machine."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes.sandbox_files import tiny_sandbox
from fakes.scripted_target import ScriptedTarget, activations
from fakes.witnessed_runs import Witness

from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.runs.items import Planner, RunItem
from fumehood_tools.runs.job import RunJob, RunParts
from fumehood_tools.runs.local_target import LocalTarget
from fumehood_tools.runs.orders import recipe_of
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.run_queue import RunQueue
from fumehood_tools.runs.sweep import Sweep
from fumehood_tools.runs.tally import Nobody, Tally
from fumehood_tools.runs.training_stage import Trained, TrainingStage
from fumehood_tools.runs.turns import MOST_WAITING, SHORT_SECONDS, Turns
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings


class Scoring:
    """A scoring that ends one SAE at each call of `finish`."""

    def __init__(self) -> None:
        self.is_ready = True
        self.items: list[RunItem] = []

    def is_busy(self) -> bool:
        return bool(self.items)

    def send(self, trained: Trained) -> None:
        self.items.append(trained.item)

    def finish(self) -> str:
        return self.items.pop(0).name


class Bench:
    """Trainings on a scripted target, and such a scoring, in turns."""

    def __init__(
        self, settings: Settings, box: Sandbox, folder: Path, seeds: Sequence[int], seconds: float
    ) -> None:
        for name in ("mine", "other"):
            source = (box.variants / "topk.py").read_text("utf-8")
            (box.variants / f"{name}.py").write_text(f"{source}# {name}", "utf-8")
        names = ("mine", "other", "topk")
        request = RunRequest(sandbox=box.name, variants=names, seeds=tuple(seeds))
        self.target = ScriptedTarget(folder, busy=1, seconds=seconds)
        tally = Tally(Recorder(settings, box, "landlock"), Nobody())
        queue = RunQueue(Sweep(Planner(box, "data"), request), tally, box.spec.limits)
        recipe = recipe_of(box.spec, activations("/cache"), "cuda", "bfloat16")
        self.training = TrainingStage(self.target, recipe, queue, tally)
        self.scoring, self.queue = Scoring(), queue

    def turns(self, *, one_machine: bool = True) -> Turns:
        parts = self.queue, self.training, self.scoring
        return Turns(*parts, one_machine=one_machine)  # type: ignore[arg-type]

    def step(self, turns: Turns) -> tuple[set[str], set[str]]:
        """Let things begin and end; return the files in training and those being scored."""
        turns.score(self.training.advance(turns.may_train))
        in_training = {item.variant for item in self.training.items}
        return in_training, {item.variant for item in self.scoring.items}


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    return tiny_sandbox(settings)


def test_beside_the_scoring_of_a_variant_only_packaged_files_are_trained(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    bench = Bench(settings, box, tmp_path / "t", range(3), SHORT_SECONDS)
    turns, seen, ended = bench.turns(), [], list[str]()
    while bench.queue or bench.training.items or turns.waiting or bench.scoring.items:
        seen.append(bench.step(turns))
        if bench.scoring.items:
            ended.append(bench.scoring.finish())
    own = {"mine", "other"}
    assert len(ended) == len(set(ended)) == 9
    assert not [one for one in seen if one[0] & own and one[1] & own]
    assert [one for one in seen if "topk" in one[0] and one[1] & own], "overlap with the baseline"


def test_variants_are_trained_on_while_the_scorer_loads_or_is_occupied_but_not_without_end(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    bench = Bench(settings, box, tmp_path / "t", range(20), SHORT_SECONDS)
    bench.scoring.is_ready, turns = False, bench.turns()
    for _ in range(60):
        bench.step(turns)
    own = [name for name in turns.waiting if not name.startswith("topk")]
    assert len(own) == MOST_WAITING
    assert {item.variant for item in bench.scoring.items} == {"topk"}


@pytest.mark.parametrize(("seconds", "trained_first"), [(SHORT_SECONDS, 6), (SHORT_SECONDS + 1, 2)])
def test_a_free_scorer_waits_for_the_next_variants_only_where_trainings_are_short(
    settings: Settings, box: Sandbox, tmp_path: Path, seconds: float, trained_first: int
) -> None:
    bench = Bench(settings, box, tmp_path / "t", range(3), seconds)
    turns = bench.turns()
    while not bench.scoring.items:
        bench.step(turns)
    assert len(bench.scoring.items) == trained_first


def test_on_different_machines_nothing_waits(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    bench = Bench(settings, box, tmp_path / "t", range(3), SHORT_SECONDS)
    turns = bench.turns(one_machine=False)
    seen = [bench.step(turns) for _ in range(4)]
    assert ({"mine", "other"}, {"mine"}) in seen and not turns.waiting


@pytest.mark.child
def test_in_a_real_run_no_variant_is_trained_while_one_is_scored(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    source = (box.variants / "topk.py").read_text("utf-8")
    (box.variants / "mine.py").write_text(f"{source}# mine", "utf-8")
    (tmp_path / "job").mkdir()
    request = RunRequest(sandbox="box", variants=("mine", "topk"), seeds=(0, 1))
    witness = Witness()
    parts = RunParts(
        open_target=lambda site: witness.target(LocalTarget(site)), open_scorer=witness.scorer
    )
    result = RunJob(JobContext("run-1", tmp_path / "job"), settings, request, parts).run()
    assert len(result["scored"]) == 4 and not result["failed"]
    assert not witness.together("mine")
    assert len(witness.moments) == 8
