"""Comparisons of synthetic points: every verdict, the correction, the curve, the numbers."""

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.compare.judge import Judge
from fumehood_tools.compare.matched import Curve, differences, pareto_front
from fumehood_tools.compare.question import ChangeSaid, Question, ScoredSae
from fumehood_tools.compare.report import Compared, Comparison
from fumehood_tools.compare.statistics import (
    adjusted,
    noise_floor,
    seeds_above_noise,
    seeds_for_equal,
    seeds_needed,
)
from fumehood_tools.registry.lookup import metric_named, metrics_beside
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.registry.sae_metrics import QUALITY

SEEDS = (0, 1, 2)
NOISE = (0.0008, -0.0004, 0.0001, -0.0006, 0.0005)


def point(
    variant: str, seed: int, l0: float, value: float, kind: Kind = "custom", knob: int = 0
) -> ScoredSae:
    label = f"{variant}(K={knob})" if knob else variant
    return ScoredSae(
        variant=variant,
        label=label,
        kind=kind,
        seed=seed,
        l0=l0,
        values={"explained_variance": value, "probing_top5": value - 0.1},
        seconds=6.0,
    )


def baseline(seeds: Sequence[int] = SEEDS) -> list[ScoredSae]:
    """Return topk at three levels, which rises by 0.1 per doubling of L0, with some noise."""
    return [
        point("topk", seed, l0, 0.6 + 0.1 * math.log2(l0 / 16) + NOISE[seed], "baseline", l0)
        for l0 in (16, 32, 64)
        for seed in seeds
    ]


def variant(
    name: str, gain: float, l0: float = 40.0, seeds: Sequence[int] = SEEDS, spread: float = 1.0
) -> list[ScoredSae]:
    """Return a variant that is better than topk by `gain` at its L0."""
    return [
        point(name, s, l0, 0.6 + 0.1 * math.log2(l0 / 16) + gain + spread * NOISE[(s + 2) % 5])
        for s in seeds
    ]


def compared(
    points: list[ScoredSae],
    tries: int = 1,
    metric: Metric | None = None,
    variants: list[str] | None = None,
    changes: dict[str, ChangeSaid] | None = None,
) -> Comparison:
    question = Question(
        sandbox="box",
        setting="12345678",
        metric=metric or metric_named(QUALITY),
        beside=metrics_beside(),
        baseline="topk",
        variants=variants,
        tries=tries,
        points=points,
        changes=changes or {},
        warnings=["Receipts were deleted"],
        left_out=["left out: 1 x damaged"],
    )
    return Judge(question).answer()


def row(found: Comparison, name: str = "mine") -> Compared:
    return next(row for row in found.rows if row.variant == name)


def test_a_gain_beyond_noise_is_better_and_a_loss_worse() -> None:
    found = compared([*baseline(), *variant("mine", 0.03), *variant("other", -0.03)])
    assert row(found).verdict == "better" and row(found, "other").verdict == "worse"
    better = row(found).effect
    assert better and better.seeds == 3 and better.low is not None and better.low > 0
    assert better.mean == pytest.approx(0.03, abs=0.002)
    assert row(found).front is True and row(found, "other").front is False
    assert [row.variant for row in found.rows] == ["mine", "other"]


def test_no_difference_is_equal_and_a_wide_spread_is_undecided() -> None:
    found = compared([*baseline(), *variant("mine", 0.0), *variant("wide", 0.005, spread=20)])
    assert row(found).verdict == "equal"
    wide = row(found, "wide")
    assert wide.verdict == "undecided" and wide.seeds_needed and wide.seeds_needed > 3
    assert f"{wide.seeds_needed} seeds would decide" in wide.reason
    assert wide.reason in found.text()


def test_more_latents_are_no_merit() -> None:
    # Twice the latents explain 0.1 more, as topk's do, so there is no gain at the same L0.
    found = compared([*baseline(), *variant("mine", 0.0, l0=60.0)])
    assert row(found).verdict == "equal"


def test_two_seeds_never_make_a_variant_better() -> None:
    found = compared([*baseline(), *variant("mine", 0.03, seeds=(0, 1))])
    assert row(found).verdict == "undecided" and "at least 3 are needed" in row(found).reason


