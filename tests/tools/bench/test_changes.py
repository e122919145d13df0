"""What the change of a variant did, from synthetic scores; nothing was trained."""

from typing import Any

import numpy as np
import pytest

from fumehood_tools.bench.changes import changes, judge
from fumehood_tools.bench.noise import differences
from fumehood_tools.records.inertness import Inertness, compare
from fumehood_tools.records.scores import Score

SAME = compare("topk", forward=3e-8, loss=0.0, gradient=4e-7)
SLIGHT = compare("topk", forward=0.0, loss=3e-5, gradient=3e-4)
DIFFERENT = compare("topk", forward=0.3, loss=0.1, gradient=0.4)
NOISE = {0: 0.0, 1: 0.0012, 2: -0.0002, 1000: 0.0006, 1001: -0.0009, 1002: 0.0003}


def scores(*seeds: int, ev: float = 0.7353, inertness: Inertness | None = None) -> list[Score]:
    """Return one score per seed, with explained variance near `ev` and the noise of real TopK runs.

    The first score has the measurement of the computation (`inertness`).
    """
    found = []
    for seed in seeds:
        noise = NOISE[seed]
        values: dict[str, Any] = {
            "l0": 32.0,
            "explained_variance": ev + noise,
            "loss_recovered": 0.941 + 2 * noise,
            "probing_top5": 0.763 + 6 * noise,
            "probing": 0.851 + noise,
            "alive": 0.93 + 3 * noise,
        }
        found.append(record(seed, values, inertness if seed == seeds[0] else None))
    return found


def record(seed: int, values: dict[str, Any], inertness: Inertness | None = None) -> Score:
    """Return a score with these metrics."""
    content: dict[str, Any] = {"variant": "mine", "seed": seed, "inertness": inertness}
    content["file_sha256"] = "f" * 64
    return Score.model_construct(**content, metrics=values)


PARENT = scores(0, 1, 2)
OTHER_SEEDS = scores(1000, 1001, 1002)
BETTER = scores(0, 1, 2, ev=0.7553)


@pytest.mark.parametrize(
    ("inertness", "ours", "word"),
    [
        (SAME, PARENT, "inert"),
        (SAME, OTHER_SEEDS, "inert"),
        (SLIGHT, OTHER_SEEDS, "inert"),
        (DIFFERENT, OTHER_SEEDS, "weak"),
        (DIFFERENT, BETTER, "active"),
        (SLIGHT, BETTER, "active"),
        (SAME, BETTER, "active"),
        (None, OTHER_SEEDS, None),
    ],
)
def test_mechanism_and_scores_together_make_the_word(
    inertness: Inertness | None, ours: list[Score], word: str | None
) -> None:
    found = judge("topk", inertness, ours, PARENT)
    assert found.change == word, found.text()
    assert (found.seeds, found.parent_seeds) == (3, 3)
    assert "explained_variance" in found.text() and "noise ±" in found.text()


def test_a_variant_that_acts_through_its_training_alone_is_said_to() -> None:
    assert "after training, so by how it trains" in judge("topk", SAME, BETTER, PARENT).reason


def noisy(*values: float) -> list[Score]:
    """Return one score per seed whose explained variance varies widely."""
    return [
        record(seed, {"l0": 8.0, "explained_variance": value, "alive": 0.9})
        for seed, value in enumerate(values)
    ]


@pytest.mark.parametrize("inertness", [SAME, SLIGHT])
def test_a_difference_that_wide_noise_hides_is_unclear_and_never_inert(
    inertness: Inertness,
) -> None:
    # 0.06 less in every seed, which paired seeds show: the row alone cannot.
    parent, ours = noisy(0.6265, 0.6110, 0.5955), noisy(0.566, 0.551, 0.536)
    found = judge("topk", inertness, ours, parent)
    assert found.change == "unclear" and "explained_variance may have changed" in found.reason
    assert "compare_variants pairs seeds" in found.reason
    near = judge("topk", inertness, noisy(0.6225, 0.6080, 0.5935), parent)
    assert near.change == "inert", "0.003 is less than what matters"
    assert judge("topk", DIFFERENT, ours, parent).change == "weak"


def test_one_seed_of_the_parent_is_no_noise_to_judge_against() -> None:
    found = judge("topk", DIFFERENT, scores(0, ev=0.9), scores(0))
    assert found.change is None and found.word == "?"
    assert "not judged against noise" in found.reason and "3 or more" in found.reason
    assert all(difference.noise is None for difference in found.differences)


