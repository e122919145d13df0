"""Blank studies end without a claim, and the better variant is found, as docs/studies.md says."""

import numpy as np
import pytest
from blank_studies import agents
from blank_studies.run import optional_stopping, repeat


def test_looking_at_every_seed_calls_a_variant_better_by_chance_in_at_most_one_case_of_twenty() -> (
    None
):
    found = optional_stopping(4_000)
    assert found["corrected"] <= 0.05 < found["uncorrected"]
    assert found["first look only"] == pytest.approx(0.025, abs=0.01)


def test_the_better_variant_of_the_pool_is_better_and_the_worse_one_worse() -> None:
    means = {
        name: np.mean([value for level in levels.values() for value, _ in level])
        for name, levels in agents.SAES.items()
    }
    assert means["worse"] + 0.01 < means["half"] < means["better"] - 0.01


@pytest.mark.slow
def test_twenty_renamed_baselines_end_without_a_claim_in_19_of_20_studies() -> None:
    found = repeat(agents.cheat, 20)
    assert sum(not one.registered for one in found) >= 19
    assert sum(not one.exploratory for one in found) >= 19
    assert sum(bool(one.naive) for one in found) >= 10, "without correction, the cheat is one"


@pytest.mark.slow
def test_one_better_variant_among_six_is_found_in_three_rounds_in_9_of_10_studies() -> None:
    found = repeat(agents.search, 10)
    assert sum(one.registered == ["better"] for one in found) >= 9
