"""A workspace with records that the evaluator's recorder wrote, without any training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.recorded_scores import WEIGHTS, record_score

from fumehood.cli import main
from fumehood_tools.files import write_json
from fumehood_tools.runs.items import Planner, RunItem
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.sandbox.create import Sandbox, create_sandbox, open_sandbox
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.settings import Settings, load_settings

METRICS = {"l0": 32.0, "explained_variance": 0.73, "mse": 1.5, "alive": 0.9, "probing": 0.81}


class Bench:
    """One workspace with sandboxes, and the changes that a person with a file manager can make."""

    def __init__(self, workspace: Path) -> None:
        environ = {"FUMEHOOD_CACHE": str(workspace.parent / "cache")}
        self.settings: Settings = load_settings(workspace, environ)
        self.sandbox("box")

    def sandbox(self, name: str) -> Sandbox:
        if not (self.settings.sandboxes / name).exists():
            create_sandbox(
                self.settings, name, subject="synthetic", layer=0, corpus="synthetic", dict_size=64
            )
        return open_sandbox(self.settings, name)

    def item(self, variant: str, seed: int = 0, sandbox: str = "box") -> RunItem:
        return Planner(self.sandbox(sandbox), "digest").item(variant, seed)

    def recorder(self, sandbox: str = "box") -> Recorder:
        return Recorder(self.settings, self.sandbox(sandbox), "rlimits")

    def score(self, variant: str, seed: int = 0, sandbox: str = "box", **metrics: float) -> Path:
        """Have the evaluator store a score; return its folder."""
        item, recorder = self.item(variant, seed, sandbox), self.recorder(sandbox)
        files = {
            name: f"{name} of {item.name} in {sandbox}".encode()
            for name in (WEIGHTS, "core.json", "train_log.jsonl")
        }
        out = self.settings.workspace.parent / "out"
        return record_score(recorder, item, {**METRICS, **metrics}, out, files)

    def failure(self, variant: str, seed: int = 0, **error: Any) -> Path:
        """Have the evaluator store a failure; return its folder."""
        item = self.item(variant, seed)
        self.recorder().failure(
            item, "train", ErrorReport(**{"code": "run_failed", "message": "No.", **error})
        )
        return item.folder

    def place(self, folder: Path) -> str:
        return folder.relative_to(self.settings.workspace).as_posix()

    def edit(self, path: Path, change: Callable[[dict[str, Any]], None]) -> None:
        """Change a JSON file as in a text editor, without signing it again."""
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content)
        write_json(path, content)


class Verify:
    """Runs `fumehood verify` on one workspace, without scoring anything again."""

    def __init__(self, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        self.settings, self.capsys = settings, capsys

    def __call__(self, *arguments: str) -> tuple[int, list[str]]:
        """Return the exit code and the printed lines."""
        workspace = ["--workspace", str(self.settings.workspace)]
        code = main(["verify", *workspace, "--rescore", "0", *arguments])
        return code, self.capsys.readouterr().out.splitlines()

    def wrong(self, *arguments: str) -> list[str]:
        """Return the lines that start with "wrong"; the exit code must agree."""
        code, lines = self(*arguments)
        found = [line for line in lines if line.startswith("wrong: ")]
        assert code == (1 if found else 0), lines
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "workspace")


@pytest.fixture
def verify(bench: Bench, capsys: pytest.CaptureFixture[str]) -> Verify:
    return Verify(bench.settings, capsys)


@pytest.fixture
def stored(bench: Any) -> dict[str, Path]:
    """A valid workspace with three scores and one failure."""
    return {
        "topk": bench.score("topk"),
        "topk 1": bench.score("topk", 1),
        "standard": bench.score("standard"),
        "gated": bench.failure("gated"),
    }
