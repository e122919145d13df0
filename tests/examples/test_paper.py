"""The paper's command, whole, on the synthetic subject."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RUN = Path(__file__).resolve().parents[2] / "examples" / "paper" / "run.py"
CONFIG = """
name = "tiny"
seeds = [0, 1, 2]
l0_targets = [6]
variants = ["dynamic_k", "orthogonal_feature"]

[levels.topk]
K = [4, 12]

[sandbox]
dict_size = 64

[sandbox.subject]
name = "synthetic"

[sandbox.corpus]
train_tokens = 8000
eval_tokens = 2032
"""


def run(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, RUN, folder / "tiny.toml", "--workspace", folder / "ws"],
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_one_command_gives_figures_table_and_verdicts_and_does_nothing_twice(
    tmp_path: Path,
) -> None:
    (tmp_path / "tiny.toml").write_text(CONFIG, encoding="utf-8")
    first = run(tmp_path)
    counts = re.findall(r"(\d+) scored, (\d+) reused, (\d+) failed", first)
    assert len(counts) == 3 and all(failed == "0" for _, _, failed in counts), first
    report = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "| dynamic_k |" in report and "| untrained |" in report
    assert "EV at L0 6 (L0)" in report and "as `compare_variants` says it" in report
    assert "in 3 jobs (3 succeeded)" in report
    for name in ("figure1.png", "figure1.svg", "figure2.png", "figure2.svg", "points.csv"):
        assert (tmp_path / "figures" / name).stat().st_size > 1_000
    again = run(tmp_path)
    assert re.findall(r"(\d+) scored", again) == ["0", "0", "0"]
