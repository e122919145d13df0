"""An evaluation that gives other metrics for the same arrays is named, metric by metric."""

import json
import struct
from pathlib import Path

import pytest
from fakes.sandbox_files import change_setting

from fumehood_tools.custom.children import PRODUCED, CustomChildren
from fumehood_tools.custom.repeating import differing, judge_repeat
from fumehood_tools.glass import choose_level
from fumehood_tools.proving.report import Result
from fumehood_tools.sandbox.create import create_sandbox, open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import CustomMetric

BY_THE_CLOCK = """
import time


def evaluate(produced, context):
    mean = float(produced["vectors"].mean())
    return {"effect": mean, "damage": time.time_ns() % 1_000_000 / 1e6, "strength": 1.0}
"""


def test_rounding_is_allowed_and_what_counts_as_a_difference_is_not() -> None:
    metrics = [CustomMetric(name="effect", better="higher", smallest=0.1), CustomMetric(name="kl")]
    assert not [*differing(metrics, {"effect": 0.8, "kl": 3.0}, {"effect": 0.8009, "kl": 3.000001})]
    found = [*differing(metrics, {"effect": 0.8, "kl": 3.0}, {"effect": 0.802, "kl": 3.0001})]
    assert [one.partition(" ")[0] for one in found] == ["effect", "kl"]


@pytest.fixture
def subject(tmp_path: Path) -> Path:
    """A folder with the facts about a small model, and no weights."""
    folder = tmp_path / "subject"
    folder.mkdir()
    facts = {"model_type": "llama", "hidden_size": 4, "num_hidden_layers": 2}
    (folder / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


@pytest.mark.child
def test_an_evaluation_that_reads_the_clock_does_not_repeat_itself(
    tmp_path: Path, subject: Path
) -> None:
    settings = Settings(workspace=tmp_path / "ws", cache=tmp_path / "cache")
    box = create_sandbox(settings, "steer", source="steering")
    change_setting(box.folder, "subject", "name", str(subject))
    change_setting(box.folder, "subject", "layer", 1)
    (box.folder / "evaluation" / "evaluate.py").write_text(BY_THE_CLOCK, encoding="utf-8")
    box = open_sandbox(settings, "steer")
    assert box.spec.custom is not None
    (tmp_path / PRODUCED).write_bytes(_vectors(3, 4))
    scratch, level = tmp_path / "scratch", choose_level("auto")
    scratch.mkdir()
    with CustomChildren(box, box.spec.custom, tmp_path / PRODUCED, level, scratch) as children:
        first, _ = children.evaluate(tmp_path / PRODUCED, "mine", 0)
        record = {"variant": "mine", "seed": 0, "metrics": first}
        again = judge_repeat(children, box.spec.custom.metrics, record, tmp_path)
    assert again.state == "failed" and _named(again) == ["damage"], again


def _named(result: Result) -> list[str]:
    return [fault.why.partition(" ")[0] for fault in result.faults]


def _vectors(rows: int, width: int) -> bytes:
    """Return a safetensors file with zeros."""
    size = 4 * rows * width
    facts = {"vectors": {"dtype": "F32", "shape": [rows, width], "data_offsets": [0, size]}}
    header = json.dumps(facts).encode()
    return struct.pack("<Q", len(header)) + header + bytes(size)
