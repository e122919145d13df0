"""The number of tokens per forward pass is measured once per subject and machine."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from fumehood_tools.files import write_text
from fumehood_tools.harvest import Site
from fumehood_tools.harvest.batching import Batch, choose_batch, kept_batch, measure_batch

ROWS = np.ones((40, 128), dtype=np.int32)
SITES = [Site(layer=0)]
SIZES = (1_024, 2_048, 4_096)


class Slow:
    """A subject whose passes take known times on its own simulated clock."""

    d_model = 1

    def __init__(self, tokens_per_second: dict[int, float]) -> None:
        self.now, self.tokens_read = 0.0, 0
        self._rates = tokens_per_second

    def read(self, tokens_BT: torch.Tensor, sites: Sequence[Site]) -> list[torch.Tensor]:
        """Advance the clock by the time of a pass."""
        count = tokens_BT.numel()
        self.tokens_read += count
        self.now += count / self._rates[count]
        return [torch.zeros(*tokens_BT.shape, 1)]


def measured(rates: dict[int, float]) -> Batch:
    """Return the batch that is chosen if passes of each size have these rates."""
    subject = Slow(rates)
    return measure_batch(ROWS, subject, SITES, SIZES, lambda: subject.now)


def test_the_fastest_batch_is_chosen_and_the_rates_say_why() -> None:
    found = measured({1_024: 5_000, 2_048: 9_000, 4_096: 7_000})
    assert found.tokens == 2_048
    assert found.rates == pytest.approx({1_024: 5_000, 2_048: 9_000, 4_096: 7_000})


def test_a_gain_that_is_only_noise_changes_no_batch() -> None:
    assert measured({1_024: 7_200, 2_048: 7_100, 4_096: 7_000}).tokens == 4_096


def test_on_a_slow_machine_each_batch_is_measured_once() -> None:
    subject = Slow({1_024: 10, 2_048: 10, 4_096: 10})
    measure_batch(ROWS, subject, SITES, SIZES, lambda: subject.now)
    assert subject.tokens_read == 1_024 + sum(SIZES)


def test_a_measured_batch_is_kept_for_the_next_harvest_and_beside_the_shards(
    tmp_path: Path,
) -> None:
    known, first, second = (tmp_path / name for name in ("known.json", "1.json", "2.json"))
    fast = Batch(tokens=1_024, rates={1_024: 10.0})
    assert choose_batch(first, known, lambda: fast, 10**6) == fast
    assert kept_batch(first) == kept_batch(known) == fast
    other = Batch(tokens=2_048)
    assert choose_batch(second, known, lambda: other, 10**6) == fast
    known.unlink()
    assert choose_batch(first, known, lambda: other, 10**6) == fast


def test_a_short_harvest_measures_nothing(tmp_path: Path) -> None:
    def measure() -> Batch:
        pytest.fail("measured")

    beside, known = tmp_path / "beside.json", tmp_path / "known.json"
    assert choose_batch(beside, known, measure, 10_000).tokens == 4_096
    assert kept_batch(beside) is not None and not known.exists()


def test_a_damaged_note_is_measured_again(tmp_path: Path) -> None:
    beside, known = tmp_path / "beside.json", tmp_path / "known.json"
    write_text(known, "{")
    assert choose_batch(beside, known, lambda: Batch(tokens=2_048), 10**6).tokens == 2_048
