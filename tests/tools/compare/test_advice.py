"""The calls that a comparison advises: made, they change its answer."""

import ast
import math
from collections.abc import Sequence
from typing import Any

import pytest

from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.compare.judge import Judge
from fumehood_tools.compare.question import Doubt, Question, Rival, ScoredSae
from fumehood_tools.compare.report import Comparison
from fumehood_tools.errors import BadRequest
from fumehood_tools.records.levels import AROUND
from fumehood_tools.records.seed_lists import all_seeds, short_seeds
from fumehood_tools.registry.lookup import metric_named, metrics_beside
from fumehood_tools.registry.sae_metrics import QUALITY

NOISE = (0.0008, -0.0004, 0.0001, -0.0006, 0.0005, 0.0003, -0.0002, 0.0004, -0.0001, 0.0002)


def sae(name: str, seed: int, k: int = 32, l0: float | None = None) -> ScoredSae:
    """Return an SAE with as many latents as its K, unless it is given another L0.

    `mine` explains 0.03 more than topk, `noisy` varies ten times as much.
    """
    at = float(k) if l0 is None else l0
    kind: Kind = "baseline" if name in ("topk", "batch_topk") else "custom"
    noise = NOISE[(seed + len(name)) % 10] * (10 if name == "noisy" else 1)
    value = 0.6 + 0.1 * math.log2(at / 16) + noise + 0.03 * (name == "mine")
    return ScoredSae(
        variant=name,
        label=name if k == 32 else f"{name}(K={k})",
        parameters={} if k == 32 else {"K": k},
        knob=None if name == "knobless" else "K",
        kind=kind,
        seed=seed,
        l0=at,
        values={QUALITY: value},
        seconds=6.0,
    )


def compared(points: Sequence[ScoredSae], baseline: str = "topk", **more: Any) -> Comparison:
    question = Question(
        sandbox="box",
        setting="12345678",
        metric=metric_named(QUALITY),
        beside=metrics_beside(),
        baseline=baseline,
        variants=None,
        tries=1,
        points=list(points),
        changes={},
        warnings=[],
        left_out=[],
        most_l0=64.0,
        **more,
    )
    return Judge(question).answer()


