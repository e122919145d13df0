"""Two agents that carry a study through the real notebook and judge, with scores from the pool.

The cheater wants any claim: it plans 20 renamed baselines at once, then plans again and again about
those that look best, with fresh seeds, until something is called supported. After every round it
also asks for an exploratory conclusion about all seeds so far. The honest agent looks for the one
better variant among six: it plans all of them, then those that are still inconclusive, with the
seeds that the plan advises.

What is simulated: training. A score is drawn from the pool: seed s of the baseline and of the
better variant is one SAE of the pool, the same for both, as they share data and start. Plans draw
their seeds as for every user, here from a source with a seed, so that a study can be repeated.
A renamed baseline with the same bytes has the baseline's scores and weights. A blank with its own
random start has the scores of a baseline SAE of the pool, drawn with replacement. Everything else
is what a user calls: register_plan, the recorder of jobs, judge_plan, judge_scores.
"""

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from blank_studies.records import Measured, new_sandbox, record, write_variant
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import Claim, Plan, StudyOpened
from fumehood_tools.studies.exploring import judge_scores
from fumehood_tools.studies.judging import judge_plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import StudyShelf, create_study
from fumehood_tools.studies.plans import Proposal, register_plan
from fumehood_tools.timestamps import now

POOL = json.loads((Path(__file__).parent / "pool.json").read_text("utf-8"))
SAES, IDLE = POOL["saes"], POOL["idle"]
LEVELS = (8, 12)
STUDY, SANDBOX, BASELINE = "proof", "box", "half"
BLANKS, TWINS = 20, 5
"""Renamed baselines, and how many of them are the same file byte for byte."""
MOST_ROUNDS, CHASED, SEEDS = 6, 5, 5
"""Of the cheater: plans, variants that it plans again, seeds of each plan."""
SMALLEST = 0.015
"""The honest agent's smallest effect. The better variant gains about 0.023."""
MOST_HONEST_ROUNDS = 3


class Outcome(NamedTuple):
    """How a study ended: the names in registered and in exploratory supported claims.

    naive: variants with a gain whose own p was at most 0.05 in some plan, which a reader without
    any correction would have claimed.
    """

    rounds: int
    registered: list[str]
    exploratory: list[str]
    naive: list[str]
    scores: int


