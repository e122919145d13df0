"""What of a run has a score already, from scores that were never made."""

from pathlib import Path

import pytest

from fumehood_tools.bench.collect import SandboxRecords
from fumehood_tools.records.scores import Cost, Data, Provenance, Score
from fumehood_tools.runs.baselines import levels_around
from fumehood_tools.runs.code import evaluator_sha256, template_sha256
from fumehood_tools.runs.forecast import Forecast, forecast
from fumehood_tools.runs.items import Planner, settings_digest
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    settings = Settings(workspace=tmp_path / "ws", cache=tmp_path / "cache")
    return create_sandbox(settings, "box", subject="synthetic", dict_size=128)


def score(box: Sandbox, variant: str, seed: int, k: int, l0: float, data: str = "d") -> Score:
    item, spec = Planner(box, "any").item(variant, seed, {"K": k}), box.spec
    return Score(
        variant=variant,
        seed=seed,
        parameters=dict(item.parameters),
        run="r",
        subject=spec.subject.name,
        layer=spec.subject.layer,
        site=spec.subject.site,
        dict_size=spec.dict_size,
        data=Data(
            digest=data, train_tokens=spec.steps * spec.training.batch_size, eval_tokens=4_064
        ),
        metrics={"l0": l0, "explained_variance": 0.7},
        provenance=Provenance(
            variant_sha256=item.sha256,
            weights_sha256="w",
            weights_bytes=1,
            settings_digest=settings_digest(spec),
            template_sha256=template_sha256(),
            evaluator_sha256=evaluator_sha256(),
        ),
        spec={},
        glass="landlock",
        cost=Cost(train_seconds=1, score_seconds=1),
        started="2026-01-01T00:00:00+00:00",
        finished="2026-01-01T00:00:00+00:00",
    )


def records(*scores: Score) -> SandboxRecords:
    scored = {str(number): one for number, one in enumerate(scores)}
    return SandboxRecords(scored, {}, {}, [], [], None, [], {})


def test_what_has_a_score_is_not_left_to_train(box: Sandbox) -> None:
    request = RunRequest(sandbox="box", variants=("topk", "batch_topk"), seeds=(0, 1, 2))
    assert forecast(box, request, records(), 6) == Forecast(0, 6)
    topk = [score(box, "topk", seed, 32, 32.0) for seed in (0, 1, 2)]
    assert forecast(box, request, records(*topk), 6) == Forecast(3, 3)
    otherwise = box.trained_with({"lr": 0.004})
    assert forecast(otherwise, request, records(*topk), 6) == Forecast(0, 6)
    (box.variants / "topk.py").write_text("K = 32\nKNOB = 'K'\n", encoding="utf-8")
    assert forecast(box, request, records(*topk), 6) == Forecast(0, 6), "another file"


def test_a_search_that_was_made_takes_no_time_again(box: Sandbox) -> None:
    around = levels_around((16.0,), 128)
    request = RunRequest(
        sandbox="box",
        variants=("topk",),
        seeds=(0, 1),
        l0_targets=(16.0,),
        baseline="topk",
        around=around,
    )
    tried = [score(box, "topk", 0, 32, 32.0)]
    assert forecast(box, request, records(*tried), 8) == Forecast(1, 7)
    ks = (16, round(around[0]), round(around[1]))
    made = [score(box, "topk", seed, k, float(k)) for k in ks for seed in (0, 1)]
    assert forecast(box, request, records(*tried, *made), 8).left == 0
    without = [one for one in made if one.seed == 0 or one.parameters["K"] != 16]
    assert forecast(box, request, records(*tried, *without), 7).left == 1


def test_scores_of_other_data_do_not_count(box: Sandbox) -> None:
    request = RunRequest(sandbox="box", variants=("topk",), seeds=(0, 1))
    old, new = (score(box, "topk", seed, 32, 32.0, data) for seed, data in ((0, "old"), (1, "new")))
    new = new.model_copy(update={"finished": "2026-02-01T00:00:00+00:00"})
    assert forecast(box, request, records(old, new), 2) == Forecast(1, 1)