def test_two_seeds_never_make_a_variant_equal() -> None:
    found = compared([*baseline(), *variant("mine", 0.0, seeds=(0, 1), spread=0.1)])
    assert row(found).verdict == "undecided" and "at least 3 are needed" in row(found).reason
    assert row(found).seeds_needed == 3


def test_a_variant_with_one_seed_is_told_how_many_it_needs() -> None:
    found = compared([*baseline(), *variant("mine", 0.0, seeds=(0,))])
    assert row(found).verdict == "not comparable" and row(found).seeds_needed == 3


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0])
@pytest.mark.parametrize("gain", [0.0, 0.002, 0.0049, 0.02])
def test_a_reader_of_the_interval_and_the_word_agree(scale: float, gain: float) -> None:
    seeds = (0, 1, 2, 3, 4)
    for points in (variant("mine", gain, 32.0, seeds, scale), variant("mine", gain, 32.0, SEEDS)):
        found = compared([*baseline(seeds), *points])
        mine = row(found)
        assert mine.effect and mine.p is not None
        low, high = mine.effect.low, mine.effect.high
        assert low is not None and high is not None and low <= mine.effect.mean <= high
        assert (mine.p <= 0.05) == (low > 0 or high < 0), mine
        inside = -found.margin <= low and high <= found.margin
        if mine.verdict not in ("better", "worse"):
            assert (mine.verdict == "equal") == inside, mine
        if mine.verdict == "undecided":
            assert "95 % interval" in mine.reason or "noise floor" in mine.reason, mine
            assert mine.seeds_needed and mine.seeds_needed > mine.effect.seeds


def test_an_interval_that_the_correction_overrules_is_explained() -> None:
    points = [*baseline(), *variant("mine", 0.009, spread=4)]
    found = compared(points, tries=500)
    assert row(found).p is not None and row(found).p <= 0.05  # type: ignore[operator]
    assert row(found).verdict == "undecided"
    assert "excludes 0, but not after the correction for 500 variants tried" in row(found).reason
    lines = found.text().splitlines()
    [head] = [line for line in lines if line.startswith("variant ")]
    assert "seeds p p adj. work" in " ".join(head.split())
    assert any(line.startswith("p: two-sided t test of this row alone") for line in lines)
    assert any(line.startswith("p adj.: that p corrected") and "500" in line for line in lines)


def test_a_margin_below_the_noise_floor_is_said_to_be_undecidable() -> None:
    assert not any("undecidable" in said for said in compared(baseline()).warnings)
    noisy = [p.model_copy(update={"values": _moved(p, 20)}) for p in baseline()]
    found = compared([*noisy, *variant("mine", 0.004, spread=15)])
    assert found.noise_floor and found.noise_floor > found.margin
    assert found.warnings[0].startswith("The margin of ±0.005 is below the noise floor of ±0.0")
    assert "undecidable" in found.warnings[0] and "seeds of both" not in found.warnings[0]
    assert row(found).verdict == "undecided" and "undecidable with 3 seeds" in row(found).reason
    assert row(found).seeds_needed and row(found).seeds_needed > 3  # type: ignore[operator]
    clear = compared([*noisy, *variant("mine", 0.3)])
    assert row(clear).verdict == "better" and not any("undecidable" in w for w in clear.warnings)


def test_an_answer_names_one_number_of_seeds_for_one_question() -> None:
    noisy = [p.model_copy(update={"values": _moved(p, 20)}) for p in baseline()]
    found = compared([*noisy, *variant("mine", 0.004, spread=15)])
    needed = row(found).seeds_needed
    assert set(re.findall(r"(\d+) seeds would", found.text())) == {str(needed)}
    assert found.power == f"Seeds of both sides with which a verdict is likely: mine {needed}."
    decided = compared([*baseline(), *variant("mine", 0.03)])
    assert decided.power == "No verdict needs more seeds."
    assert compared(baseline()).power.startswith("To detect a difference of 0.005 8 times in 10")


