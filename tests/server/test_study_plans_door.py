"""A plan is registered, run and judged through a real client and server."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fakes.studies_bench import Bench
from mcp import Client

from fumehood.app import build_server
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import Budget

pytestmark = [pytest.mark.anyio, pytest.mark.child]

PLAN: dict[str, Any] = {
    "study": "study",
    "title": "Mine",
    "hypothesis": "Mine explains more.",
    "sandbox": "box",
    "variants": ["mine", "other"],
    "baseline": "half",
    "grid": {"K": [8]},
}


async def call(client: Client, tool: str, **arguments: Any) -> tuple[str, Any]:
    """Return text and structure of a call."""
    result = await client.call_tool(tool, arguments)
    text = result.content[0].text  # type: ignore[union-attr]
    return ("ERROR " if result.is_error else "") + text, result.structured_content


async def test_a_study_goes_from_its_plan_to_a_registered_conclusion(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Budget(saes=12))
    async with Client(build_server(bench.settings)) as client:
        text, plan = await call(client, "plan_experiment", **PLAN)
        assert plan["next"] == "run_variants(study='study', plan=2)", text
        assert len(seeds := plan["seeds"]) == 3 and plan["saes"] == 9
        assert "noise is not measured" in plan["note"]
        assert "Little training: 16,000 tokens in 15 steps" in plan["note"]
        assert Path(plan["prereg"]).is_file()

        for arguments, said in (
            ({"study": "study", "plan": 2, "sandbox": "box", "seeds": [1]}, "Omit sandbox, seeds"),
            ({"study": "study"}, "Pass both study and plan"),
            ({"sandbox": "box"}, "Pass sandbox and variants, or study and plan"),
            ({"study": "study", "plan": 9}, "No plan in the study study '9'"),
        ):
            refused, _ = await call(client, "run_variants", **arguments)
            assert refused.startswith("ERROR") and said in refused
        refused, _ = await call(client, "judge_experiment", study="study", plan=2, sandbox="box")
        assert "Omit sandbox" in refused
        early, _ = await call(client, "judge_experiment", study="study", plan=2)
        assert "run_variants(study='study', plan=2)" in early

        bench.score(seeds, {"mine": 0.03, "other": -0.03}, levels=[8])
        text, found = await call(client, "judge_experiment", study="study", plan=2)
        assert [claim["verdict"] for claim in found["claims"]] == ["supported", "refuted"], text
        assert found["registered"] and found["entry"] == 4
        assert "record_reflection" in found["next"]

        text, _ = await call(client, "read_study", study="study")
        assert "Spent: 9 SAEs" in text and "plan 2, registered: mine supported" in text
        refused, _ = await call(client, "plan_experiment", **PLAN)
        assert "budget of the study study is 12 SAEs" in refused and "3 are left" in refused


@pytest.mark.slow
async def test_a_plan_is_run_once_as_a_real_job_and_then_judged(
    tmp_path: Path, shared_cache: Path
) -> None:
    bench = Bench(tmp_path)
    settings = Settings(workspace=bench.settings.workspace, cache=shared_cache)
    async with Client(build_server(settings)) as client:
        asked = {**PLAN, "variants": ["mine", "twin"], "grid": None, "l0_targets": [8]}
        text, plan = await call(client, "plan_experiment", **asked)
        assert plan is not None, text
        one, started = await call(client, "run_variants", study="study", plan=plan["plan"])
        _, again = await call(client, "run_variants", study="study", plan=plan["plan"])
        assert started["job_id"] == again["job_id"], one
        _, page = await call(client, "read_study", study="study", detail="full")
        assert page["counts"]["experiment"] == 1
        for _ in range(40):
            _, job = await call(client, "wait_for_job", job_id=started["job_id"], max_seconds=30)
            if job["status"] not in ("queued", "starting", "running"):
                break
            await asyncio.sleep(0)
        assert job["status"] == "succeeded", job
        assert job["next"] == f"judge_experiment(study='study', plan={plan['plan']})"
        text, found = await call(client, "judge_experiment", study="study", plan=plan["plan"])
        verdicts = {claim["variant"]: claim["verdict"] for claim in found["claims"]}
        assert verdicts["twin"] == "inert", text
        assert verdicts["mine"] in ("inconclusive", "refuted"), text
        assert found["registered"] and found["look"] == 1, text
        assert all(claim["seeds"] == plan["seeds"] for claim in found["claims"]), text
        _, same = await call(client, "run_variants", study="study", plan=plan["plan"])
        assert same["job_id"] == started["job_id"]
