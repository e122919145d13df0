"""A workspace with a study, a sandbox, and records that the evaluator's recorder wrote."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes.recorded_scores import WEIGHTS, record_score

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import AlreadyExists
from fumehood_tools.files import sha256_of, write_json, write_text
from fumehood_tools.jobs import JobStore
from fumehood_tools.records.scores import Data
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.sandbox.create import Sandbox, create_sandbox, open_sandbox
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.studies.entries import (
    Budget,
    Claim,
    Conclusion,
    Experiment,
    Note,
    Plan,
    PlannedVariant,
    Power,
    StudyOpened,
    Verdict,
)
from fumehood_tools.studies.lab import Lab, setting_digest
from fumehood_tools.studies.notebook import StudyShelf, append, create_study
from fumehood_tools.studies.suggesting.answer import Suggestion, Suggestions
from fumehood_tools.studies.suggesting.suggest import Asked, suggest

WHEN = "2026-11-30T00:00:00+00:00"
STUDY = "threshold"
OWN = '''"""{about}"""

from core import BaseSAE, BaseTrainer

{constants}


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""


class CustomTrainer(BaseTrainer):
    """BaseTrainer with this file's values."""
'''


class Workbench:
    """One workspace: writes records and entries, and asks for suggestions."""

    def __init__(self, workspace: Path) -> None:
        environ = {"FUMEHOOD_CACHE": str(workspace.parent / "cache")}
        self.settings: Settings = load_settings(workspace, environ)
        self.workspace = workspace
        self._shelves = Shelf(self.settings.state), StudyShelf(workspace)
        self.jobs = JobStore(self.settings.state)
        self._opened: dict[str, tuple[Sandbox, Recorder]] = {}

    def study(self, name: str = STUDY, **budget: Any) -> None:
        """Open a study."""
        opened = StudyOpened(question="Does it help?", budget=Budget(**budget), written=WHEN)
        create_study(self.workspace, name, opened)

    def box(self, name: str = "box", dict_size: int = 64) -> tuple[Sandbox, Recorder]:
        """Return a sandbox on the synthetic subject, and its recorder."""
        if name not in self._opened:
            with contextlib.suppress(AlreadyExists):
                create_sandbox(
                    self.settings,
                    name,
                    subject="synthetic",
                    layer=0,
                    corpus="synthetic",
                    dict_size=dict_size,
                    train_tokens=4_096,
                    seeds=[0, 1, 2],
                )
            sandbox = open_sandbox(self.settings, name)
            self._opened[name] = sandbox, Recorder(self.settings, sandbox, "rlimits")
        return self._opened[name]

    def forget(self) -> None:
        """Read the sandboxes again when they are asked for."""
        self._opened.clear()

    def file(self, variant: str, constants: str = "", about: str = "", box: str = "box") -> str:
        """Write a variant's file; return its sha256."""
        source = OWN.format(about=about or f"{variant}.", constants=constants)
        write_text(self.box(box)[0].variants / f"{variant}.py", source)
        return hashlib.sha256(source.encode()).hexdigest()

    def score(
        self,
        variant: str,
        seed: int = 0,
        ev: float = 0.7,
        l0: float = 32.0,
        parameters: Mapping[str, Any] | None = None,
        weights: bytes | None = None,
        box: str = "box",
    ) -> Path:
        """Have the evaluator store a score; return its folder."""
        sandbox, recorder = self.box(box)
        item = Planner(sandbox, "digest").item(variant, seed, parameters)
        metrics = {"l0": l0, "explained_variance": ev, "mse": 1.0, "alive": 0.9}
        own = weights or f"weights of {item.folder}".encode()
        files = {WEIGHTS: own, "core.json": b"{}", "train_log.jsonl": b"{}"}
        data = Data(digest="digest", train_tokens=4_096, eval_tokens=256)
        return record_score(recorder, item, metrics, self.workspace.parent / "out", files, data)

    def failure(
        self,
        variant: str,
        seed: int = 0,
        parameters: Mapping[str, Any] | None = None,
        stage: Any = "train",
        **error: Any,
    ) -> Path:
        """Have the evaluator store a failure; return its folder."""
        sandbox, recorder = self.box()
        item = Planner(sandbox, "digest").item(variant, seed, parameters)
        recorder.failure(
            item, stage, ErrorReport(**{"code": "run_failed", "message": "No.", **error})
        )
        return item.folder

    def plan(self, *variants: str, study: str = STUDY, box: str = "box", **parts: Any) -> int:
        """Register a plan; return its number."""

        def planned(name: str) -> PlannedVariant:
            path = self.box(box)[0].variants / f"{name}.py"
            sha256 = sha256_of(path) if path.is_file() else "0" * 64
            return PlannedVariant(name=name, file_sha256=sha256, packaged=name == "topk")

        content = {
            "title": f"Try {', '.join(variants)}",
            "hypothesis": "It is better.",
            "sandbox": box,
            "settings_digest": setting_digest(self.box(box)[0].spec),
            "variants": [planned(name) for name in variants],
            "baseline": planned("topk"),
            "metric": "explained_variance",
            "direction": "better",
            "smallest_effect": 0.01,
            "seeds": [0, 1, 2],
            "seeds_drawn": True,
            "power": Power(noise=0.01, basis="measured", detectable=0.02, seeds_needed=5),
            "written": WHEN,
            **parts,
        }
        return append(self.workspace, study, Plan.model_validate(content)).number

    def experiment(self, plan: int, job_id: str = "job-1", study: str = STUDY) -> int:
        """Enter that a job was started for a plan."""
        content = Experiment(plan=plan, job_id=job_id, saes=6, minutes=2.0, written=WHEN)
        return append(self.workspace, study, content).number

    def concluded(
        self,
        plan: int,
        *claims: Claim,
        study: str = STUDY,
        needed: Mapping[str, int | None] | None = None,
        **parts: Any,
    ) -> int:
        """Enter a conclusion; return its number.

        needed: seeds that the comparison computed; None: seeds do not help.
        """
        content = {
            "plan": plan,
            "registered": True,
            "claims": claims,
            "look": 1,
            "tries": 4,
            "minutes": 2.0,
            "written": WHEN,
            **parts,
        }
        rows = [{"variant": name, "seeds_needed": seeds} for name, seeds in (needed or {}).items()]
        beside = self.workspace.parent / "comparison.json"
        write_json(beside, {"rows": rows, "next": "compare_variants(sandbox='box')"})
        files = {"comparison.json": beside}
        return append(self.workspace, study, Conclusion.model_validate(content), files).number

    def note(self, kind: Any, text: str, study: str = STUDY) -> int:
        """Enter a note."""
        return append(self.workspace, study, Note(kind=kind, text=text, written=WHEN)).number

    def ask(self, about: Any = None, **asked: Any) -> Suggestions:
        """Return suggestions for the study."""
        lab = Lab(self.settings, *self._shelves)
        return suggest(lab, self.jobs, Asked(asked.pop("study", STUDY), about, **asked))

    def rows(self, about: Any, **asked: Any) -> list[Suggestion]:
        """Return the rows of one part."""
        return self.ask(about, **asked).suggestions


def claim(
    variant: str,
    verdict: Verdict,
    effect: float | None = 0.02,
    half: float = 0.03,
    seeds: Sequence[int] = (0, 1, 2),
    reason: str = "As it is.",
) -> Claim:
    """Return a claim with an interval of effect ± half."""
    return Claim(
        variant=variant,
        verdict=verdict,
        reason=reason,
        compared="undecided",
        effect=effect,
        low=None if effect is None else effect - half,
        high=None if effect is None else effect + half,
        p=None if effect is None else 0.2,
        p_adjusted=None if effect is None else 0.5,
        seeds=list(seeds),
        receipts=[],
    )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    """An empty workspace with the study `threshold`."""
    found = Workbench(tmp_path / "workspace")
    found.study()
    with contextlib.closing(found.jobs):
        yield found


@pytest.fixture
def claims() -> Any:
    """The function that makes a claim."""
    return claim
