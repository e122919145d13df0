"""The main job through a real client and a real server process, on the synthetic subject."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fakes.sandbox_files import change_setting, leave_out_probing
from fakes.tiny_llama import save_tiny_llama, write_numbers
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, ImageContent, TextContent

from fumehood_tools import receipts
from fumehood_tools.files import write_json

pytestmark = [pytest.mark.child, pytest.mark.anyio]

HONEST = '''"""Soft TopK: the k largest pre-activations, after a learnable gain per latent."""

import torch
from core import BaseSAE, BaseTrainer

K = 8


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.gain = torch.nn.Parameter(torch.ones(dict_size))

    def encode(self, x):
        f = torch.relu(self.encoder(x - self.bias)) * self.gain.abs()
        values, index = f.topk(K, dim=-1)
        return torch.zeros_like(f).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
'''
HEAD = "import torch\nfrom core import BaseSAE, BaseTrainer\n\n\nclass CustomSAE(BaseSAE):\n"
BROKEN = {
    "syntax_error": "class CustomSAE(BaseSAE:\n    pass\n",
    "no_class": '"""Nothing here."""\nimport torch\n',
    "wrong_shape": HEAD + "    def encode(self, x):\n        return x\n",
    "gives_nan": HEAD + "    def decode(self, f):\n        return self.decoder(f) / 0 * 0\n",
    "endless": HEAD + "    def encode(self, x):\n        while True:\n            pass\n",
    "hungry": HEAD
    + "    def encode(self, x):\n        torch.zeros(25 << 30)\n        return super().encode(x)\n",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def environment_of(workspace: Path, cache: Path) -> dict[str, str]:
    return {
        "FUMEHOOD_WORKSPACE": str(workspace),
        "FUMEHOOD_CACHE": str(cache),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


@pytest.fixture
async def client(tmp_path: Path, shared_cache: Path) -> AsyncIterator[Client]:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "fumehood", "serve"],
        env=environment_of(tmp_path, shared_cache),
    )
    async with Client(server) as connected:
        yield connected


async def call(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    return await client.call_tool(tool, arguments)


async def ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await call(client, tool, **arguments)
    assert not result.is_error, text(result)
    assert result.structured_content is not None
    return result.structured_content


def text(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


async def open_small_sandbox(client: Client, name: str) -> Path:
    made = await ask(
        client,
        "create_sandbox",
        name=name,
        subject="synthetic",
        layer=0,
        corpus="synthetic",
        dict_size=256,
        train_tokens=20_000,
        eval_tokens=2_032,
    )
    return Path(made["folder"])


async def run_to_its_end(client: Client, **arguments: Any) -> dict[str, Any]:
    return await ended(client, (await ask(client, "run_variants", **arguments))["job_id"])


async def ended(client: Client, job_id: str) -> dict[str, Any]:
    with anyio.fail_after(400):
        while True:
            job = await ask(client, "wait_for_job", job_id=job_id, max_seconds=45)
            if job["status"] not in ("queued", "starting", "running"):
                return job


async def test_the_first_check_begins_the_harvest_that_a_run_will_need(tmp_path: Path) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "fumehood", "serve"],
        env={**environment_of(tmp_path, tmp_path / "cache"), "FUMEHOOD_DTYPE": "float32"},
    )
    async with Client(server) as client:
        made = await ask(
            client,
            "create_sandbox",
            name="small",
            subject=str(save_tiny_llama(tmp_path / "subject")),
            layer=1,
            corpus=str(write_numbers(tmp_path / "texts.jsonl")),
            dict_size=64,
            train_tokens=5_000,
            eval_tokens=500,
        )
        leave_out_probing(Path(made["folder"]))
        await ask(client, "check_variant", sandbox="small", variant="topk")
        with anyio.fail_after(120):
            while not list((tmp_path / "cache" / "activations").glob("*/manifest.json")):
                await anyio.sleep(0.1)  # the harvest needs the processor


async def test_an_agent_gets_from_a_variant_to_a_plot(client: Client) -> None:
    folder = await open_small_sandbox(client, "first")
    (folder / "variants" / "soft_topk.py").write_text(HONEST, encoding="utf-8")
    report = await ask(client, "check_variant", sandbox="first", variant="soft_topk")
    assert report["ok"], report
    variants = ["soft_topk", "topk", "untrained"]
    job = await run_to_its_end(client, sandbox="first", variants=variants)
    assert job["status"] == "succeeded", job
    table = await ask(client, "read_benchmarks", sandbox="first")
    rows = {row["label"]: row for row in table["rows"]}
    assert set(rows) == set(variants)
    explained = {name: row["metrics"]["explained_variance"][0] for name, row in rows.items()}
    assert explained["topk"] > explained["untrained"] + 0.1
    assert explained["soft_topk"] > explained["untrained"] + 0.1
    for row in rows.values():
        assert row["metrics"]["loss_recovered"]
        assert row["metrics"]["probing_top5"][0] > 1 / 3
    plotted = await call(client, "plot_benchmarks", sandbox="first")
    assert not plotted.is_error, text(plotted)
    assert [part for part in plotted.content if isinstance(part, ImageContent)]
    for name in ("core.json", "sparse_probing.json"):
        [written] = (folder / "results" / "topk").glob(f"seed0-*/{name}")
        content = json.loads(written.read_text(encoding="utf-8"))
        assert content["eval_type_id"] == name.removesuffix(".json")
        assert content["eval_result_metrics"]


@pytest.mark.slow
async def test_scores_are_computed_again_by_verify_and_a_false_one_is_found(
    client: Client, tmp_path: Path, shared_cache: Path
) -> None:
    sandbox = await open_small_sandbox(client, "again")
    variants = ["topk", "batch_topk", "untrained"]
    job = await run_to_its_end(client, sandbox="again", variants=variants)
    assert job["status"] == "succeeded", job
    # A cache without data; compiled kernels are no data, and take 10 seconds to make.
    cache = tmp_path / "empty cache"
    shutil.copytree(shared_cache / "kernels", cache / "kernels")
    # One false score has a valid signature.
    [path] = sandbox.glob("results/topk/seed0-*/score.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    record["metrics"]["explained_variance"] += 0.05
    key = receipts.make_key(receipts.state_of(sandbox))
    place = receipts.place_of(path.parent, sandbox.parents[1])
    signed = receipts.sign(record, key, "score", place)
    write_json(path, signed)
    entry = receipts.Entry("written", "score", place, receipts.mac_of(signed))
    receipts.append(receipts.state_of(sandbox), key, [entry])
    done = subprocess.run(
        [sys.executable, "-m", "fumehood", "verify", "--rescore", "3"],
        env={**os.environ, **environment_of(sandbox.parents[1], cache)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    *findings, last = done.stdout.splitlines()
    assert done.returncode == 1 and "3 scores and 0 failures" in last, done.stdout + done.stderr
    [wrong] = [line for line in findings if line.startswith("wrong: ")]
    assert wrong.startswith(f"wrong: {place}: scored again, it differs: explained_variance ")
    assert wrong.endswith("[rescore_differs]")
    assert sum(line.startswith("scored again: ") for line in findings) == 2


async def test_every_broken_variant_fails_alone_and_says_what_to_do(client: Client) -> None:
    folder = await open_small_sandbox(client, "broken")
    change_setting(folder, "limits", "train_minutes", 0.15)
    leave_out_probing(folder)
    for name, source in BROKEN.items():
        (folder / "variants" / f"{name}.py").write_text(source, encoding="utf-8")
    job = await run_to_its_end(client, sandbox="broken", variants=["topk", *BROKEN])
    assert job["status"] == "succeeded", job
    failed = job["result"]["failed"]
    assert {name.split(" ")[0] for name in failed} == set(BROKEN)
    assert job["result"]["scored"] == ["topk seed 0"]
    said = {name.split(" ")[0]: message for name, message in failed.items()}
    assert "syntax_error.py:1" in said["syntax_error"]
    assert "CustomSAE" in said["no_class"]
    assert "wrong_shape.py:7" in said["wrong_shape"] or "256" in said["wrong_shape"]
    assert "nan" in said["gives_nan"].lower() or "finite" in said["gives_nan"]
    assert "loop that does not end" in said["endless"]
    assert "memory" in said["hungry"]
    table = await call(client, "read_benchmarks", sandbox="broken")
    assert all(name in text(table) for name in BROKEN)


async def test_a_run_that_was_cut_short_goes_on_where_it_stopped(client: Client) -> None:
    folder = await open_small_sandbox(client, "resumed")
    leave_out_probing(folder)
    wanted = {"variants": ["topk", "batch_topk", "untrained"], "seeds": [0, 1]}
    started = await ask(client, "run_variants", sandbox="resumed", **wanted)
    with anyio.fail_after(300):
        while not list((folder / "results").glob("*/seed*/score.json")):
            job = await ask(client, "wait_for_job", job_id=started["job_id"], max_seconds=1)
            assert job["status"] in ("queued", "starting", "running"), job
    await ask(client, "cancel_job", job_id=started["job_id"])
    assert (await ended(client, started["job_id"]))["status"] == "cancelled"
    records = [json.loads(path.read_bytes()) for path in folder.glob("results/*/seed*/score.json")]
    kept = {f"{record['variant']} seed {record['seed']}" for record in records}
    assert 0 < len(kept) < 6
    job = await run_to_its_end(client, sandbox="resumed", **wanted)
    assert job["status"] == "succeeded", job
    assert set(job["result"]["reused"]) == kept
    assert len(job["result"]["scored"]) == 6 - len(kept)
    assert not list(folder.glob("results/*/.new-*"))


async def test_requests_that_cannot_be_right_name_the_next_step(client: Client) -> None:
    await open_small_sandbox(client, "here")
    wrong = [
        ("create_sandbox", {"name": "here"}, "already_exists"),
        ("create_sandbox", {"name": "../up"}, "lower case"),
        ("create_sandbox", {"name": "a", "subject": "smollm3"}, "smollm2-135m"),
        ("create_sandbox", {"name": "b", "layer": 99}, "0 to 29"),
        ("create_sandbox", {"name": "c", "corpus": "no-such-corpus"}, "mixed"),
        ("create_sandbox", {"name": "d", "layr": 3}, "layer"),
        ("check_variant", {"sandbox": "here", "variant": "topc"}, "topk"),
        ("run_variants", {"sandbox": "her", "variants": ["topk"]}, "here"),
        ("run_variants", {"sandbox": "here", "variants": ["nope"]}, "list_variants"),
        ("run_variants", {"sandbox": "here", "variants": ["topk"], "seeds": "0-99"}, "'0-9'"),
        ("run_variants", {"sandbox": "here", "variants": ["topk"], "training": {"lr": 0}}, "lr"),
        ("run_variants", {"sandbox": "here", "variants": ["topk"], "training": {"k": 1}}, "k: "),
        ("wait_for_job", {"job_id": "run-00000000"}, "list_jobs"),
        ("read_benchmarks", {"sandbox": "here"}, None),
    ]
    for tool, arguments, hint in wrong:
        result = await call(client, tool, **arguments)
        if hint is None:
            assert not result.is_error and "run_variants" in text(result)
        else:
            assert result.is_error, (tool, arguments, text(result))
            assert hint in text(result), (tool, arguments, text(result))


@pytest.mark.slow
async def test_a_corpus_that_is_too_small_says_how_much_there_is(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "small.txt").write_text("A short text about nothing. " * 40, encoding="utf-8")
    await ask(client, "create_sandbox", name="small", corpus=str(tmp_path / "small.txt"))
    job = await run_to_its_end(client, sandbox="small", variants=["topk"])
    assert job["status"] == "failed"
    assert job["error_code"] == "corpus_too_small"
    assert "small.txt has 0 evaluation tokens" in job["error"]
    assert "larger corpus" in job["error"]
