"""A comparison cannot be manipulated by the baseline's file or training, seeds, tries or work."""

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.compare.report import Compared, Comparison
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.kinds import SAE, template_folder
from fumehood_tools.records.inertness import compare as inertness
from fumehood_tools.sandbox.create import SPEC_FILE
from fumehood_tools.spec import TrainingSpec

pytestmark = pytest.mark.child

NOISE = (0.0008, -0.0004, 0.0001, -0.0006, 0.0005)
SMALLER = tuple(NOISE[(seed + 2) % 5] for seed in range(5))


def gains(mean: float, seeds: int = 5) -> list[float]:
    return [mean + noise for noise in SMALLER[:seeds]]


def work(seconds: float, **changes: Any) -> dict[str, Any]:
    known = {
        "processor_seconds": seconds,
        "reference": "topk",
        "reference_seconds": 1.0,
        "steps": 195,
        "source_bytes": 500,
        "constants_bytes": 0,
        "trained_here": True,
    }
    return known | changes


def checked(
    decoder: str, at_noise: float | None, scored_at: float = 0.0, weights: float = 1.0
) -> dict[str, Any]:
    return {
        "decoder": decoder,
        "decoder_residual": 0.0,
        "explained_variance_at_noise": at_noise,
        "scored_at_noise": scored_at,
        "repeat_difference": 0.0,
        "batch_dependence": 0.0,
        "parameters": 1,
        "parameter_ratio": weights,
    }


@pytest.fixture
def fair(box: Any) -> Any:
    """The packaged topk with five seeds at three levels, and a file to judge."""
    box.file("topk", packaged=True)
    box.file("mine")
    box.levels("topk", NOISE)
    return box


def of_mine(found: Comparison) -> Compared:
    return next(row for row in found.rows if row.variant == "mine")


def row(box: Any, **asked: Any) -> Compared:
    return of_mine(box.compare(**asked))


def test_a_gain_is_better_and_its_row_needs_no_note(fair: Any) -> None:
    fair.levels("mine", gains(0.03))
    found = row(fair)
    assert found.verdict == "better" and ";" not in found.reason, found.reason


def test_an_edited_file_is_never_the_baseline_it_is_named_after(fair: Any) -> None:
    fair.levels("mine", gains(0.0))
    fair.file("topk", "# crippled")
    fair.levels("topk", gains(-0.2))
    found = fair.compare()
    words = {one.variant: one.verdict for one in found.rows}
    assert words == {"mine": "equal", "topk (edited)": "worse"}
    assert found.tries == 6 and any("packaged file" in said for said in found.warnings)


def test_without_scores_of_the_packaged_file_there_is_no_baseline(box: Any) -> None:
    box.file("topk", packaged=True)
    box.file("mine")
    box.file("topk", "# crippled")
    box.levels("topk", gains(-0.2))
    box.levels("mine", gains(0.0))
    with pytest.raises(BadRequest) as refused:
        box.compare()
    assert "no score of the packaged topk" in str(refused.value)
    assert "'topk (edited)'" in str(refused.value) and "copy " in str(refused.value)
    found = box.compare(baseline="topk (edited)")
    assert any("topk (edited) is not a packaged baseline" in said for said in found.warnings)


def test_weights_that_are_the_baselines_are_recognized_in_records(fair: Any) -> None:
    fair.file("own")
    for seed, noise in enumerate(NOISE):
        fair.score("topk", seed, noise, 33.0, weights=b"topk %d" % seed, parameters={"K": 33})
        fair.score("mine", seed, noise, 33.0, weights=b"topk %d" % seed, knob="A")
        fair.score("own", seed, noise - 0.01, 33.0)
    found = fair.compare()
    assert of_mine(found).verdict == "identical" and of_mine(found).effect is None
    assert "mine: identical weights: it is topk (5 SAEs, byte for byte)" in found.text()
    other = fair.compare(baseline="own")
    assert of_mine(other).verdict == "identical", "the same weights never get two verdicts"


SLOW: dict[str, Any] = {"lr": 1e-5, "batch_size": 1024}