def test_equal_scores_of_the_same_computation_are_inert_with_one_seed_too() -> None:
    assert judge("topk", SAME, scores(1), scores(1)).change == "inert"
    assert judge("topk", DIFFERENT, scores(1), scores(1)).change is None


def test_two_seeds_make_a_wider_band_than_five() -> None:
    few = differences(OTHER_SEEDS, PARENT[:2])
    many = differences(OTHER_SEEDS, scores(0, 1, 2, 1000, 1001))
    for wide, narrow in zip(few, many, strict=True):
        assert wide.noise is not None and narrow.noise is not None
        assert wide.noise >= narrow.noise > 0, wide.metric


@pytest.mark.parametrize(("l0", "outside"), [(32.2, False), (32.5, True)])
def test_a_difference_of_l0_matters_from_one_percent(l0: float, outside: bool) -> None:
    ours = [record(seed, {**score.metrics, "l0": l0}) for seed, score in enumerate(PARENT)]
    found = {one.metric: one for one in differences(ours, PARENT)}
    assert found["l0"].is_outside == outside


def table(**by_variant: list[Score]) -> dict[str, list[Score]]:
    """Return label -> scores, with each score's variant set to its label."""
    return {
        name: [score.model_copy(update={"variant": name}) for score in some]
        for name, some in by_variant.items()
    }


def with_k(label: str, k: int, some: list[Score]) -> dict[str, list[Score]]:
    """Return scores of a copy with another K."""
    changes = {"variant": label, "parameters": {"K": k}}
    return {f"{label}(K={k})": [score.model_copy(update=changes) for score in some]}


def test_a_copy_is_judged_against_its_parents_copy_with_the_same_parameters() -> None:
    asked = table(topk=PARENT[:1], mine=scores(0, inertness=SAME))
    asked |= with_k("mine", 64, OTHER_SEEDS) | with_k("mine", 16, OTHER_SEEDS)
    assert set(changes(asked)) == {"mine"}
    asked |= with_k("topk", 64, PARENT)
    found = changes(asked)
    assert found["mine(K=64)"].change == "inert" and "mine(K=16)" not in found


def test_a_table_is_judged_by_the_parents_that_its_records_name() -> None:
    found = changes(
        table(
            topk=PARENT,
            twice=scores(1000, 1001, 1002, inertness=SAME),
            alone=scores(0, inertness=compare("gated", 0.1, None, None)),
        )
    )
    assert {name: change.word for name, change in found.items()} == {
        "twice": "inert",
        "alone": "?",
    }
    assert "run gated too" in found["alone"].reason
    assert found["alone"].computation == "different from gated (forward 10 %)"


RENAMED = SAME.model_copy(update={"parent": "batch_topk", "declared": "topk"})


def test_a_renamed_baseline_is_inert_and_the_baseline_is_named_with_scores_or_without() -> None:
    asked = table(topk=PARENT, mine=scores(1000, 1001, 1002, ev=0.8, inertness=RENAMED))
    found = changes(asked)["mine"]
    assert found.change == "inert" and found.parent == "batch_topk"
    assert "computes the same as batch_topk, not topk; run batch_topk too" in found.text()
    asked |= table(batch_topk=scores(0, 1, 2, ev=0.8))
    found = changes(asked)["mine"]
    assert found.change == "inert" and "as batch_topk, and no score is outside" in found.reason


def test_scores_of_an_edited_parent_are_none_to_judge_by() -> None:
    inertness = DIFFERENT.model_copy(update={"parent_sha256": "a" * 64})
    asked = table(topk=PARENT, mine=scores(1000, 1001, 1002, inertness=inertness))
    assert changes(asked)["mine"].change is None
    packaged = [score.model_copy(update={"file_sha256": "a" * 64}) for score in PARENT]
    assert changes(asked | table(topk=packaged))["mine"].change == "weak"


def test_equal_variants_are_rarely_called_different() -> None:
    draw = np.random.default_rng(0)
    names = ("explained_variance", "loss_recovered", "probing_top1", "probing_top5", "probing")

    def group() -> list[Score]:
        drawn = (dict(zip(names, draw.normal(0.8, 0.01, 5), strict=True)) for _ in range(3))
        same = {"l0": 32.0, "alive": 0.9}
        return [record(seed, {**same, **values}) for seed, values in enumerate(drawn)]

    wrong = sum(judge("topk", DIFFERENT, group(), group()).change != "weak" for _ in range(400))
    assert wrong < 20