def test_an_answer_has_one_noise_floor_that_of_the_seeds_that_it_names() -> None:
    seeds = (0, 1, 2, 3, 4)
    noisy = [p.model_copy(update={"values": _moved(p, 20)}) for p in baseline(seeds)]
    found = compared([*noisy, *variant("mine", 0.004, seeds=seeds, spread=15)])
    assert found.noise_seeds == 5 and f"±{found.noise_floor:.2g} (5 seeds)" in found.warnings[0]
    assert f"Noise floor ±{found.noise_floor:.2g} (5 seeds)" in found.text()
    assert compared(baseline()).noise_seeds == 3


def test_a_certain_difference_within_the_margin_is_equal_and_one_at_its_edge_says_so() -> None:
    small = row(compared([*baseline(), *variant("mine", 0.00265, spread=-0.8)]))
    assert small.p is not None and small.p < 0.05 and small.verdict == "equal"
    edge = row(compared([*baseline(), *variant("mine", 0.0047, spread=1.5)]))
    assert edge.verdict == "better" and edge.effect and edge.effect.mean < 0.005
    assert "a certain difference, but perhaps one below the margin 0.005" in edge.reason


def test_seeds_that_are_needed_bring_the_noise_floor_below_the_difference() -> None:
    for difference in (0.002, 0.005, 0.03):
        needed = seeds_above_noise(difference, 0.01, 8)
        assert needed and noise_floor(0.01, 8, needed) < difference
        assert needed == 3 or noise_floor(0.01, 8, needed - 1) >= difference
    assert seeds_above_noise(0.0, 0.01, 8) is None and seeds_above_noise(1e-6, 0.01, 8) is None


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (variant("mine", 0.03, l0=90.0), "L0 90 is not covered by topk (L0 16 to 64)"),
        (variant("mine", 0.03, seeds=(3, 4)), "0 seeds in common"),
        (variant("mine", 0.03, seeds=(0,)), "1 seeds in common|not covered"),
    ],
)
def test_what_cannot_be_compared_says_why(points: list[ScoredSae], why: str) -> None:
    found = compared([*baseline(), *points])
    assert row(found).verdict == "not comparable"
    assert any(part in row(found).reason for part in why.split("|")), row(found).reason


def test_many_tries_make_the_same_gain_unconvincing() -> None:
    points = [*baseline(), *variant("mine", 0.004, spread=1.5)]
    alone, among_many = row(compared(points)), row(compared(points, tries=500))
    assert alone.p == among_many.p and alone.p is not None and alone.p < 0.05
    assert alone.p_adjusted == pytest.approx(alone.p)
    assert alone.verdict == "better"
    assert among_many.p_adjusted == pytest.approx(min(1.0, 500 * alone.p))
    assert among_many.verdict != "better"


def test_variants_that_are_not_shown_count_as_tries() -> None:
    points = [*baseline(), *variant("mine", 0.004, spread=1.5)]
    points += [p for n in range(30) for p in variant(f"idle{n}", 0.0, spread=1 + n)]
    found = compared(points, variants=["mine"])
    assert [row.variant for row in found.rows] == ["mine"]
    assert found.tries == 31 and row(found).verdict != "better"


def test_a_gain_below_the_baselines_own_noise_is_not_better() -> None:
    noisy = [p.model_copy(update={"l0": p.l0, "values": _moved(p, 20)}) for p in baseline()]
    # A variant that varies with the baseline, seed by seed, and is slightly above it.
    mine = [
        point("mine", p.seed, 32.0, p.values["explained_variance"] + 0.002 + 1e-6 * p.seed)
        for p in noisy
        if p.l0 == 32
    ]
    found = compared([*noisy, *mine])
    assert row(found).p_adjusted is not None and row(found).p_adjusted < 0.05  # type: ignore[operator]
    assert found.noise_floor and found.noise_floor > 0.002
    assert row(found).verdict == "equal"


def _moved(p: ScoredSae, times: float) -> dict[str, float]:
    return {name: value + times * NOISE[p.seed] for name, value in p.values.items()}