class World:
    """A workspace with one study, whose scores come from the pool."""

    def __init__(self, folder: Path, seed: int) -> None:
        """seed: of what is drawn from the pool."""
        self.settings = Settings(workspace=folder / "workspace", cache=folder / "cache")
        self.draw, self.scores = random.Random(seed), 0
        self.seeds = random.Random(seed)
        self.naive: set[str] = set()
        self.kinds: dict[str, str] = {}
        self._shelves = Shelf(self.settings.state), StudyShelf(self.settings.workspace)
        new_sandbox(self.settings, SANDBOX)
        self.add(BASELINE, BASELINE)
        opened = StudyOpened(question="Is any of them better?", written=now())
        create_study(self.settings.workspace, STUDY, opened)
        shared = range(min(len(SAES[BASELINE]["8"]), len(SAES["better"]["8"])))
        self.order = self.draw.sample(shared, len(shared))
        self.met: dict[int, int] = {}

    def add(self, name: str, kind: str, more_seed: int = 0) -> str:
        """Write a variant's file. kind: "half" (a twin), "blank", "better" or "worse"."""
        self.kinds[name] = kind
        write_variant(self.settings, SANDBOX, name, IDLE.get(kind, IDLE[BASELINE]), more_seed)
        return name

    @property
    def lab(self) -> Lab:
        """The workspace as it is now."""
        return Lab(self.settings, *self._shelves, draw=self.seeds)

    def plan(self, variants: Sequence[str], smallest: float, seeds: int | None) -> tuple[int, Plan]:
        """Register a plan; return its number. seeds: how many; None for the advised number."""
        asked = Proposal(
            title="Find one that is better",
            hypothesis="One of them is better.",
            sandbox=SANDBOX,
            variants=variants,
            baseline=BASELINE,
            metric="explained_variance",
            smallest_effect=smallest,
            grid={"K": list(LEVELS)},
            draw=seeds,
        )
        found = register_plan(self.lab, STUDY, asked)
        return found.entry.number, found.plan

    def run(self, plan: Plan) -> None:
        """Write the scores of a plan, as its job does."""
        saes = [
            one
            for file in (plan.baseline, *plan.variants)
            for seed in plan.seeds
            for one in self._saes(file.name, seed)
        ]
        self.scores += len(saes)
        record(self.settings, SANDBOX, saes, plan.seeds)

    def judge(self, plan: int) -> list[Claim]:
        """Return the claims of a plan."""
        conclusion = judge_plan(self.lab, STUDY, plan)[1]
        assert conclusion.registered, conclusion.exploratory_because
        self.naive |= {
            one.variant
            for one in conclusion.claims
            if one.p is not None and one.p <= 0.05 and (one.effect or 0.0) > 0
        }
        return conclusion.claims

    def ended(self, rounds: int, won: list[str], exploratory: Iterable[str] = ()) -> Outcome:
        """Return how the study ended."""
        return Outcome(rounds, won, sorted(exploratory), sorted(self.naive), self.scores)

    def explore(self) -> list[str]:
        """Return what an exploratory conclusion about all scores calls supported."""
        conclusion = judge_scores(
            self.lab, STUDY, SANDBOX, baseline=BASELINE, metric="explained_variance"
        )[1]
        return [one.variant for one in conclusion.claims if one.verdict == "supported"]

    def _saes(self, name: str, seed: int) -> list[Measured]:
        kind = self.kinds[name]
        source = BASELINE if kind == "blank" else kind
        paired = kind in (BASELINE, "better")
        number = (
            self.order[self.met.setdefault(seed, len(self.met))]
            if paired
            else self.draw.randrange(len(SAES[source]["8"]))
        )
        weights = f"{source} {number}" if paired else f"{name} {seed}"
        return [
            Measured(name, seed, value, l0, f"{weights} K={level}", {"K": level})
            for level in LEVELS
            for value, l0 in [SAES[source][str(level)][number]]
        ]


def cheat(folder: Path, seed: int) -> Outcome:
    """Run the study of 20 renamed baselines until something is supported, at most 6 rounds."""
    world = World(folder, seed)
    names = [world.add(f"idea{n:02}", BASELINE) for n in range(TWINS)]
    names += [world.add(f"idea{n:02}", "blank", 100 * n + 100) for n in range(TWINS, BLANKS)]
    effects: dict[str, list[float]] = {name: [] for name in names}
    chased, exploratory = names, set[str]()
    for round_ in range(1, MOST_ROUNDS + 1):
        number, plan = world.plan(chased, 0.005, SEEDS)
        world.run(plan)
        claims = world.judge(number)
        won = [one.variant for one in claims if one.verdict == "supported"]
        exploratory |= set(world.explore())
        if won:
            return world.ended(round_, won, exploratory)
        for one in claims:
            effects[one.variant] += [one.effect] if one.effect is not None else []
        means = {name: sum(some) / len(some) for name, some in effects.items() if some}
        chased = sorted(means, key=lambda name: -means[name])[:CHASED]
    return world.ended(MOST_ROUNDS, [], exploratory)


def search(folder: Path, seed: int) -> Outcome:
    """Run the study with one better variant among six, at most 3 rounds."""
    world = World(folder, seed)
    names = [world.add(f"blank{n}", "blank", 100 * n + 100) for n in range(3)]
    names += [world.add(f"worse{n}", "worse", 100 * n + 100) for n in range(2)]
    names.insert(world.draw.randrange(len(names) + 1), world.add("better", "better"))
    open_ = names
    for round_ in range(1, MOST_HONEST_ROUNDS + 1):
        number, plan = world.plan(open_, SMALLEST, SEEDS if round_ == 1 else None)
        world.run(plan)
        claims = world.judge(number)
        won = [one.variant for one in claims if one.verdict == "supported"]
        if won:
            return world.ended(round_, won)
        open_ = [one.variant for one in claims if one.verdict == "inconclusive"]
        if not open_:
            break
    return world.ended(round_, [])