def test_a_gain_over_a_baseline_with_a_low_rate_is_not_called_better(fair: Any) -> None:
    fair.training = SLOW
    fair.levels("topk", [-0.3 + noise for noise in NOISE])
    fair.levels("mine", gains(0.0))
    found = fair.compare()
    assert of_mine(found).verdict == "undecided"
    assert "against topk trained with lr 0.002 on the same data" in of_mine(found).reason
    assert found.otherwise == ["lr 1e-05 (template: 0.002)"]
    assert "Settings that differ from the template: lr 1e-05" in found.text()


def test_a_baseline_with_a_low_rate_must_be_shown_to_be_trained_well(box: Any) -> None:
    box.file("topk", packaged=True)
    box.file("mine")
    box.training = SLOW
    box.levels("topk", NOISE)
    box.levels("mine", gains(0.03))
    found = box.compare()
    assert of_mine(found).verdict == "undecided"
    assert "topk may be badly trained with lr 1e-05: it must also" in of_mine(found).reason
    assert "beat topk trained with lr 0.002: run_variants(" in of_mine(found).reason
    assert "training={'lr': 0.002}" in found.next and "sandbox.toml" not in found.text()
    box.training = {**SLOW, "lr": 2e-3}
    box.levels("topk", [0.001 + noise for noise in NOISE])
    assert row(box, setting=found.setting).verdict == "better"


def test_a_baseline_trained_in_another_way_does_not_take_the_place_of_the_table(
    fair: Any,
) -> None:
    whole = TrainingSpec().model_dump(exclude={"seeds"})
    shutil.copy(template_folder(SAE) / SPEC_FILE, fair.folder)
    fair.training = whole
    fair.levels("topk", NOISE)
    fair.levels("mine", gains(0.03), work=work(1.0, sets_rate=True))
    first = fair.compare()
    assert "training={'lr': 0.004})" in first.next and first.otherwise == []
    fair.training = {**whole, "lr": 4e-3}
    fair.levels("topk", [0.001 + noise for noise in NOISE])
    second = fair.compare()
    assert second.setting == first.setting and of_mine(second).verdict == "better"
    table = read_benchmarks(fair.folder, packaged=fair.packaged)
    assert table.setting == first.setting
    assert "training.lr 0.004 instead of 0.002" in str(table.other_settings)
    toml = fair.folder / SPEC_FILE
    toml.write_text(toml.read_text(encoding="utf-8").replace("lr = 0.002", "lr = 0.004"))
    assert fair.compare().setting == [other.setting for other in table.other_settings][0]


def test_in_few_steps_the_baseline_must_be_beaten_at_a_higher_rate_too(box: Any) -> None:
    box.file("topk", packaged=True)
    box.file("mine")
    box.tokens = 20 * 1024
    box.levels("topk", NOISE)
    box.levels("mine", gains(0.03))
    first = box.compare()
    assert "badly trained in 20 steps: it must also beat topk" in of_mine(first).reason
    assert "training={'lr': 0.004})" in first.next
    for no_answer in ({"lr": 0.4}, {"lr": 4e-3, "decay_fraction": 0.1}):
        box.training = {"lr": 2e-3, "batch_size": 1024} | no_answer
        box.levels("topk", NOISE)
        again = box.compare(setting=first.setting)
        assert again.next == first.next, "a training that was made to fail shows nothing"
    box.training = {"lr": 4e-3, "batch_size": 1024}
    box.levels("topk", [0.05 + noise for noise in NOISE])
    found = row(box, setting=first.setting)
    assert found.verdict == "undecided" and "which is no gain" in found.reason


FEW: dict[str, Any] = {"lr": 2e-3, "batch_size": 1024}
FASTER, FASTEST = ({**FEW, "lr": lr} for lr in (4e-3, 8e-3))


def in_few_steps(box: Any, *runs: tuple[dict[str, Any], str, float]) -> None:
    """Write five seeds at three levels for each training, file and gain over 0.6."""
    box.tokens = 20 * 1024
    for name, packaged in (("topk", True), ("mine", False)):
        box.file(name, packaged=packaged)
    for training, name, gain in runs:
        box.training = training
        noises = NOISE if name == "topk" else SMALLER
        box.levels(name, [gain + noise for noise in noises], knob="K")


