"""A workspace with a study, whose scores the recorder writes without any training."""

import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from blank_studies.records import Measured, new_sandbox, record, write_variant

from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import Budget, Plan, PlannedVariant, Power, StudyOpened
from fumehood_tools.studies.lab import Lab, setting_digest
from fumehood_tools.studies.notebook import Entry, Study, append, create_study
from fumehood_tools.studies.plans import Proposal, Registered, register_plan
from fumehood_tools.timestamps import now

NOISE = 0.0006
"""Standard deviation over seeds."""


class Bench:
    """One study in one sandbox: the baseline half, and the variants mine, twin and other."""

    def __init__(self, folder: Path, budget: Budget | None = None) -> None:
        self.settings = Settings(workspace=folder / "workspace", cache=folder / "cache")
        self.draw = random.Random(0)
        new_sandbox(self.settings, "box")
        for number, name in enumerate(("half", "mine", "twin", "other")):
            self.write(name, 100 * number if name != "twin" else 0)
        opened = StudyOpened(question="Is mine better?", budget=budget or Budget(), written=now())
        create_study(self.settings.workspace, "study", opened)

    def write(self, name: str, more_seed: int = 0) -> None:
        """Write a variant's file."""
        write_variant(self.settings, "box", name, 0.5, more_seed)

    @property
    def lab(self) -> Lab:
        """The workspace as it is now."""
        return Lab(self.settings, draw=self.draw)

    @property
    def study(self) -> Study:
        return self.lab.studies.read("study")

    def asked(self, **parts: Any) -> Proposal:
        usual: dict[str, Any] = {
            "title": "Mine",
            "hypothesis": "Mine explains more.",
            "sandbox": "box",
            "variants": ["mine"],
            "baseline": "half",
            "metric": "explained_variance",
            "grid": {"K": [8, 12]},
        }
        return Proposal(**{**usual, **parts})

    def plan(self, **parts: Any) -> Registered:
        """Register a plan. Its seeds are drawn with a source that draws the same in every test."""
        return register_plan(self.lab, "study", self.asked(**parts))

    def entered(self, plan: Plan) -> Entry:
        """Enter a plan without any of the checks of `register_plan`."""
        return append(self.settings.workspace, "study", plan)

    def score(
        self,
        seeds: Iterable[int],
        gains: Mapping[str, float],
        levels: Sequence[int] = (8, 12),
        asked: Iterable[int] | None = None,
    ) -> list[Path]:
        """Write scores of half and of others that are better by so much, as one job would.

        twin has the baseline's weights. asked: the seeds that the job was asked for.
        """
        return self.score_only({"half": 0.0, **gains}, seeds, levels, asked)

    def fail(self, name: str, seeds: Iterable[int], level: int = 8) -> None:
        """Write failures of a variant, as a job would whose trainings raise."""
        box = open_sandbox(self.settings, "box")
        recorder, planner = Recorder(self.settings, box, "rlimits"), Planner(box, "data")
        for seed in seeds:
            item = planner.item(name, seed, {"K": level})
            recorder.failure(
                item, "train", ErrorReport(code="variant_failed", message="It raised.")
            )

    def score_only(
        self,
        gains: Mapping[str, float],
        seeds: Iterable[int],
        levels: Sequence[int] = (8, 12),
        asked: Iterable[int] | None = None,
        training: Mapping[str, float] | None = None,
    ) -> list[Path]:
        """Write scores without those of half. training: as in run_variants."""
        chosen = list(seeds)
        saes = [
            Measured(
                variant=name,
                seed=seed,
                value=0.5 + level / 100 + gain + random.Random(f"{shift} {seed}").gauss(0, NOISE),
                l0=float(level),
                weights=f"{'half' if name == 'twin' else name} {seed} {level}",
                parameters={"K": level},
            )
            for name, gain in gains.items()
            for shift in [0 if name in ("half", "twin") else len(name)]
            for seed in chosen
            for level in levels
        ]
        wanted = chosen if asked is None else asked
        return record(self.settings, "box", saes, wanted, training)


def planned(bench: Bench, seeds: list[int], **parts: Any) -> Plan:
    """Return a plan as `register_plan` makes it, without its power."""
    box = open_sandbox(bench.settings, "box")
    files = {
        name: PlannedVariant(name=name, file_sha256=sha256, packaged=False, constants={"K": 8})
        for name, sha256 in bench.lab.records.variant_files(box.variants).items()
    }
    usual: dict[str, Any] = {
        "title": "Mine",
        "hypothesis": "Mine explains more.",
        "sandbox": "box",
        "settings_digest": setting_digest(box.spec),
        "variants": [files["mine"]],
        "baseline": files["half"],
        "metric": "explained_variance",
        "direction": "better",
        "smallest_effect": 0.005,
        "grid": {"K": [8, 12]},
        "seeds": seeds,
        "seeds_drawn": True,
        "power": Power(basis="not computed"),
        "written": "2026-11-30T00:00:00+00:00",
    }
    return Plan(**{**usual, **parts})