def test_levels_of_a_variant_are_one_test_not_several() -> None:
    mine = [
        p.model_copy(update={"label": f"mine(K={p.l0:.0f})"})
        for l0 in (20.0, 40.0, 60.0)
        for p in variant("mine", 0.03, l0=l0)
    ]
    tried = point("mine", 0, 50.0, 0.1)  # one seed on the way to an L0: shown, not tested
    found = compared([*baseline(), *mine, tried])
    assert found.tries == 1
    assert [level.l0 for level in row(found).levels] == [20.0, 40.0, 50.0, 60.0]
    assert row(found).verdict == "better"


def test_the_control_is_a_floor_and_no_competitor() -> None:
    control = [p.model_copy(update={"kind": "control"}) for p in variant("untrained", -0.4)]
    found = compared([*baseline(), *control, *variant("mine", 0.0)])
    assert [row.variant for row in found.rows] == ["mine"]
    assert found.floor and found.floor.mean == pytest.approx(-0.4, abs=0.01)
    assert "untrained" not in found.pareto


def test_every_field_of_an_answer_is_defined_in_it_or_by_its_name() -> None:
    found = compared([*baseline(), *variant("mine", 0.03)]).model_dump()
    row_of, defined = found["rows"][0], found["definitions"]
    level, interval = row_of["levels"][0], row_of["effect"]
    plain = {"sandbox", "setting", "metric", "baseline", "rows", "definitions", "warnings", "next"}
    plain |= {"left_out", "variant", "verdict", "reason", "effect", "levels", "label"}
    plain |= {"l0", "mean", "high", "seeds"}
    fields = {*found, *row_of, *level, *interval}
    assert not fields - plain - defined.keys(), "say what they mean"
    assert {"weights", "at_noise", "floor", "otherwise", "work"} <= defined.keys()
    words = {"better", "worse", "equal", "identical", "undecided", "not comparable"}
    assert defined.keys() <= fields | words | {"not trained here"}, "and nothing that is not there"


def test_a_variant_with_the_baselines_weights_is_the_baseline_and_gets_no_statistics() -> None:
    base = [p.model_copy(update={"weights_sha256": f"{p.seed}{p.l0}"}) for p in baseline()]
    renamed = [
        p.model_copy(update={"variant": "mine", "kind": "custom", "label": f"mine(A={p.l0})"})
        for p in base
    ]
    found = compared([*base, *renamed, *variant("other", 0.03)], tries=2)
    mine = row(found)
    assert mine.verdict == "identical"
    assert mine.reason == "identical weights: it is topk (9 SAEs, byte for byte)"
    assert mine.effect is mine.p is mine.p_adjusted is mine.work is mine.seeds_needed is None
    assert not mine.levels and not mine.other and mine.reason in found.text()
    assert not any(name.startswith("mine") for name in found.pareto)
    assert row(found, "other").verdict == "better"
    part = [p for p in renamed if p.l0 == 16]
    part += [p.model_copy(update={"weights_sha256": "else"}) for p in renamed if p.l0 != 16]
    some = row(compared([*base, *part]))
    assert some.verdict == "equal" and "3 of its SAEs have the weights of topk" in some.reason
    moved = [p.model_copy(update={"values": {QUALITY: 0.9}}) for p in renamed]
    other = row(compared([*base, *moved]))
    assert other.verdict == "better"
    assert "9 of its SAEs have the weights of topk, byte for byte, so only what" in other.reason
    one_seed = row(compared([p for p in (*base, *renamed) if p.seed == 0]))
    assert one_seed.verdict == "identical", "that needs no seeds"


@pytest.mark.parametrize(("parent", "word"), [("topk", "active"), ("gated", "inert")])
def test_a_verdict_and_a_change_in_one_row_do_not_contradict_each_other(
    parent: str, word: str
) -> None:
    said = {"mine": ChangeSaid(word="inert", parent=parent)}
    points = [*baseline(), *variant("mine", 0.03)]
    found = row(compared(points, changes=said))
    assert (found.verdict, found.change, found.parent) == ("better", word, parent)
    none = row(compared([*baseline(), *variant("mine", 0.0)], changes=said))
    assert (none.verdict, none.change) == ("equal", "inert")


