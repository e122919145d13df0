"""The cheats work: in a benchmark that trusts one process, they reach their goal."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from fumehood_tools.files import data_path
from fumehood_tools.redteam.cases import Edge, fill_in, load_cases, token_of

pytestmark = pytest.mark.child

BENCH = Path(__file__).with_name("naive_bench.py")


def naive_numbers(work: Path, names: set[str]) -> dict[str, dict]:
    (work / "cache").mkdir()
    (work / "drop").mkdir()
    places = {"CACHE": str(work / "cache"), "CANARY": str(work), "PID": "0"}
    entries = []
    for case in load_cases("*"):
        if case.name in names and case.kind == "sae":
            path = work / f"{case.name}.py"
            path.write_text(fill_in(case, places), encoding="utf-8")
            entries.append(f"{case.name}={path}")
    template = str(data_path("sandbox_template"))
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", str(BENCH), template, str(work), *entries],
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    return {(told := json.loads(line))["name"]: told for line in done.stdout.splitlines()}


def test_every_claim_of_a_cheat_holds_in_a_benchmark_of_one_process(tmp_path: Path) -> None:
    claims = {case.name: case.entry.claim for case in load_cases("*") if case.entry.claim}
    try:
        numbers = naive_numbers(tmp_path, set(claims))
    finally:
        for name in claims:
            Path("/dev/shm", token_of(name)).unlink(missing_ok=True)
    assert len(claims) >= 45
    for name, claim in claims.items():
        told = numbers[name]
        for key, edge in claim.items():
            if key == "nan":
                assert not math.isfinite(told["ev"]), (name, told)
            else:
                assert isinstance(edge, Edge)
                assert edge.at_least <= told[key] <= edge.at_most, (name, key, told)


def test_honest_numbers_of_that_benchmark_are_honest(tmp_path: Path) -> None:
    numbers = naive_numbers(tmp_path, {"topk_1", "split_identity"})
    assert numbers["topk_1"]["l0"] <= 1 and numbers["topk_1"]["ev"] < 0.5
    assert numbers["split_identity"]["l0"] > 32 and numbers["split_identity"]["ev"] > 0.99
