"""Fill a workspace with a long study, with the functions that the product writes with.

The first experiment is registered, recorded, judged and reflected on as a user does it. The others
are copies of its entries with their own seeds and numbers, signed and appended by the same
functions, because the statistics of 500 plans would take an hour. Training is simulated: the
recorder of jobs writes every score, but the numbers in it are drawn.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from blank_studies.records import Measured, new_sandbox, record, write_variant

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import (
    Conclusion,
    Content,
    Evidence,
    Experiment,
    Note,
    Plan,
    Reflection,
    StudyOpened,
)
from fumehood_tools.studies.judging import COMPARISON_FILE, judge_plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import STUDIES, StudyShelf, append, create_study
from fumehood_tools.studies.plans import Proposal, register_plan
from fumehood_tools.studies.prereg import PREREG_FILE, prereg_of
from fumehood_tools.timestamps import now

STUDY, SANDBOX = "long", "box"
BASELINE, VARIANT, LEVEL, SEEDS = "half", "mine", 8, 3
AT_ONCE = 25
"""Experiments that are registered before any of them is scored."""


class First(NamedTuple):
    """The entries of the first experiment, and what lies beside its conclusion."""

    plan: Plan
    conclusion: Conclusion
    comparison: bytes


def fill(folder: Path, experiments: int) -> Settings:
    """Create a workspace with a study of so many experiments, each with 6 SAEs and 4 entries."""
    settings = Settings(workspace=folder / "workspace", cache=folder / "cache", device="cpu")
    new_sandbox(settings, SANDBOX)
    write_variant(settings, SANDBOX, BASELINE, 0.5)
    write_variant(settings, SANDBOX, VARIANT, 0.4)
    opened = StudyOpened(question="Do more latents in use help?", written=now())
    create_study(settings.workspace, STUDY, opened)
    first = _first(settings)
    for start in range(1, experiments, AT_ONCE):
        _more(settings, first, range(start, min(start + AT_ONCE, experiments)))
    return settings


def _first(settings: Settings) -> First:
    """Carry out one experiment: plan, job, scores, conclusion, reflection."""
    shelves = Shelf(settings.state), StudyShelf(settings.workspace)
    asked = Proposal(
        title="More latents in use",
        hypothesis="A dictionary with more latents in use explains more of the variance.",
        sandbox=SANDBOX,
        variants=[VARIANT],
        baseline=BASELINE,
        metric="explained_variance",
        grid={"K": [LEVEL]},
    )
    found = register_plan(Lab(settings, *shelves, draw=random.Random(0)), STUDY, asked)
    number = found.entry.number
    append(settings.workspace, STUDY, _job(number))
    _score(settings, found.plan.seeds)
    entry, conclusion = judge_plan(Lab(settings, *shelves), STUDY, number)
    append(settings.workspace, STUDY, _reflection(conclusion, entry.number))
    comparison = settings.workspace / entry.place / COMPARISON_FILE
    return First(found.plan, conclusion, comparison.read_bytes())


def _more(settings: Settings, first: First, numbers: range) -> None:
    """Append more experiments, each with seeds of its own."""
    plans: list[tuple[int, Plan]] = []
    for number in numbers:
        seeds = [number * SEEDS + seed for seed in first.plan.seeds]
        title = f"More latents in use, {number}"
        plan = first.plan.model_copy(update={"seeds": seeds, "title": title, "written": now()})
        entry = _append(settings, plan, {PREREG_FILE: prereg_of(STUDY, plan).encode()})
        _append(settings, _job(entry))
        plans.append((entry, plan))
    _score(settings, [seed for _, plan in plans for seed in plan.seeds])
    for entry, plan in plans:
        claims = [c.model_copy(update={"seeds": plan.seeds}) for c in first.conclusion.claims]
        more = {"plan": entry, "claims": claims, "written": now()}
        conclusion = first.conclusion.model_copy(update=more)
        judged = _append(settings, conclusion, {COMPARISON_FILE: first.comparison})
        _append(settings, _reflection(conclusion, judged))
    idea = f"Idea {numbers[0]}: keep the latents that fire most often."
    _append(settings, Note(kind="idea", text=idea, written=now()))


def _append(settings: Settings, content: Content, files: dict[str, bytes] | None = None) -> int:
    return append(settings.workspace, STUDY, content, files).number


def _job(plan: int) -> Experiment:
    return Experiment(
        plan=plan, job_id=f"run-{plan:010x}", saes=2 * SEEDS, minutes=0.1, written=now()
    )


def _reflection(conclusion: Conclusion, number: int) -> Reflection:
    claim = conclusion.claims[0]
    cited = Evidence(
        kind="entry",
        reference=f"conclusion:{number}/{claim.variant}#verdict",
        found=claim.verdict,
        receipts={f"{STUDIES}/{STUDY}/entries/{number:04}-conclusion": "0" * 64},
    )
    return Reflection(
        insight=f"For {claim.variant} the verdict was {claim.verdict}.",
        next_step="Try it at another sparsity, with fresh seeds.",
        evidence=[cited],
        written=now(),
    )


def _score(settings: Settings, seeds: Sequence[int]) -> None:
    """Record scores of both files, as a job does. The numbers are drawn by the seed."""
    saes = []
    for seed in seeds:
        drawn = random.Random(seed)
        for name, mean in ((BASELINE, 0.70), (VARIANT, 0.71)):
            value = drawn.gauss(mean, 0.005)
            more = {"K": LEVEL}
            saes.append(Measured(name, seed, value, float(LEVEL), f"{name} {seed}", more))
    record(settings, SANDBOX, saes, seeds)