def test_no_setting_asks_for_its_own_training_and_none_is_a_way_around_the_next_rate(
    box: Any,
) -> None:
    in_few_steps(box, (FEW, "topk", 0.0), (FEW, "mine", 0.05))
    in_few_steps(box, (FASTER, "topk", 0.08), (FASTER, "mine", 0.1))
    other = box.settings()[0]
    moved = box.compare(setting=other)
    assert of_mine(moved).verdict == "undecided", "it may only learn faster than topk"
    assert "must also beat topk trained with lr 0.008: run_variants(" in of_mine(moved).reason
    assert "training={'lr': 0.008}" in moved.next and "0.004" not in moved.next
    in_few_steps(box, (FASTEST, "topk", 0.12))
    lost = row(box, setting=other)
    assert lost.verdict == "undecided" and "against topk trained with lr 0.008" in lost.reason
    assert "-0.02" in lost.reason and "which is no gain" in lost.reason


def test_a_gain_over_a_baseline_that_no_higher_rate_helps_is_better_in_any_setting(
    box: Any,
) -> None:
    in_few_steps(box, (FEW, "topk", 0.0), (FASTEST, "topk", 0.07))
    in_few_steps(box, (FASTER, "topk", 0.08), (FASTER, "mine", 0.15))
    assert row(box, setting=box.settings()[0]).verdict == "better"


def test_the_margin_over_the_baseline_in_another_training_is_shown_and_what_it_rests_on(
    box: Any,
) -> None:
    in_few_steps(box, (FEW, "topk", 0.0), (FEW, "mine", 0.05), (FASTER, "topk", 0.02))
    usual = box.compare(setting=box.settings()[-1])
    found = of_mine(usual)
    assert found.verdict == "better"
    assert "+0.0300 against topk trained with lr 0.004 on the same data (5 seeds" in found.reason
    assert "at 3 of 3 L0s, p x 1 try" in found.reason
    assert (usual.tries, usual.tries_here) == (1, 1)
    in_few_steps(box, (FASTER, "mine", 0.05))
    again = box.compare(setting=usual.setting)
    assert (again.tries, again.tries_here) == (2, 1), "the better of the two could be picked"
    assert "for 2 variants tried" in again.text()
    assert "; 1 were made in this setting, 1 in others or are gone. Noise" in again.text()
    assert "p x 2 tries" in of_mine(again).reason


def test_a_baseline_in_another_training_counts_only_at_every_level_of_the_variant(
    box: Any,
) -> None:
    """While it is still running, or if only one level was asked for, it shows nothing."""
    in_few_steps(box, (FEW, "topk", 0.0), (FEW, "mine", 0.05))
    box.training = FASTER
    for l0, gain in ((16, 0.02), (32, 0.09)):
        # At the first level alone, the variant wins.
        box.levels("topk", [gain + noise for noise in NOISE], (l0,))
        found = row(box, setting=box.settings()[-1])
        assert found.verdict == "undecided", found.reason
        assert (
            f"topk trained with lr 0.004 yet (5 seeds at {1 + (l0 > 16)} of 3 L0s)" in found.reason
        )
    box.levels("topk", [0.09 + noise for noise in NOISE], (64,))
    assert "which is no gain" in row(box, setting=box.settings()[-1]).reason


