"""Counting tries, from synthetic receipts in several sandboxes of one workspace."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.compare.tries import count_tries
from fumehood_tools.files import write_json
from fumehood_tools.receipts import (
    Draft,
    Entry,
    RecordWriter,
    append,
    mac_of,
    make_key,
    place_of,
    results_of,
    sign,
    state_of,
)
from fumehood_tools.receipts.audit import withdraw


class Workspace:
    """Writes failures, which count as tries like scores, but need no weights."""

    def __init__(self, folder: Path) -> None:
        self.sandboxes = folder / "sandboxes"
        self.packaged = {"topk": hashlib.sha256(b"topk").hexdigest()}
        self._runs = 0
        self.says = True
        """Whether ledger lines name the trial. Those of older versions do not."""

    def ran(
        self, sandbox: str, variant: str, source: str, seed: int = 0, control: str = "", k: int = 0
    ) -> Path:
        """Write and sign the record of one run; return its folder."""
        self._runs += 1
        box = self.sandboxes / sandbox
        folder = box / "results" / variant / f"seed{seed}-{self._runs:08x}"
        record = {
            "variant": variant,
            "seed": seed,
            "run": f"{self._runs:016x}",
            "control": control or None,
            "parameters": {"K": k} if k else {},
            "stage": "train",
            "code": "run_failed",
            "message": "",
            "variant_sha256": hashlib.sha256(source.encode()).hexdigest(),
            "started": "2026-01-01T00:00:00+00:00",
            "finished": "2026-01-01T00:00:00+00:00",
        }
        place = place_of(folder, box.parents[1])
        if self.says:
            draft = Draft("failure", place, record, {f"{variant}.py": source.encode()})
            RecordWriter(box.parents[1], results_of(sandbox)).write(draft)
            return folder
        key = make_key(state_of(box))
        signed = sign(record, key, "failure", place)
        write_json(folder / "failure.json", signed)
        append(state_of(box), key, [Entry("written", "failure", place, mac_of(signed))])
        return folder

    def tries(self) -> int:
        shelf = Shelf(state_of(self.sandboxes / "any"))
        return count_tries(self.sandboxes, shelf, self.packaged)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_every_version_of_every_file_in_any_sandbox_is_a_try(workspace: Workspace) -> None:
    for seed in range(3):
        workspace.ran("box", "mine", "first", seed)
    workspace.ran("box", "mine", "second")
    workspace.ran("other", "mine", "third")
    assert workspace.tries() == 3


def test_packaged_baselines_and_controls_are_no_tries(workspace: Workspace) -> None:
    workspace.ran("box", "topk", "topk")
    workspace.ran("box", "blank", "anything", control="blank of topk")
    assert workspace.tries() == 0
    workspace.ran("box", "topk", "an edited one")
    assert workspace.tries() == 1


def test_every_value_of_a_constant_is_a_try_and_further_seeds_are_none(
    workspace: Workspace,
) -> None:
    for k in (16, 32, 64):
        for seed in range(4):
            workspace.ran("box", "mine", "one file", seed, k=k)
    assert workspace.tries() == 3


@pytest.mark.parametrize("says", [True, False], ids=["now", "by an older version"])
def test_deleting_what_lost_takes_back_no_try(workspace: Workspace, says: bool) -> None:
    workspace.says = says
    lost = [
        workspace.ran("box", "mine", f"version {n}", seed) for n in range(4) for seed in range(3)
    ]
    workspace.ran("box", "mine", "the winner")
    before = workspace.tries()
    for folder in lost:
        shutil.rmtree(folder)
    assert workspace.tries() == before == 5
    shutil.rmtree(workspace.sandboxes / "box")
    assert workspace.tries() == before


@pytest.mark.parametrize("name", ["mine", "topk", "blank"])
def test_tries_with_seeds_of_their_own_stay_tries_whatever_they_are_called(
    workspace: Workspace, name: str
) -> None:
    lost = [workspace.ran("box", name, f"version {n}", seed=n) for n in range(6)]
    workspace.ran("box", "mine", "the winner", seed=7)
    assert workspace.tries() == 7
    for folder in lost[:3]:
        shutil.rmtree(folder)
    state = state_of(workspace.sandboxes / "box")
    for folder in lost[3:]:
        withdraw(state, f"box/{name}/{folder.name}")
    assert workspace.tries() == 7
    for folder in lost[3:]:
        shutil.rmtree(folder)
    assert workspace.tries() == 7


@pytest.mark.child
def test_the_parent_of_the_comparing_child_loads_no_numpy() -> None:
    code = (
        "import sys, fumehood_tools.compare; "
        "print([m for m in ('scipy', 'numpy') if m in sys.modules])"
    )
    path = [part for part in sys.path if part]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"
