"""A run trains on whatever target it is given: places come and go, boot slowly, and are lost."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes.sandbox_files import tiny_sandbox
from fakes.scripted_target import FAILED, LOST, LosesPlaces, ScriptedTarget, activations

from fumehood_tools.files import sha256_of
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.receipts import FAILURE_FILE, SCORE_FILE, WEIGHTS_FILE
from fumehood_tools.records.scores import Data, Score
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.job import RunJob, RunParts
from fumehood_tools.runs.local_target import LocalTarget
from fumehood_tools.runs.orders import recipe_of
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.run_queue import RunQueue
from fumehood_tools.runs.sweep import Sweep
from fumehood_tools.runs.tally import Nobody, Tally
from fumehood_tools.runs.targets import RunSite
from fumehood_tools.runs.training_stage import MOST_LOSSES, Trained, TrainingStage
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.scoring.requests import ScoringAnswer
from fumehood_tools.settings import Settings
from fumehood_tools.where import here


class Run:
    """The part of a run that trains, on a target."""

    def __init__(
        self, settings: Settings, box: Sandbox, target: ScriptedTarget, names: Sequence[str]
    ) -> None:
        self.target, self.box = target, box
        self.recorder = Recorder(settings, box, "landlock")
        self.tally = Tally(self.recorder, Nobody())
        request = RunRequest(sandbox=box.name, variants=tuple(names), seeds=(0,))
        sweep = Sweep(Planner(box, "data"), request)
        self.queue = RunQueue(sweep, self.tally, box.spec.limits)
        recipe = recipe_of(box.spec, activations("/cache"), target.device, target.arithmetic)
        self.stage = TrainingStage(target, recipe, self.queue, self.tally)

    def trained(self) -> list[Trained]:
        """Advance until nothing is left to train."""
        found: list[Trained] = []
        while self.queue or self.stage.underway:
            found += self.stage.advance()
        return found

    def failure(self, name: str) -> dict[str, Any]:
        [path] = (self.box.results / name).glob(f"*/{FAILURE_FILE}")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    return tiny_sandbox(settings)


def test_an_item_whose_place_was_lost_is_the_next_to_be_trained_again(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    target = ScriptedTarget(tmp_path / "t", {"topk": [LOST]}, places=1)
    run = Run(settings, box, target, ["topk", "gated"])
    assert [one.item.variant for one in run.trained()] == ["topk", "gated"]
    assert [order.variant for order in target.orders] == ["topk", "topk", "gated"]
    assert target.orders[0].digest == target.orders[1].digest, "so that it can be taken over"
    assert target.trainees[0].has_ended and not run.tally.failed


def test_an_item_whose_place_is_always_lost_fails_and_names_the_place(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    target = ScriptedTarget(tmp_path / "t", {"topk": [LOST] * 9})
    run = Run(settings, box, target, ["topk", "gated"])
    assert [one.item.variant for one in run.trained()] == ["gated"]
    assert sum(order.variant == "topk" for order in target.orders) == MOST_LOSSES
    failure, last = run.failure("topk"), [one for one in target.trainees if one.has_ended][-1]
    assert (failure["stage"], failure["code"]) == ("train", "place_lost")
    assert f"lost {MOST_LOSSES} times" in failure["message"]
    assert f"pod {last.out.name} (it was preempted)" in failure["message"]


def test_a_failure_of_the_variant_is_not_tried_again(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    target = ScriptedTarget(tmp_path / "t", {"topk": [FAILED]})
    run = Run(settings, box, target, ["topk"])
    assert not run.trained() and len(target.orders) == 1
    failure = run.failure("topk")
    assert failure["code"] == "run_failed" and failure["started"] == "2026-01-01T00:00:00+00:00"


def test_orders_are_given_as_far_as_there_are_places_which_come_and_go(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    target = ScriptedTarget(tmp_path / "t", places=0, busy=3)
    run = Run(settings, box, target, ["topk", "gated", "standard", "batch_topk"])
    assert run.stage.advance() == [] and not target.orders
    target.place_count = 3
    run.stage.advance()
    assert len(target.orders) == len(run.stage.underway) == 3
    assert {one.doing for one in run.stage.underway} >= {"booting a pod for topk seed 0"}
    target.place_count = 1
    run.stage.advance()
    assert len(run.stage.underway) == 3, "fewer places end no training"
    assert len(run.trained()) == 4 and len(target.orders) == 4


def test_a_score_says_where_it_was_trained_and_what_that_cost(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    run = Run(settings, box, ScriptedTarget(tmp_path / "t"), ["topk"])
    [trained] = run.trained()
    out = trained.trainee.out
    answer = ScoringAnswer(
        name=trained.item.name,
        metrics={"l0": 32.0, "explained_variance": 0.7},
        where=here("cpu", 2, "bubblewrap"),
        weights_sha256=sha256_of(out / WEIGHTS_FILE),
        seconds=1.0,
    )
    data = Data(digest="data", train_tokens=8_000, eval_tokens=2_032)
    run.tally.score(trained.item, out, data, answer, trained.effort)
    record = json.loads((trained.item.folder / SCORE_FILE).read_text(encoding="utf-8"))
    score = Score.model_validate({name: record[name] for name in Score.model_fields})
    assert score.provenance.trained is not None and score.work is not None
    assert score.work.spent == 60.0 and score.work.ratio is None and score.work.trained_here
    assert score.provenance.trained.machine == "a rented H200"
    assert (score.provenance.arithmetic, score.glass) == ("bfloat16", "landlock")
    assert (score.cost.usd, score.cost.train_seconds) == (0.04, 60.0)
    assert run.recorder.done(trained.item) == 32.0, "it is not trained again"


@pytest.mark.slow
@pytest.mark.child
def test_a_run_survives_the_loss_of_places_with_one_score_per_item(
    settings: Settings, box: Sandbox, tmp_path: Path
) -> None:
    targets: list[LosesPlaces] = []

    def losing(site: RunSite) -> LosesPlaces:
        targets.append(LosesPlaces(LocalTarget(site), {"topk": 1, "gated": 9}))
        return targets[-1]

    request = RunRequest(sandbox="box", variants=("topk", "gated"), seeds=(0,))
    (tmp_path / "job").mkdir()
    context = JobContext("run-1", tmp_path / "job")
    result = RunJob(context, settings, request, RunParts(open_target=losing)).run()
    assert result["scored"] == ["topk seed 0"]
    assert "was lost 3 times, the last time pod-" in result["failed"]["gated seed 0"]
    ordered = [order.variant for order in targets[0].orders]
    assert sorted(ordered) == ["gated"] * MOST_LOSSES + ["topk"] * 2
    assert len(list((box.results / "topk").glob(f"*/{SCORE_FILE}"))) == 1
    assert not list((tmp_path / "job").glob("scratch-*"))