def test_another_metric_can_be_judged() -> None:
    found = compared([*baseline(), *variant("mine", 0.05)], metric=metric_named("probing_top5"))
    assert found.margin == 0.02 and row(found).verdict == "better"
    assert "explained_variance" in row(found).other


def test_of_a_metric_of_which_less_is_better_a_fall_is_a_gain() -> None:
    lower = metric_named(QUALITY)._replace(better="lower")
    points = [*baseline(), *variant("less", -0.03), *variant("mine", -0.05)]
    points += variant("other", 0.03)
    found = compared(points, metric=lower)
    assert [(row.variant, row.verdict) for row in found.rows] == [
        ("mine", "better"),
        ("less", "better"),
        ("other", "worse"),
    ]
    assert row(found).front and not row(found, "other").front
    rival = [one.model_copy(update={"kind": "baseline"}) for one in variant("gated", -0.04)]
    found = compared([*points, *rival], metric=lower)
    assert row(found).front and not row(found, "less").front
    assert "mine" not in compared(points).pareto and "other" in compared(points).pareto
    assert found.pareto == ["topk(K=16)"]
    assert found.definitions["better"].startswith("the mean difference is below 0")


def test_the_text_defines_its_words_and_says_what_it_takes() -> None:
    found = compared([*baseline(), *variant("mine", 0.03)], tries=7)
    text = found.text()
    assert "change: " not in text and "change" in found.definitions
    changed = {"change": "active", "parent": "gated"}
    judged = [one.model_copy(update=changed) for one in found.rows]
    said = found.model_copy(update={"rows": judged}).text()
    assert said.count("change: what the variant's") == 1 and "active from gated" in said
    assert "verdict against topk" in said and "The verdict is something else" in said
    assert "better: the mean difference is above 0" in text and "worse: " not in text
    assert "! Receipts were deleted" in text and "! left out: 1 x damaged" in text
    assert "not judged" in text and "probing_top5" in text
    assert "p is corrected for 7 variants" in text and "No verdict needs more seeds" in text
    none = compared(baseline(), tries=0).text()
    assert "as no variant of your own was tried yet" in none and "0 variants" not in none


def test_a_curve_goes_through_its_points_and_little_further() -> None:
    curve = Curve([16, 32, 64], [0.6, 0.7, 0.8])
    assert curve.at(32) == pytest.approx(0.7)
    assert curve.at(32 * math.sqrt(2)) == pytest.approx(0.75, abs=1e-6)
    assert curve.at(68) == pytest.approx(0.8 + 0.1 * math.log2(68 / 64), abs=2e-3)
    assert curve.at(75) is None and curve.at(12) is None
    alone = Curve([32], [0.7])
    assert alone.at(32.5) == 0.7 and alone.at(34) is None


def test_differences_pair_seeds() -> None:
    curves = {0: Curve([32], [0.7]), 1: Curve([32], [0.6])}
    points = [point("mine", 0, 32, 0.71), point("mine", 1, 32, 0.62), point("mine", 2, 32, 0.9)]
    found = differences(points, curves, "explained_variance")["mine"]
    assert found == {0: pytest.approx(0.01), 1: pytest.approx(0.02)}


def test_the_front_holds_what_nothing_beats_in_both() -> None:
    points = [point("a", 0, 10, 0.5), point("b", 0, 20, 0.4), point("c", 0, 30, 0.6)]
    assert pareto_front(points, metric_named(QUALITY)) == ["a", "c"]


def test_an_l0_that_an_aim_would_accept_is_no_merit_on_the_front() -> None:
    points = [point("a", 0, 32.0, 0.70), point("b", 0, 33.0, 0.72), point("c", 0, 64.0, 0.8)]
    assert pareto_front(points, metric_named(QUALITY)) == ["b", "c"]
    points += [point("d", 0, 30.0, 0.69), point("e", 0, 64.5, 0.8)]
    assert pareto_front(points, metric_named(QUALITY)) == ["d", "b", "c"]
    # A row of close levels is thinned out, not reduced to its last one.
    row_of = [point(str(n), 0, 32 * 1.03**n, 0.6 + 0.01 * n) for n in range(6)]
    assert pareto_front(row_of, metric_named(QUALITY)) == ["1", "3", "5"]


