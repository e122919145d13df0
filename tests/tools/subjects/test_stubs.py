"""The scorer does not load packages that it does not need, and says so if they are used."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.child

USE = """
from fumehood_tools.subjects.stubs import stub_unused
stub_unused()
from datasets.arrow_dataset import Dataset
from sae_bench.sae_bench_utils.sae_selection_utils import get_saes_from_regex
import wandb, sys
from sae_bench.evals.core.main import run_evals
import torch
weight = torch.nn.Parameter(torch.ones(1))
weight.grad = torch.ones(1)
torch.optim.AdamW([weight], lr=0.5).step()
loaded = {"aiohttp", "sentry_sdk", "transformers", "pandas", "sympy"} & set(sys.modules)
print(Dataset | None, sorted(loaded), float(weight) < 0.6)
print(torch.compile(lambda x: x + 1, backend="eager")(weight).item() > 1, "sympy" in sys.modules)
try:
    get_saes_from_regex("any", "any")
except ImportError as error:
    print(error)
"""


LANGUAGE_MODEL = """
from fumehood_tools.subjects.stubs import COMPILER, load_after_all, stub_unused
stub_unused()
import sae_bench.evals.core.main
load_after_all("transformer_lens", "pandas", COMPILER)
from transformer_lens.model_bridge import TransformerBridge
import pandas
print(callable(TransformerBridge.boot_transformers), len(pandas.DataFrame({"a": [1]})))
"""


def test_a_package_that_no_scoring_uses_is_not_loaded_and_using_it_is_an_import_error() -> None:
    named, compiled, refused = printed_by(USE)
    assert named.endswith("| None ['pandas'] True")
    assert compiled == "True True"
    assert refused.endswith("is not loaded by the scorer: nothing there needs it")


def test_what_a_scorer_of_a_language_model_needs_is_loaded_after_all() -> None:
    assert printed_by(LANGUAGE_MODEL) == ["True 1"]


def printed_by(program: str) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    environment["JAXTYPING_DISABLE"] = "1"
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()
