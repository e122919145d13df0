"""Repeat the studies of agents.py and print the figures of docs/studies.md.

    python benchmarks/blank_studies/run.py [--cheats 20] [--searches 10] [--looks 20000] [--first 0]

Costs about 15 s per cheat, 10 s per search and 10 s for the looks on two cores. The comparison runs
in this process instead of in a child process, by the same function, which saves 2 s per verdict.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from scipy import stats

from blank_studies import agents
from fumehood_tools.compare import __main__ as child
from fumehood_tools.compare import run as comparing
from fumehood_tools.compare.looks import times_for

FEWEST, MOST = 3, 22


@contextmanager
def in_this_process() -> Iterator[None]:
    """Compute comparisons in this process while the context lasts."""
    before = comparing.ask_once

    def ask(module: str, asked: Any, task: Any) -> bytes:
        return child.answer(asked, Path(), lambda *_: None).encode()

    comparing.ask_once = ask  # type: ignore[assignment]
    try:
        yield
    finally:
        comparing.ask_once = before


def repeat(
    study: Callable[[Path, int], agents.Outcome], count: int, first: int = 0
) -> list[agents.Outcome]:
    """Run a study several times, with draws that differ; print and return the outcomes."""
    found = []
    for seed in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder, in_this_process():
            found.append(study(Path(folder), seed))
        print(f"{study.__name__} {seed}: {found[-1]}", flush=True)
    return found


def optional_stopping(count: int, seed: int = 0) -> dict[str, float]:
    """Return how often variants that are no better are ever called better, looking at every seed.

    Paired differences are normal with mean 0. They are looked at with 3 seeds, 4, … up to 22.
    """
    pairs = np.random.default_rng(seed).standard_normal((count, MOST))
    won = {"first look only": np.zeros(count, bool), "uncorrected": np.zeros(count, bool)}
    won["corrected"] = np.zeros(count, bool)
    for look, seeds in enumerate(range(FEWEST, MOST + 1), 1):
        found = stats.ttest_1samp(pairs[:, :seeds], 0.0, axis=1)
        gains = found.statistic > 0
        won["uncorrected"] |= gains & (found.pvalue <= 0.05)
        won["corrected"] |= gains & (found.pvalue * times_for(look) <= 0.05)
        if look == 1:
            won["first look only"] |= gains & (found.pvalue <= 0.05)
    return {name: float(some.mean()) for name, some in won.items()}


def main() -> None:
    """Run what was asked for and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual in (("cheats", 20), ("searches", 10), ("looks", 20_000), ("first", 0)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    options = parser.parse_args()
    if options.looks:
        print(f"called better by chance, {MOST - FEWEST + 1} looks: ", end="")
        print(optional_stopping(options.looks))
    cheats = repeat(agents.cheat, options.cheats, options.first)
    none = sum(not one.registered for one in cheats)
    quiet = sum(not one.exploratory for one in cheats)
    print(f"blank study: no registered claim in {none} of {len(cheats)} repetitions,")
    print(f"  no exploratory claim in {quiet}")
    naive = sum(bool(one.naive) for one in cheats)
    print(f"  with an uncorrected p of at most 0.05 and a gain: {naive}")
    searches = repeat(agents.search, options.searches, options.first)
    right = sum(one.registered == ["better"] for one in searches)
    wrong = sum(bool(set(one.registered) - {"better"}) for one in searches)
    rounds = [one.rounds for one in searches if one.registered == ["better"]]
    print(f"planted study: found in {right} of {len(searches)} (rounds {rounds}), {wrong} wrong")


if __name__ == "__main__":
    main()