def test_calls_that_follow_from_a_setting_stay_in_it(fair: Any) -> None:
    whole = TrainingSpec().model_dump(exclude={"seeds"})
    shutil.copy(template_folder(SAE) / SPEC_FILE, fair.folder)
    fair.file("untrained", packaged=True)
    fair.file("other")
    fair.training = whole
    fair.levels("topk", NOISE)
    fair.score("untrained", 0, -0.4)
    for more in ({"lr": 8e-3}, {"lr": 8e-3, "batch_size": 128}):
        fair.training = {**whole, **more}
        fair.levels("topk", NOISE[:2])
        fair.levels("mine", gains(0.03, 2))
    usual = fair.compare()
    by_count = [said for said in usual.left_out if "other setting '" in said]
    assert len(by_count) == 3 and "setting=" not in usual.next
    table = read_benchmarks(fair.folder, packaged=fair.packaged)
    rate, batch = (
        next(one.setting for one in table.other_settings if len(one.differs) == count)
        for count in (1, 2)
    )
    assert any(f"other setting {rate!r} (training.lr 0.008 instead" in said for said in by_count)
    found = fair.compare(setting=rate)
    assert found.next.endswith(", training={'lr': 0.008})"), found.next
    assert not any("There is no untrained control" in said for said in found.warnings)
    assert any("The untrained control was run in setting" in said for said in found.warnings)
    with pytest.raises(UnknownName) as refused:
        fair.compare(setting=rate, variants=["other"])
    assert "variants=['other'], training={'lr': 0.008})" in str(refused.value)
    toml = fair.folder / SPEC_FILE
    as_it_was = toml.read_text(encoding="utf-8")
    toml.write_text(as_it_was.replace("l1_penalty = 0.06", "l1_penalty = 0.07"))
    changed = [w for w in fair.compare(setting=rate).warnings if "has changed since" in w]
    assert len(changed) == 1 and "training.l1_penalty 0.07, was 0.06" in changed[0]
    toml.write_text(as_it_was)
    there = fair.compare(setting=batch)
    said = "Add 'untrained' to run_variants, with training={'lr': 0.008, 'batch_size': 128}."
    assert any(warning.endswith(said) for warning in there.warnings), there.warnings


def test_a_verdict_among_baselines_after_few_steps_is_warned_of(box: Any) -> None:
    for name in ("topk", "batch_topk"):
        box.file(name, packaged=True)
    box.tokens = 20 * 1024
    box.levels("topk", NOISE)
    box.levels("batch_topk", gains(-0.03))
    first = box.compare()
    assert first.rows[0].verdict == "worse" and "after only 20 steps" in first.rows[0].reason
    assert any("20 steps do not train a baseline to its end" in w for w in first.warnings)
    box.training = {**box.training, "lr": 0.032}
    box.levels("topk", [0.1 + noise for noise in NOISE])
    again = box.compare(setting=first.setting)
    [warning] = [w for w in again.warnings if "not at its best here" in w]
    assert "trained with lr 0.032, its explained_variance changes by +0.100" in warning
    there = box.compare(setting=warning.partition("in setting '")[2].partition("'")[0])
    assert there.otherwise[0] == "lr 0.032 (template: 0.002)"
    assert not any("not at its best" in w for w in there.warnings)


def test_what_computes_the_same_as_the_baseline_must_beat_it_at_a_higher_rate(fair: Any) -> None:
    same = inertness("topk", 0.0, 0.0, 0.0).model_dump()
    fair.levels("mine", gains(0.03), inertness=same)
    found = row(fair)
    assert found.verdict == "undecided"
    assert (
        "computes the same as topk, so how it trains (its initialization, learning rate or"
        in found.reason
    )


def test_twenty_blanks_on_chosen_seeds_are_neither_better_nor_worse(box: Any) -> None:
    draw = np.random.default_rng(7)
    box.file("topk", packaged=True)
    all_seeds = draw.normal(0.0, 0.003, 40)
    box.levels("topk", list(all_seeds))
    order = np.argsort(all_seeds)
    for number in range(20):
        name = f"blank{number:02}"
        box.file(name)
        for seed in order[:8] if number % 2 else order[-8:]:
            for l0 in (20.0, 40.0):
                gain = draw.normal(0.0, 0.003)
                box.score(name, int(seed), gain, l0, parameters={"K": int(l0)})
    found = box.compare()
    words = [one.verdict for one in found.rows]
    assert len(words) == 20 and not {"better", "worse"} & set(words), found.text()
    assert all("are not the 40 of topk" in one.reason for one in found.rows)


def test_seeds_of_the_baseline_that_have_fewer_levels_count_all_the_same(fair: Any) -> None:
    # Ten better seeds at one level only, which is not the variant's.
    for seed in range(5, 15):
        fair.score("topk", seed, 0.03 + NOISE[seed % 5], 64.0, parameters={"K": 64})
    for seed, gain in enumerate(gains(0.015)):
        fair.score("mine", seed, gain, 24.0)
    found = row(fair)
    assert found.verdict in ("equal", "undecided") and "the 15 of topk" in found.reason


