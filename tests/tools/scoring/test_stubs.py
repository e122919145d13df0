"""The scorer does not load packages that it does not need, and says so if they are used."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.child

USE = """
from fumehood_tools.scoring.stubs import stub_unused
stub_unused()
from datasets.arrow_dataset import Dataset
from sae_bench.sae_bench_utils.sae_selection_utils import get_saes_from_regex
import wandb, sys
print(Dataset | None, "aiohttp" in sys.modules, "sentry_sdk" in sys.modules)
try:
    get_saes_from_regex("any", "any")
except ImportError as error:
    print(error)
"""


def test_a_package_that_no_scoring_uses_is_not_loaded_and_using_it_is_an_import_error() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-W", "ignore", "-c", USE]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    named, refused = done.stdout.splitlines()
    assert named.endswith("| None False False")
    assert refused.endswith("is not loaded by the scorer: nothing there needs it")
