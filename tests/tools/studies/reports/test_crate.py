"""The crate of an archive is valid by the validator of the RO-Crate project."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.studies.archive.writing import export_study

HERE = Path(__file__).parent
VALIDATOR = ("roc-validator==0.13.0", "rocrate==0.16.0")


@pytest.mark.slow
@pytest.mark.child
@pytest.mark.network
def test_it_is_valid_ro_crate_1_3_and_describes_its_runs_as_the_process_run_profile_wants(
    lab: Any, tmp_path: Path
) -> None:
    made = export_study(lab.workspace, "threshold", tmp_path / "study.zip")
    with zipfile.ZipFile(made.file) as archive:
        archive.extractall(tmp_path / "crate")
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", *VALIDATOR)
    said = run(python, str(HERE / "validate_crate.py"), str(tmp_path / "crate"))
    # The profile inherits RO-Crate 1.1, so it refuses the version of every 1.3 crate.
    expected = {"ro-crate-1.3": [], "process-run-crate": ["ro-crate-1.1_5.3"]}
    assert json.loads(said.splitlines()[-1]) == expected


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