@pytest.mark.parametrize("how", ["delete", "withdraw"])
@pytest.mark.parametrize("whose", ["topk", "mine"])
def test_seeds_that_are_gone_are_said_and_stand_against_a_verdict(
    fair: Any, how: str, whose: str
) -> None:
    for seed, gain in enumerate(gains(0.03)):
        fair.score("mine", seed, gain, 32.0)
    gone = [fair.score(whose, seed, -0.03, 32.0) for seed in (5, 6)]
    getattr(fair, how)(gone)
    found = row(fair)
    assert found.verdict == "undecided", found.reason
    assert "2 seeds (5, 6) deleted or withdrawn: run them again" in found.reason


def test_a_seed_that_was_run_again_is_not_missed(fair: Any) -> None:
    for seed, gain in enumerate(gains(0.03)):
        fair.score("mine", seed, gain, 32.0)
    fair.withdraw([fair.score("mine", 4, -0.03, 32.0)])
    assert row(fair).verdict == "better"


def test_every_set_of_parameters_is_a_try_and_stays_one(fair: Any) -> None:
    fair.file("best")
    for value in range(6):
        folders = [fair.score("mine", seed, parameters={"A": value}) for seed in range(3)]
        if value % 2:
            fair.delete(folders)
        else:
            fair.withdraw(folders)
    fair.levels("best", gains(0.03), (32,))
    found = fair.compare()
    assert found.tries == 7
    warned = " ".join(found.warnings)
    assert "were deleted: 9" in warned and "were withdrawn: 9" in warned
    table = read_benchmarks(fair.folder, packaged=fair.packaged)
    assert sum("count among the tries" in said for said in table.warnings) == 2


def test_a_file_is_one_try_over_its_levels_of_sparsity(fair: Any) -> None:
    """A file gets one verdict, however many values of its knob were run."""
    knob = {"knob": "K"}
    fair.score("mine", 0, 0.0, 24.0, parameters={"K": 24}, **knob)  # on the way to a target
    fair.levels("mine", gains(0.03), (16, 32, 64), **knob)
    found = fair.compare()
    assert found.tries == 1 and of_mine(found).verdict == "better"
    assert of_mine(found).p_adjusted == pytest.approx(of_mine(found).p)
    for value in range(3):
        for seed in range(3):
            fair.score("mine", seed, parameters={"K": 32, "A": value}, **knob)
    assert fair.compare().tries == 4, "the values of another constant are tries"


def test_levels_that_could_be_chosen_from_are_tries(fair: Any) -> None:
    knob = {"knob": "K"}
    folders = fair.levels("mine", gains(0.03), (16, 32, 64), **knob)
    fair.delete([folder for folder in folders if folder.name.startswith("seed")][::3])
    assert fair.compare().tries == 2, "what is left may be a selection"
    fair.file("other")
    for seed, l0 in ((0, 20.0), (1, 20.0), (2, 20.0), (3, 40.0), (4, 40.0), (5, 40.0)):
        fair.score("other", seed, 0.0, l0, parameters={"K": int(l0)}, **knob)
    assert fair.compare().tries == 4, "levels without common seeds are not tested together"
    fair.file("third")
    for temperature in (1, 2, 3):
        for seed in range(3):
            fair.score("third", seed, 0.0, 32.0, parameters={"T": temperature}, knob="T")
    assert fair.compare().tries == 7, "a constant that does not change L0 gives no levels"


def test_one_thing_tried_in_two_settings_is_two_tries(fair: Any) -> None:
    fair.score("mine", 0)
    assert fair.compare().tries == 1
    fair.training = SLOW
    fair.score("mine", 0)
    fair.score("topk", 0)
    assert fair.compare().tries == 2


