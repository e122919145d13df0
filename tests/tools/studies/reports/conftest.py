"""A workspace with a whole study: scores by the evaluator's recorder, and all kinds of entries."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes.study_archives import Archive, store_report

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.files import sha256_of, write_bytes, write_json
from fumehood_tools.packing.shelf import PackShelf
from fumehood_tools.papers.library import Library
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.shelf import ReadingShelf
from fumehood_tools.receipts import dsse
from fumehood_tools.receipts.audit import withdraw
from fumehood_tools.records.scores import Data
from fumehood_tools.runs.items import Planner, RunItem
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.runs.targets import Effort
from fumehood_tools.sandbox.create import Sandbox, create_sandbox, open_sandbox
from fumehood_tools.scoring.requests import ErrorReport, ScoringAnswer
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.studies.archive.writing import export_study
from fumehood_tools.studies.entries import (
    Claim,
    Conclusion,
    Content,
    Experiment,
    HoldoutAnswer,
    Note,
    Plan,
    PlannedVariant,
    Power,
    StudyOpened,
)
from fumehood_tools.studies.notebook import Entry, StudyShelf, append, create_study
from fumehood_tools.studies.references.quotes import Sources
from fumehood_tools.studies.references.resolving import Resolver
from fumehood_tools.where import here

WHEN = "2026-11-30T00:00:00+00:00"
SEEDS = (0, 1, 2)
PAPER = Path(__file__).parents[2] / "reading" / "invented_paper.json"
METRICS = {"l0": 32.0, "explained_variance": 0.73, "mse": 1.5, "alive": 0.9, "probing": 0.81}
SHARPER = '''"""TopK with a sharper threshold."""

from variants.topk import CustomSAE as TopK

PARENT = "topk"


class CustomSAE(TopK):
    """Nothing else differs."""
'''


class Lab:
    """One workspace with a study `threshold` in the sandbox `box`."""

    def __init__(self, workspace: Path) -> None:
        environ = {"FUMEHOOD_CACHE": str(workspace.parent / "cache")}
        self.settings: Settings = load_settings(workspace, environ)
        self.workspace = workspace

    def sandbox(self, name: str = "box") -> Sandbox:
        return open_sandbox(self.settings, name)

    def new_sandbox(self, name: str) -> Sandbox:
        how: Any = {"subject": "synthetic", "layer": 0, "corpus": "synthetic", "dict_size": 64}
        create_sandbox(self.settings, name, **how)
        return self.sandbox(name)

    def item(self, variant: str, seed: int) -> RunItem:
        return Planner(self.sandbox(), "digest").item(variant, seed)

    def score(
        self, variant: str, seed: int, ev: float, sandbox: str = "box", tokens: int = 1_000
    ) -> str:
        """Have the evaluator store a score on that many training tokens; return its place."""
        data = Data(digest="digest", train_tokens=tokens, eval_tokens=100)
        planner = Planner(self.sandbox(sandbox), "digest" if tokens == 1_000 else f"of {tokens}")
        item = planner.item(variant, seed)
        recorder = Recorder(self.settings, self.sandbox(sandbox), "rlimits")
        out = self.workspace.parent / "out"
        write_bytes(out / "sae.safetensors", f"weights of {item.name}".encode())
        answer = ScoringAnswer(
            name=item.name,
            metrics={**METRICS, "explained_variance": ev},
            weights_sha256=sha256_of(out / "sae.safetensors"),
            seconds=1.0,
            where=here("cpu", 2, "landlock"),
        )
        recorder.start(item)
        recorder.score(item, out, data, answer, Effort(1.0, None, here("cpu", 1, "rlimits")))
        return self.place(item.folder)

    def failure(self, variant: str, seed: int) -> str:
        """Have the evaluator store a failure; return its place."""
        item = self.item(variant, seed)
        error = ErrorReport(code="run_failed", message="The loss was not finite.")
        Recorder(self.settings, self.sandbox(), "rlimits").failure(item, "train", error)
        return self.place(item.folder)

    def place(self, folder: Path) -> str:
        return folder.relative_to(self.workspace).as_posix()

    def enter(self, content: Content, files: Any = None) -> Entry:
        """Append an entry to the study."""
        return append(self.workspace, "threshold", content, files)

    def planned(self, name: str) -> PlannedVariant:
        file = self.sandbox().variants / f"{name}.py"
        return PlannedVariant(name=name, file_sha256=sha256_of(file), packaged=name == "topk")

    def plan(self, seeds: Sequence[int] = SEEDS) -> Plan:
        return Plan(
            title="A sharper threshold",
            hypothesis="A sharper threshold explains more variance at equal L0.",
            sandbox="box",
            settings_digest="0" * 16,
            variants=[self.planned("sharper")],
            baseline=self.planned("topk"),
            metric="explained_variance",
            direction="better",
            smallest_effect=0.01,
            seeds=list(seeds),
            seeds_drawn=True,
            power=Power(noise=0.002, basis="5 seeds of topk"),
            written=WHEN,
        )

    def claim(self, places: Sequence[str], **parts: Any) -> Claim:
        return Claim(
            **{
                "variant": "sharper",
                "verdict": "supported",
                "reason": "The interval is above the smallest effect.",
                "compared": "better",
                "effect": 0.03,
                "low": 0.025,
                "high": 0.035,
                "p": 0.001,
                "p_adjusted": 0.004,
                "seeds": list(SEEDS),
                "receipts": list(places),
                **parts,
            }
        )

    def conclusion(self, plan: int, claims: Sequence[Claim], **parts: Any) -> Conclusion:
        return Conclusion(
            **{
                "plan": plan,
                "registered": True,
                "claims": list(claims),
                "look": 1,
                "tries": 2,
                "minutes": 4.5,
                "written": WHEN,
                **parts,
            }
        )

    def scores_of(self, variant: str) -> list[str]:
        """Return the places of a variant's records, by seed."""
        results = self.sandbox().results / variant
        return sorted(self.place(path) for path in results.glob("seed*"))

    def library(self) -> Library:
        return Library(self.settings.state)

    def sources(self) -> Sources:
        readings = ReadingShelf(self.settings, self.library())
        return Sources(readings.get, PackShelf(self.workspace))

    def resolver(self) -> Resolver:
        """Return a resolver that has read nothing yet."""
        shelf = Shelf(self.settings.state)
        return Resolver(
            self.workspace, "threshold", StudyShelf(self.workspace), shelf, self.sources()
        )

    def edit(self, place: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change a record as in a text editor, without signing it again."""
        path = next(p for p in (self.workspace / place).glob("*.json") if p.stem in KINDS)
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content)
        write_json(path, content)

    def withdraw(self, place: str) -> None:
        withdraw(self.settings.state, place)

    def read_paper(self) -> None:
        """Put a paper into the library, as read_paper does."""
        library = self.library()
        document = Document.model_validate_json(PAPER.read_text(encoding="utf-8"))
        ReadingShelf(self.settings, library).put("arxiv:2407.14435", document, [], None)


KINDS = ("score", "failure", "study", "plan", "conclusion", "reflection", "note", "holdout")


def _whole_study(lab: Lab) -> None:
    """Entries: 1 study, 2 idea, 3 plan, 4 experiment, 5 conclusion, 6 exploratory conclusion,
    7 holdout, 8 failed idea."""
    box = lab.new_sandbox("box")
    write_bytes(box.variants / "sharper.py", SHARPER.encode())
    opened = StudyOpened(
        question="Does a sharper threshold help at equal L0?",
        background=["arxiv:2407.14435 has a threshold"],
        written=WHEN,
    )
    create_study(lab.workspace, "threshold", opened)
    lab.enter(Note(kind="idea", text="Sharpen the threshold.", written=WHEN))
    for seed in SEEDS:
        lab.score("topk", seed, 0.70 + seed / 1000)
    lab.enter(lab.plan(), {"prereg.md": b"# Hypotheses\n\nIt helps.\n"})
    lab.enter(Experiment(plan=3, job_id="job-1", saes=3, minutes=5, written=WHEN))
    places = [lab.score("sharper", seed, 0.73 + seed / 1000) for seed in SEEDS]
    places += lab.scores_of("topk")
    lab.failure("gated", 0)
    lab.enter(lab.conclusion(3, [lab.claim(places)]))
    because = ["no plan foresaw it"]
    exploratory = lab.claim(places, effect=0.05, verdict="supported")
    lab.enter(lab.conclusion(3, [exploratory], registered=False, exploratory_because=because))
    held = lab.claim(places, effect=0.02)
    lab.enter(
        HoldoutAnswer(
            plan=3,
            test="holdout",
            where="40 documents",
            question=1,
            claims=[held],
            written=WHEN,
            minutes=2.0,
        )
    )
    lab.enter(Note(kind="failed idea", text="A blunter one collapsed.", written=WHEN))


@pytest.fixture(scope="session")
def lab_class() -> type[Lab]:
    return Lab


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the study, which no test changes."""
    workspace = tmp_path_factory.mktemp("studies") / "workspace"
    _whole_study(Lab(workspace))
    return workspace


@pytest.fixture
def seen(written: Path) -> Lab:
    """That workspace itself, for tests that only read."""
    return Lab(written)


@pytest.fixture
def lab(written: Path, tmp_path: Path) -> Lab:
    """A copy of that workspace, which a test may change."""
    workspace = tmp_path / "workspace"
    shutil.copytree(written, workspace)
    return Lab(workspace)


@pytest.fixture(scope="session")
def exported(
    written: Path, lab_class: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The archive of the study with a report, next to its public key. Its workspace is gone."""
    folder = tmp_path_factory.mktemp("archive")
    shutil.copytree(written, folder / "workspace")
    lab = lab_class(folder / "workspace")
    store_report(lab)
    made = export_study(lab.workspace, "threshold", folder / "study.zip", weights=True)
    shutil.copy(lab.settings.state / dsse.EXPORT_KEY_FILE, folder / "private")
    shutil.rmtree(folder / "workspace")
    return made.file


@pytest.fixture
def archive(exported: Path, tmp_path: Path) -> Archive:
    return Archive(exported, tmp_path)
