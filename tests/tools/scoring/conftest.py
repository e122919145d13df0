"""A small harvest of the synthetic subject, and one scorer process for all variants."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.files import data_path
from fumehood_tools.glass import choose_level
from fumehood_tools.scoring.requests import ScoringRequest, ScoringSetup
from fumehood_tools.spec import (
    CorpusSpec,
    LimitsSpec,
    SandboxSpec,
    ScoringSpec,
    SubjectSpec,
)

TEMPLATE = data_path("sandbox_template")
SMALL = SandboxSpec(
    dict_size=96,
    subject=SubjectSpec(name="synthetic", layer=0),
    corpus=CorpusSpec(name="synthetic", context=64, train_tokens=4_000, eval_tokens=3_024),
    scoring=ScoringSpec(
        loss_rows=8,
        probing_tasks=("topics",),
        probing_context=16,
        probing_train=20,
        probing_test=10,
    ),
    limits=LimitsSpec(score_minutes=2, memory_gb=4),
)
HEADER = "import os\nimport torch\nfrom core import BaseSAE\n\nTRAIN = False\n"
# Saves the initial weights of each variant file, as a training with TRAIN = False does. One process
# for all tests of a worker, because it takes two seconds to start.
SAVE = """
import sys, json, torch
from pathlib import Path
from safetensors.torch import save_file
from core.loading import build_sae, load_variant
for line in sys.stdin:
    for path, width, size in json.loads(line):
        torch.manual_seed(0)
        sae = build_sae(load_variant(Path(path)), width, size)
        state = {k: v.detach().contiguous().clone() for k, v in sae.state_dict().items()}
        save_file(state, Path(path).with_suffix(".safetensors"))
    print("saved", flush=True)
"""
Write = Callable[[Path, dict[str, str], ScoringSetup], None]


def environment() -> dict[str, str]:
    folders = [*(path for path in sys.path if path), str(TEMPLATE)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(folders),
        "JAXTYPING_DISABLE": "1",
    }


def harvested(spec: SandboxSpec, folder: Path, cache: Path) -> ScoringSetup:
    """Return the setup of a scorer that works in `folder`, its data harvested into `cache`."""
    request = {
        "subject": spec.subject.model_dump(),
        "corpus": spec.corpus.model_dump(),
        "scoring": spec.scoring.model_dump(),
        "cache": str(cache),
        "dtype": "float32",
        "device": "cpu",
        "parts": ["activations", "probing"],
    }
    path = folder / "harvest.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "fumehood_tools.harvest", str(path)],
        env=environment(),
        stdout=subprocess.PIPE,
        check=True,
    )
    last = json.loads(done.stdout.splitlines()[-1])
    content = {
        "spec": spec.model_dump(),
        "activations": last["activations"],
        "probing": last["probing"],
        "cache": cache,
        "scratch": folder / "scratch",
        "glass": choose_level(),
    }
    return ScoringSetup.model_validate(content)


@pytest.fixture(name="harvest", scope="session")
def _harvest() -> Callable[..., ScoringSetup]:
    return harvested


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> ScoringSetup:
    """Return a setup that scores an SAE in less than a second."""
    return harvested(SMALL, tmp_path_factory.mktemp("small"), shared_cache)


@pytest.fixture(scope="session")
def write_variants() -> Iterator[Write]:
    """Return a function that writes variants and initial weights: <name>.py, <name>.safetensors."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SAVE],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as saver:
        assert saver.stdin is not None and saver.stdout is not None
        orders, answers = saver.stdin, saver.stdout

        def write(folder: Path, sources: dict[str, str], setup: ScoringSetup) -> None:
            sizes = (setup.activations.d_model, setup.spec.dict_size)
            for name, source in sources.items():
                text = HEADER + textwrap.dedent(source)
                (folder / f"{name}.py").write_text(text, encoding="utf-8")
            files = [(str(folder / f"{name}.py"), *sizes) for name in sources]
            print(json.dumps(files), file=orders, flush=True)
            assert answers.readline() == "saved\n"

        yield write


class ScorerProcess:
    """A running `python -m fumehood_tools.scoring`, which answers one request at a time."""

    def __init__(self, setup: ScoringSetup) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fumehood_tools.scoring"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        self.say(setup.model_dump_json())
        assert self.answer() == {"ready": True}

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def score(self, folder: Path, name: str) -> dict[str, Any]:
        out = folder / f"{name}-out"
        out.mkdir(exist_ok=True)
        request = ScoringRequest(
            name=name,
            variant=folder / f"{name}.py",
            weights=folder / f"{name}.safetensors",
            out=out,
        )
        self.say(request.model_dump_json())
        return self.answer()

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture(scope="session")
def scorer(small: ScoringSetup) -> Iterator[ScorerProcess]:
    """Return a running scorer of the small setup."""
    process = ScorerProcess(small)
    yield process
    process.close()


@pytest.fixture(scope="session")
def score_all(
    scorer: ScorerProcess,
    small: ScoringSetup,
    write_variants: Write,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[dict[str, str]], dict[str, dict[str, Any]]]:
    """Return a function that scores variants' sources and returns the answers by name."""

    def score(sources: dict[str, str]) -> dict[str, dict[str, Any]]:
        folder = tmp_path_factory.mktemp("variants")
        write_variants(folder, sources, small)
        return {name: scorer.score(folder, name) for name in sources}

    return score


@pytest.fixture(scope="session")
def score_with(
    write_variants: Write, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[ScoringSetup, dict[str, str]], dict[str, dict[str, Any]]]:
    """Return a function that scores variants with another setup, in a new scorer process."""

    def score(setup: ScoringSetup, sources: dict[str, str]) -> dict[str, dict[str, Any]]:
        folder = tmp_path_factory.mktemp("variants")
        write_variants(folder, sources, setup)
        process = ScorerProcess(setup)
        try:
            return {name: process.score(folder, name) for name in sources}
        finally:
            process.close()

    return score
