"""The answer as a whole: what is left out, what is short, and what the server must not import."""

import ast
import math
import subprocess
import sys
from typing import Any

import pytest

from fumehood_tools.children import our_environment


def test_a_metric_that_is_not_finite_is_left_out_and_named(bench: Any) -> None:
    bench.file("mine", "LR = 0.1")
    bench.score("mine", ev=math.nan)
    found = bench.ask("failures")
    assert not found.suggestions
    assert any("explained_variance not finite" in note for note in found.notes)
    assert any("no score" in note for note in bench.ask("similar", variant="mine").notes)


def test_another_study_that_cannot_be_read_is_named_and_this_one_answered(bench: Any) -> None:
    bench.study("other")
    record = next((bench.workspace / "studies/other/entries").glob("*/study.json"))
    record.write_text(record.read_text("utf-8").replace("Does it", "Did it"), "utf-8")
    bench.note("failed idea", "it died")
    found = bench.ask("failures")
    assert len(found.suggestions) == 1
    assert any("the study other is left out" in note for note in found.notes)


def test_the_short_answer_about_many_experiments_stays_short(bench: Any, claims: Any) -> None:
    for number in range(12):
        name = f"variant_{number}"
        bench.file(name)
        bench.failure(name, message="It diverged. " * 200)
        plan = bench.plan(name, title="A long title " * 15)
        bench.concluded(plan, claims(name, "inconclusive", reason="Because. " * 300))
    found = bench.ask(text="diverged")
    assert len(found.text()) < 10_000
    assert found.total["failures"] == 12
    for part in ("next", "failures", "similar"):
        assert len(bench.ask(part, text="diverged").text()) < 20_000


def test_every_call_that_is_suggested_is_a_call_with_named_arguments(
    bench: Any, claims: Any
) -> None:
    bench.file("mine")
    verdicts = ("inconclusive", "supported", "refuted", "inert")
    for verdict in verdicts:
        bench.concluded(
            bench.plan("mine", grid={"LR": [0.1]}), claims("mine", verdict), missing_controls=["x"]
        )
    bench.plan("mine")
    bench.failure("mine")
    rows = [row for part in ("next", "failures", "hints") for row in bench.rows(part)]
    calls = [row.call.replace("…", "'…'").replace("''…''", "'…'") for row in rows if row.call]
    assert len(calls) > 10
    for call in calls:
        parsed = ast.parse(call, mode="eval").body
        assert isinstance(parsed, ast.Call), call
        assert not parsed.args
        assert all(word.arg for word in parsed.keywords)


@pytest.mark.child
def test_the_server_imports_neither_numpy_nor_optuna_for_it() -> None:
    heavy = ["numpy", "scipy", "torch", "optuna", "safetensors", "statsmodels"]
    code = (
        "import sys, fumehood_tools.studies.suggesting.suggest\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=our_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "[]"