def test_the_correction_is_benjamini_and_hochbergs() -> None:
    # Computed by hand for 5 tries: 0.01 * 5 / 1, 0.02 * 5 / 2, 0.04 * 5 / 3, in ascending order.
    found = adjusted({"a": 0.01, "b": 0.02, "c": 0.04}, 5)
    assert found == {
        "a": pytest.approx(0.05),
        "b": pytest.approx(0.05),
        "c": pytest.approx(0.0667, abs=1e-4),
    }


def test_the_noise_floor_holds_95_of_100_pairs_of_equal_sets() -> None:
    draw = np.random.default_rng(0)
    sets = draw.normal(0.7, 0.01, size=(4_000, 2, 3)).mean(axis=2)
    share = float(np.mean(np.abs(sets[:, 0] - sets[:, 1]) <= noise_floor(0.01, 10_000, 3)))
    assert share == pytest.approx(0.95, abs=0.012)


def test_the_seeds_that_are_needed_are_enough_in_8_of_10_cases() -> None:
    needed = seeds_needed(0.002, 0.0015, tries=1)
    assert needed is not None
    draw = np.random.default_rng(1)
    hits: Callable[[int], float] = lambda n: float(  # noqa: E731
        np.mean(stats.ttest_1samp(draw.normal(0.002, 0.0015, (3_000, n)), 0, axis=1).pvalue < 0.05)
    )
    assert hits(needed) >= 0.78 and hits(needed - 1) < 0.82
    assert seeds_needed(0.002, 0.0015, tries=50) > needed  # type: ignore[operator]
    assert seeds_needed(1e-6, 1.0, tries=1) is None


def test_a_larger_difference_never_needs_more_seeds() -> None:
    needed = [seeds_needed(0.2 * 1.2**n, 1.0, tries=24) or 0 for n in range(30)]
    assert needed == sorted(needed, reverse=True) and needed[-1] == 3


def packaged(name: str, gain: float) -> list[ScoredSae]:
    return [p.model_copy(update={"kind": "baseline"}) for p in variant(name, gain, spread=0.5)]


def test_variants_that_lose_and_baselines_that_win_do_not_make_a_small_gain_convincing() -> None:
    points = [*baseline(), *variant("mine", 0.004, spread=1.5)]
    alone = row(compared(points, tries=20))
    crippled = [p for n in range(15) for p in variant(f"crippled{n}", -0.3)]
    others = [p for n in range(6) for p in packaged(f"baseline{n}", 0.3)]
    among = compared([*points, *crippled, *others], tries=20)
    assert row(among, "crippled3").verdict == "worse"
    assert row(among, "baseline3").verdict == "better"
    assert among.tries == 20 and row(among).p_adjusted == alone.p_adjusted
    assert row(among).verdict == alone.verdict != "better"


def test_losses_at_one_l0_do_not_hide_behind_gains_at_another() -> None:
    mine = [
        p.model_copy(update={"label": f"mine(K={p.l0:.0f})"})
        for l0, gain in ((20.0, 0.03), (60.0, -0.03))
        for p in variant("mine", gain, l0=l0)
    ]
    found = compared([*baseline(), *mine])
    assert row(found).verdict == "undecided" and row(found).seeds_needed is None
    assert "levels differ: +0.0298" in row(found).reason and "mine(K=60)" in row(found).reason
    assert "20: +0.0298, 60: -0.0302" in found.text()


def test_more_seeds_at_the_best_level_do_not_put_the_others_aside() -> None:
    best = variant("mine", 0.03, l0=20.0, seeds=(0, 1, 2, 3, 4))
    rest = [p.model_copy(update={"label": "mine(K=60)"}) for p in variant("mine", -0.02, l0=60.0)]
    found = row(compared([*baseline((0, 1, 2, 3, 4)), *best, *rest]))
    assert [level.tested for level in found.levels] == [True, True]
    assert found.effect and found.effect.seeds == 3
    assert found.effect.mean == pytest.approx(0.005, abs=0.002)