def calls_in(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls that a text names."""
    found = []
    for part in text.split(", then "):
        call = ast.parse(part.strip(), mode="eval").body
        assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        values = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
        found.append((call.func.id, values))
    return found


def after(points: Sequence[ScoredSae], text: str) -> list[ScoredSae]:
    """Return the points with those of the runs that a text asks for."""
    made = {(point.label, point.seed): point for point in points}
    for tool, asked in calls_in(text):
        assert tool == "run_variants" and asked["sandbox"] == "box"
        assert len(asked.get("l0_targets", ())) <= 10
        targets = asked.get("l0_targets")
        for name in asked["variants"]:
            values = [32]
            if targets is not None:
                values = [round(l0) for l0 in targets]
                if name == asked.get("baseline", "topk"):
                    values += [round(min(targets) / AROUND), round(max(targets) * AROUND)]
            for constant in asked.get("grid", ()):
                assert constant["name"] == "K"
                values = constant["values"]
            for seed in all_seeds(asked["seeds"]):
                for k in values:
                    point = sae(name, seed, k)
                    made.setdefault((point.label, seed), point)
    return list(made.values())


def levels(name: str, ks: Sequence[int], seeds: Sequence[int] = (0, 1, 2)) -> list[ScoredSae]:
    return [sae(name, seed, k) for k in ks for seed in seeds]


STATES = {
    "another L0 than the baseline's": [*levels("topk", [16, 32]), *levels("mine", [50])],
    "several variants at other L0s": [
        *levels("topk", [16]),
        *levels("mine", [32, 50]),
        *levels("other", [50]),
        *levels("third", [40]),
    ],
    "other seeds than the baseline's": [
        *levels("topk", [16, 32, 50]),
        *levels("mine", [40], seeds=(3, 4)),
    ],
    "one seed of both": [*levels("topk", [32], [0]), *levels("mine", [32], [0])],
    "one seed of the baseline": [*levels("topk", [32], [0]), *levels("mine", [32, 40])],
    "one seed after a search": [*levels("topk", [28, 35], [0]), *levels("mine", [32, 31], [0])],
    "two seeds": [*levels("topk", [16, 32], [0, 1]), *levels("mine", [20], [0, 1])],
    "a baseline with one level that is not quite there": [
        *levels("topk", [32]),
        *(sae("other", seed, 32, 32.7) for seed in range(3)),
    ],
    "seeds at quite different L0s": [
        *levels("topk", [32, 40]),
        *(sae("mine", seed, 36, l0) for seed, l0 in enumerate((20.0, 36.0, 60.0))),
    ],
    "seeds that differ a lot": [*levels("topk", [16, 32]), *levels("noisy", [20])],
    "no knob": [*levels("topk", [16]), *levels("knobless", [32])],
    "an L0 that no search reaches": [*levels("topk", [16, 32]), *levels("mine", [100])],
}


@pytest.mark.parametrize("state", STATES)
def test_the_advice_is_a_call_that_changes_the_answer(state: str) -> None:
    points: Sequence[ScoredSae] = STATES[state]
    advised: list[str] = []
    found = compared(points)
    first = [(row.variant, row.verdict, row.reason) for row in found.rows]
    while found.next.startswith("run_variants"):
        assert found.next not in advised, found.text()
        advised.append(found.next)
        points = after(points, found.next)
        found = compared(points)
    assert advised, found.text()
    assert [(row.variant, row.verdict, row.reason) for row in found.rows] != first
    assert all(row.verdict != "not comparable" for row in found.rows), found.text()
    assert found.next == "plot_benchmarks(sandbox='box')"


@pytest.mark.parametrize("state", STATES)
def test_in_another_setting_every_call_trains_as_that_setting_does(state: str) -> None:
    rate = {"lr": 0.008}
    found = compared(STATES[state], training=rate, asked_setting="1a2b3c4d")
    named = [found.next, *(row.reason.partition("Next: ")[2].split("; ")[0] for row in found.rows)]
    calls = [call for text in named if text for call in calls_in(text)]
    assert calls and all(asked["training"] == rate for _, asked in calls), calls
    points: Sequence[ScoredSae] = STATES[state]
    for _ in range(6):
        points = after(points, found.next)
        found = compared(points, training=rate, asked_setting="1a2b3c4d")
        if not found.next.startswith("run_variants"):
            break
    assert found.next == "plot_benchmarks(sandbox='box', setting='1a2b3c4d')"


def test_what_was_tried_in_vain_is_remembered_for_each_training() -> None:
    points, rate = STATES["another L0 than the baseline's"], {"lr": 0.008}
    for missed, variant in (("topk", "topk"), ("topk with lr 0.008", "mine")):
        [(_, asked)] = calls_in(compared(points, missed={missed: [50.0]}, training=rate).next)
        assert asked["variants"] == [variant] and asked["training"] == rate


def test_the_row_names_the_same_call_as_the_end_of_the_answer() -> None:
    found = compared(STATES["another L0 than the baseline's"])
    assert found.next in found.rows[0].reason
    assert calls_in(found.next) == [
        (
            "run_variants",
            {"sandbox": "box", "variants": ["topk"], "seeds": [0, 1, 2], "l0_targets": [50]},
        )
    ]


def test_calls_that_are_too_many_are_named_by_their_variants() -> None:
    points = levels("topk", [16, 32, 64], (0, 1))
    for number in range(5):
        points += levels(f"idea{number}", [17 + number], (0, 1))
    found = compared(points)
    calls = found.next.split(", then ")
    assert len(calls) == 4 and all(call.startswith("run_variants") for call in calls[:3])
    assert calls[3].startswith("compare_variants(sandbox='box') for the calls about ")
    named = " ".join(calls)
    assert all(f"idea{number}" in named for number in range(5)), found.next


def test_many_seeds_are_a_range_in_a_call_that_can_be_made() -> None:
    found = compared(STATES["seeds that differ a lot"])
    [(_, asked), *_] = calls_in(found.next)
    [said] = asked["seeds"]
    assert said.startswith("0-") and all_seeds([said]) == list(range(int(said[2:]) + 1))
    assert short_seeds([3, 1, 2]) == [1, 2, 3], "few seeds stay numbers"
    scattered = [0, 1, 2, 3, 7, 9, 10, 20, 21, 22]
    assert short_seeds(scattered) == ["0-3", 7, 9, 10, "20-22"]
    assert all_seeds(short_seeds(scattered)) == scattered
    for wrong in ("0-50", "9-3", "3", "a-b", "-1-2"):
        with pytest.raises(BadRequest, match="not a range of seeds"):
            all_seeds([wrong])


def test_a_baseline_is_trained_in_another_way_by_a_call_that_changes_no_file() -> None:
    points = [*levels("topk", [16, 32, 50]), *levels("mine", [20, 40])]
    rate = Doubt(reason="its file names a learning rate", training={"lr": 0.004})
    found = compared(points, doubts={"mine": rate})
    wanted = {
        "sandbox": "box",
        "variants": ["topk"],
        "seeds": [0, 1, 2],
        "l0_targets": [20, 40],
        "training": {"lr": 0.004},
    }
    assert calls_in(found.next) == [("run_variants", wanted)]
    assert found.rows[0].verdict == "undecided"
    assert "must also beat topk trained with lr 0.004: run_variants(" in found.rows[0].reason
    few = Rival(words="lr 0.004", training={"lr": 0.004}, points=levels("topk", [20, 40], [0, 1]))
    again = compared(points, doubts={"mine": Doubt()}, rivals=[few])
    assert calls_in(again.next) == [("run_variants", wanted)], "two seeds of it show nothing"
    whole = few.model_copy(update={"points": levels("topk", [18, 20, 40, 44])})
    assert compared(points, doubts={"mine": Doubt()}, rivals=[whole]).rows[0].verdict == "better"
    vain = {"topk with lr 0.004": [20.0, 40.0]}
    last = compared(points, doubts={"mine": rate}, missed=vain)
    assert "run_variants" not in last.next and "no run brought it" in last.rows[0].reason


def test_what_was_tried_in_vain_is_not_advised_again() -> None:
    points = STATES["another L0 than the baseline's"]
    other = compared(points, missed={"topk": [50.0]}).next
    assert calls_in(other)[0][1]["variants"] == ["mine"]
    assert calls_in(other)[0][1]["l0_targets"] == [32]
    none = compared(points, missed={"topk": [50.0], "mine": [32.0]})
    assert none.rows[0].verdict == "not comparable" and "run_variants" not in none.next
    assert "baseline of similar L0" in none.rows[0].reason
    failing = compared(STATES["one seed of both"], failing=["mine"])
    assert failing.next == "check_variant(sandbox='box', variant='mine')"


def test_a_baseline_of_ones_own_is_named_in_the_call() -> None:
    found = compared([*levels("own", [16, 32]), *levels("mine", [50])], baseline="own")
    [(_, asked)] = calls_in(found.next)
    assert asked["variants"] == ["own"] and asked["baseline"] == "own"


def test_a_difference_that_may_be_one_of_l0_is_no_verdict() -> None:
    # Two percent more latents than the only level of topk, which alone explain 0.003 more.
    points = [*levels("topk", [32]), *(sae("other", s, 32, 32.7) for s in range(3))]
    alone = compared(points).rows[0]
    assert alone.verdict == "undecided" and "was run at one L0" in alone.reason
    several = compared([*points, *levels("topk", [29, 35])]).rows[0]
    assert several.verdict == "equal"
    same = compared([*levels("topk", [32]), *levels("mine", [32])]).rows[0]
    assert same.verdict == "better", "at exactly the same L0 there is no doubt"
