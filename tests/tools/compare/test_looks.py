"""Seeds that were added after others had been scored are looks, for which p is corrected."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from fakes.recorded_scores import TRANSCODER, record_score
from fakes.studies_bench import Bench

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.compare import compare_variants
from fumehood_tools.compare.judge import Judge
from fumehood_tools.compare.looks import count_looks, times_for
from fumehood_tools.compare.question import Question, ScoredSae
from fumehood_tools.compare.report import Compared
from fumehood_tools.records.scores import Asked, Data
from fumehood_tools.registry.lookup import metric_named
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def looks(bench: Bench, name: str = "mine") -> int | None:
    """Return which look the comparison of a variant with half is."""
    found = bench.lab.found("box")
    [setting] = set(found.settings.values())
    return count_looks(found, setting, found.scores.values(), "half", {}).get(name)


def run(bench: Bench, seeds: Iterable[int], asked: Iterable[int] | None = None) -> None:
    bench.score(seeds, {"mine": 0.01}, levels=[8], asked=asked)


def test_one_run_is_one_look_and_each_later_one_with_new_seeds_is_another(bench: Bench) -> None:
    run(bench, range(3))
    assert looks(bench) == 1
    run(bench, [3, 4])
    assert looks(bench) == 2
    run(bench, [5])
    assert looks(bench) == 3
    assert [times_for(look) for look in (1, 2, 3)] == [1, 3, 6]


def test_a_run_that_was_cut_short_may_have_been_stopped_at_any_of_its_seeds(bench: Bench) -> None:
    run(bench, range(5), asked=range(10))
    assert looks(bench) == 3, "three seeds, then one look for each of the others"
    run(bench, range(5, 10), asked=range(10))
    assert looks(bench) == 1, "it was run to its end, so nothing was stopped"


def test_seeds_of_the_baseline_that_are_added_one_by_one_are_looks_too(bench: Bench) -> None:
    bench.score(range(5), {"mine": 0.01}, levels=[8])
    assert looks(bench) == 1
    other = Bench(bench.settings.workspace.parent / "other")
    for count in (3, 4, 5):
        other.score([count - 1] if count > 3 else range(3), {}, levels=[8])
        if count == 3:
            other.score_only({"mine": 0.01}, range(5), [8])
    assert looks(other) == 3


def test_what_was_known_before_the_variant_existed_is_no_look_at_it(bench: Bench) -> None:
    for seeds in (range(3), [3], [4]):
        bench.score(seeds, {}, levels=[8])
    bench.score_only({"mine": 0.01}, range(5), [8])
    assert looks(bench) == 1


def judged(points: list[ScoredSae], look: int | None = None, planned: int = 0) -> Compared:
    """Return the row of mine in a comparison with topk."""
    question = Question(
        sandbox="box",
        setting="0",
        metric=metric_named(QUALITY),
        beside=(),
        baseline="topk",
        variants=None,
        tries=1,
        points=points,
        changes={},
        warnings=[],
        left_out=[],
        looks={} if look is None else {"mine": look},
        planned_looks=planned,
    )
    [row] = Judge(question).answer().rows
    return row


def points(gain: float, spread: float) -> list[ScoredSae]:
    """Return three seeds of topk and of a variant with that gain."""
    noise = (0.0, spread, -spread)
    return [
        ScoredSae(
            variant=name,
            label=name,
            kind=kind,
            seed=seed,
            l0=32.0,
            values={QUALITY: 0.7 + (gain + noise[(seed + 1) % 3] if name == "mine" else 0.0)},
            seconds=1.0,
        )
        for name, kind in (("topk", "baseline"), ("mine", "custom"))
        for seed in range(3)
    ]


def test_p_is_multiplied_for_looks_and_the_row_says_so() -> None:
    some = points(0.03, 0.004)
    first, third, planned = judged(some, 1), judged(some, 3), judged(some, 3, planned=2)
    assert first.verdict == "better" and first.p is not None and 0.05 / 6 > first.p > 0
    assert first.p_adjusted == pytest.approx(first.p) and "look" not in first.reason
    assert third.p_adjusted == pytest.approx(6 * first.p)
    assert "this is look 3 at it: its p is multiplied by 6" in third.reason
    assert planned.p_adjusted == pytest.approx(2 * first.p)
    assert "multiplied by the 2 looks of the plan" in planned.reason
    assert judged(some, 12).verdict == "undecided", "78 times that p is above 0.05"


def test_equality_is_harder_to_show_after_more_looks() -> None:
    some = points(0.0, 0.0014)
    assert judged(some).verdict == "equal"
    assert judged(some, 6).verdict == "undecided"


@pytest.mark.child
def test_looks_at_transcoders_are_counted_and_corrected_as_those_at_saes(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path / "ws", cache=tmp_path / "cache")
    box = create_sandbox(settings, "tc", source="transcoder", dict_size=64, train_tokens=4_096)
    source = (box.variants / "topk.py").read_text("utf-8")
    (box.variants / "mine.py").write_text(f"{source}\n# mine\n", encoding="utf-8")

    def run(seeds: list[int]) -> None:
        """Write the scores of topk and mine, as one run for these seeds would."""
        asked = Asked(after=Shelf(settings.state).newest(box.results), seeds=seeds)
        recorder = Recorder(settings, box, "rlimits", asked)
        for name, gain in (("topk", 0.0), ("mine", 0.03)):
            for seed in seeds:
                item = Planner(box, "digest").item(name, seed, None)
                explained = 0.6 + gain + 0.002 * (seed % 3) * (name == "mine")
                metrics = {"l0": 32.0, "mse": 1.0, "alive": 1.0, "explained_variance": explained}
                files = {
                    TRANSCODER: f"{name} {seed}".encode(),
                    "core.json": b"{}",
                    "train_log.jsonl": b"{}",
                }
                data = Data(digest="digest", train_tokens=4_096, eval_tokens=256)
                record_score(
                    recorder, item, metrics, tmp_path / "out", files, data, weights=TRANSCODER
                )

    def row() -> Compared:
        [found] = compare_variants(box.folder, variants=["mine"]).rows
        return found

    run([0, 1, 2])
    first = row()
    assert first.p is not None and first.p_adjusted == pytest.approx(first.p)
    run([3])
    second = row()
    assert second.p is not None and second.p_adjusted == pytest.approx(3 * second.p)
    assert "this is look 2 at it" in second.reason
    (box.variants / "mine.py").write_text(f"{source}\n# another\n", encoding="utf-8")
    run([4, 5, 6])
    assert compare_variants(box.folder).tries == 2, "every version of a file is a try"