def test_levels_with_too_few_seeds_are_named(fair: Any) -> None:
    fair.levels("mine", gains(0.03), (20, 40))
    fair.score("mine", 0, 0.03, 50.0, parameters={"K": 50})
    found = fair.compare()
    assert of_mine(found).verdict == "better"
    assert of_mine(found).reason.endswith("not tested, too few seeds: mine(K=50) (1)")
    assert of_mine(found).reason in found.text()


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict", "said"),
    [
        (0.60, 0.68, "worse", "compared at 10 % noise on the latents, as a decoder is nonlinear"),
        (0.72, 0.68, "better", "compared at 10 % noise on the latents, as a decoder is nonlinear"),
        (0.72, None, "not comparable", "was not measured for topk: call run_variants"),
        (None, 0.68, "not comparable", "was not measured for mine: call run_variants"),
    ],
)
def test_a_nonlinear_decoder_is_compared_at_noise_on_both_sides(
    box: Any, ours: float | None, theirs: float | None, verdict: str, said: str
) -> None:
    box.file("topk", packaged=True)
    box.file("mine")
    with_noise: Callable[[float | None, float], float | None] = lambda value, noise: (  # noqa: E731
        None if value is None else value + noise
    )
    for seed, noise in enumerate(NOISE):
        at = with_noise(theirs, noise)
        box.score("topk", seed, noise, integrity=checked("linear", at))
        at = with_noise(ours, SMALLER[seed])
        box.score("mine", seed, 0.2 + noise, integrity=checked("nonlinear", at))
    whole = box.compare()
    found = of_mine(whole)
    assert found.verdict == verdict and said in found.reason and found.at_noise, found.reason
    assert ("mine" in whole.pareto) == (ours is not None and ours > 0.7)


def test_a_gain_with_more_work_says_how_much(fair: Any) -> None:
    for folder in fair.levels("topk", NOISE, work=work(2.0)):
        assert folder.is_dir()
    fair.levels("mine", gains(0.03), work=work(5.0))
    found = fair.compare()
    assert of_mine(found).work == pytest.approx(2.5)
    assert "better with 2.5x the work" in found.text()
    assert of_mine(found).reason.endswith("with 2.5x the work of topk")
    assert not any("training cost" in said for said in found.warnings)


def test_a_gain_with_more_weights_says_how_many(fair: Any) -> None:
    fair.levels("topk", NOISE, work=work(2.0), integrity=checked("linear", 0.7))
    fair.levels("mine", gains(0.03), work=work(5.0), integrity=checked("linear", 0.7, weights=3.9))
    assert "better with 2.5x the work and 3.9x the weights" in fair.compare().text()


def test_unknown_work_is_said_to_be_unknown(fair: Any) -> None:
    fair.levels("mine", gains(0.03))
    found = fair.compare()
    assert of_mine(found).work is None
    assert any("cost of 30 of 30 SAEs is unknown" in said for said in found.warnings)


def test_steps_of_a_search_are_named_once_and_not_in_every_row(fair: Any) -> None:
    fair.file("other")
    for name in ("mine", "other"):
        fair.levels(name, gains(0.03), (20, 40), knob="K")
        fair.score(name, 0, 0.0, 32.0, knob="K")
        fair.score(name, 0, 0.0, 50.0, parameters={"K": 50}, knob="K")
    found = fair.compare()
    assert all("too few seeds" not in one.reason for one in found.rows)
    [said] = [line for line in found.left_out if line.startswith("not tested")]
    assert said.startswith("not tested: 4 x a level with one seed") and "mine(K=50)" in said
    fair.score("mine", 1, 0.0, 50.0, parameters={"K": 50}, knob="K")
    assert "too few seeds: mine(K=50) (2)" in row(fair).reason, "no search leaves two seeds"


def test_what_was_not_trained_here_gets_no_verdict_and_no_place_on_the_front(fair: Any) -> None:
    fair.levels("mine", gains(0.3), work=work(0.1, trained_here=False))
    found = fair.compare()
    assert of_mine(found).verdict == "not trained here" and of_mine(found).p is None
    assert found.tries == 3 and not any(name.startswith("mine") for name in found.pareto)
    assert "not trained here: the file sets TRAIN = False" in found.text()


def test_seeds_with_gaps_between_them_are_named(box: Any) -> None:
    box.file("topk", packaged=True)
    box.file("mine")
    for seed, gain in zip((3, 17, 22), NOISE, strict=False):
        box.score("topk", seed, gain)
        box.score("mine", seed, gain)
    assert any("seeds of topk are 3, 17, 22" in said for said in box.compare().warnings)
