"""Stems of words, as searches by several threads at once compute them."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from fumehood_tools.papers.terms import stem

WORDS = [
    f"{start}{end}"
    for start, end in product(
        ("activ", "general", "interpret", "reconstruct", "transform", "util"),
        ("ation", "ations", "ational", "ing", "ed", "er", "ers", "able", "ability", "ive", "izes"),
    )
]


@pytest.fixture
def impatient() -> Iterator[None]:
    """Let threads take turns a thousand times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


def test_threads_that_stem_at_once_do_not_mix_up_their_words(impatient: None) -> None:
    # The function keeps its results, so the test calls what is behind them.
    alone = [stem.__wrapped__(word) for word in WORDS]

    def stems_of(turn: int) -> list[str]:
        return [stem.__wrapped__(word) for word in WORDS]

    with ThreadPoolExecutor(8) as threads:
        for together in threads.map(stems_of, range(40)):
            assert together == alone
