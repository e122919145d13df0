"""A study with a judged plan whose scores were written by the recorder, without any training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from fakes.recorded_scores import WEIGHTS, record_score

from fumehood_tools.files import sha256_of, write_text
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.sandbox.create import Sandbox, create_sandbox, open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import (
    Claim,
    Conclusion,
    HoldoutAnswer,
    Plan,
    PlannedVariant,
    Power,
    StudyOpened,
    Verdict,
)
from fumehood_tools.studies.lab import Lab, setting_digest
from fumehood_tools.studies.notebook import append, create_study

WHEN = "2026-11-30T00:00:00+00:00"
SEEDS = (0, 1, 2)
METRICS = {"l0": 4.0, "explained_variance": 0.5, "mse": 1.5, "alive": 0.9, "loss_recovered": 0.6}


class Desk:
    """A workspace with the sandbox `box`, the variant `mine` and the study `s`."""

    def __init__(self, workspace: Path, cache: Path) -> None:
        self.settings = Settings(workspace=workspace, cache=cache)
        self.box("box")
        source = (
            (self.box("box").variants / "topk.py").read_text("utf-8").replace("K = 32", "K = 4")
        )
        write_text(self.box("box").variants / "mine.py", source)
        self.study()

    @property
    def lab(self) -> Lab:
        """The workspace as it is now."""
        return Lab(self.settings)

    def box(self, name: str) -> Sandbox:
        """Return a sandbox of the synthetic subject, created at its first use."""
        if not (self.settings.sandboxes / name).exists():
            create_sandbox(self.settings, name, subject="synthetic", dict_size=64)
        return open_sandbox(self.settings, name)

    def study(self, name: str = "s", questions: int = 3) -> None:
        """Open a study."""
        opened = StudyOpened(question="?", holdout_questions=questions, written=WHEN)
        create_study(self.settings.workspace, name, opened)

    def planned(self, name: str) -> PlannedVariant:
        """Return a variant as its file is now."""
        path = self.box("box").variants / f"{name}.py"
        return PlannedVariant(name=name, file_sha256=sha256_of(path), packaged=name == "topk")

    def plan(self, study: str = "s", variants: Sequence[str] = ("mine",), **more: object) -> int:
        """Register a plan; return its number."""
        content = {
            "title": "Does it help?",
            "hypothesis": "It does.",
            "sandbox": "box",
            "settings_digest": setting_digest(self.box("box").spec),
            "variants": [self.planned(name) for name in variants],
            "baseline": self.planned("topk"),
            "metric": "explained_variance",
            "direction": "better",
            "smallest_effect": 0.02,
            "seeds": list(SEEDS),
            "seeds_drawn": True,
            "power": Power(basis="not measured"),
            "written": WHEN,
            **more,
        }
        return append(self.settings.workspace, study, Plan.model_validate(content)).number

    def score(
        self, variant: str, seeds: Sequence[int] = SEEDS, sandbox: str = "box", **metrics: float
    ) -> None:
        """Have the evaluator's recorder store scores of a variant."""
        box = self.box(sandbox)
        recorder, planner = Recorder(self.settings, box, "rlimits"), Planner(box, "digest")
        for seed in seeds:
            item = planner.item(variant, seed)
            files = {WEIGHTS: f"{variant} {seed} {metrics}".encode()}
            out = self.settings.workspace.parent / "out"
            record_score(recorder, item, {**METRICS, **metrics}, out, files)

    def conclude(
        self, plan: int, study: str = "s", *, registered: bool = True, **verdicts: Verdict
    ) -> None:
        """Enter a conclusion about a plan. verdicts: by variant."""
        content = Conclusion(
            plan=plan,
            registered=registered,
            exploratory_because=[] if registered else ["it was looked at before"],
            claims=[claim(name, verdict) for name, verdict in verdicts.items()],
            look=1,
            tries=1,
            minutes=1.0,
            written=WHEN,
        )
        append(self.settings.workspace, study, content)

    def retested(
        self, plan: int, layer: int, verdict: Verdict, *, by_earlier_version: bool = False
    ) -> None:
        """Enter the answer of a re-test of `mine` on a layer of SmolLM2, with its sandbox."""
        name, subject = f"rung{layer}", "smollm2-135m"
        create_sandbox(self.settings, name, subject=subject, layer=layer)
        place = {} if by_earlier_version else {"subject": subject, "layer": layer}
        content = HoldoutAnswer(
            plan=plan,
            test="subject",
            where=f"layer {layer} of {subject}, sandbox {name}",
            question=0,
            claims=[claim("mine", verdict)],
            written=WHEN,
            sandbox=name,
        )
        content = content.model_copy(update=place)
        append(self.settings.workspace, "s", content)

    def judged(self, scores: Mapping[str, float] | None = None, study: str = "s") -> int:
        """Register, score and judge a plan about `mine`, which is supported; return its number."""
        plan = self.plan(study)
        for name, value in (scores or {"topk": 0.5, "mine": 0.6}).items():
            self.score(name, explained_variance=value)
        self.conclude(plan, study, mine="supported")
        return plan


def claim(variant: str, verdict: Verdict) -> Claim:
    """Return a claim."""
    return Claim(
        variant=variant,
        verdict=verdict,
        reason="Said so.",
        compared="better",
        effect=0.1,
        low=0.05,
        high=0.15,
        p=0.001,
        p_adjusted=0.002,
        seeds=list(SEEDS),
        receipts=[],
    )


@pytest.fixture
def desk(tmp_path: Path, shared_cache: Path) -> Desk:
    return Desk(tmp_path / "ws", shared_cache)