def test_a_difference_that_is_none_needs_the_seeds_that_show_so() -> None:
    wide = row(compared([*baseline(), *variant("wide", 0.0, spread=15)]), "wide")
    assert wide.verdict == "undecided" and wide.seeds_needed
    assert 3 < wide.seeds_needed < 100
    assert seeds_for_equal(0.001, 0.004, 0.005) == seeds_for_equal(-0.001, 0.004, 0.005)
    assert seeds_for_equal(0.006, 0.004, 0.005) is None


def test_two_seeds_of_the_baseline_at_different_levels_are_no_noise_to_judge_by() -> None:
    base = [p for p in baseline() if (p.seed, p.l0) in ((0, 16), (1, 32), (2, 64))]
    mine = [point("mine", p.seed, p.l0, p.values["explained_variance"] + 0.03) for p in base]
    found = row(compared([*base, *mine]))
    assert found.verdict == "undecided" and "noise of topk is unknown" in found.reason


def test_levels_that_are_nearly_one_give_no_slope_to_go_on_with() -> None:
    noisy = Curve([32, 63.5, 64], [0.7, 0.798, 0.802])
    assert noisy.at(70) == pytest.approx(0.8 + 0.1 * math.log2(70 / 63.75), abs=1e-3)
    close = Curve([32, 32.1], [0.7, 0.71])
    assert close.at(32.5) == pytest.approx(0.705) and close.at(34) is None
    narrow = Curve([32, 34], [0.7, 0.71])
    assert narrow.at(33) == pytest.approx(0.705, abs=1e-3) and narrow.at(36) is None
    falling = Curve([32, 34, 64], [0.7, 0.71, 0.8])
    assert falling.at(30) == pytest.approx(0.7 + 0.1 * math.log2(30 / 32), abs=1e-3)


def test_the_front_is_moved_by_what_is_better_alone() -> None:
    found = compared([*baseline(), *variant("mine", 0.004, spread=1.5)], tries=500)
    assert row(found).verdict != "better" and row(found).front is False
    rival = packaged("rival", 0.06)
    found = compared([*baseline(), *rival, *variant("mine", 0.03)])
    assert row(found).verdict == "better" and row(found).front is False


def test_a_gain_in_pairs_must_hold_against_all_seeds_where_the_seeds_differ() -> None:
    base = [p.model_copy(update={"values": _moved(p, 2)}) for p in baseline((0, 1, 2, 3, 4))]
    mine = [
        point("mine", p.seed, 32.0, p.values["explained_variance"] + 0.0084 + 3e-5 * p.seed)
        for p in base
        if p.l0 == 32
    ]
    alike = row(compared([*base, *mine], tries=60))
    assert alike.verdict == "better" and "compared with all" not in alike.reason
    some = row(compared([*base, *mine[:3]], tries=60))
    assert some.verdict != "better" and "its 3 seeds are not the 5 of topk" in some.reason
    assert alike.p is not None and some.p is not None and some.p > 100 * alike.p


def test_pairs_and_all_seeds_that_point_to_different_sides_show_nothing() -> None:
    base = [*baseline((0, 1, 2)), *(p for p in baseline((3, 4)) if p.l0 == 32)]
    base += [point("topk", seed, 32.0, 0.75, "baseline", 32) for seed in range(5, 25)]
    found = row(compared([*base, *variant("mine", 0.03, l0=32.0)]))
    assert found.verdict not in ("better", "worse") and found.p == 1.0
    assert found.effect and found.effect.mean == 0.0
    assert "tested as one draw" in found.reason and found.seeds_needed is None
    assert found.effect.low is not None and found.effect.low < 0


def test_an_interval_covers_the_pairs_and_all_seeds_where_the_seeds_differ() -> None:
    base = baseline((0, 1, 2, 3, 4))
    mine = [
        point("mine", p.seed, 32.0, p.values["explained_variance"] + 0.0005 + 1e-6 * p.seed)
        for p in base
        if p.l0 == 32 and p.seed < 3
    ]
    found = row(compared([*base, *mine]))
    assert found.effect and found.effect.low is not None and found.effect.high is not None
    assert found.p is not None and found.p > 0.05 and found.effect.low < 0 < found.effect.high
