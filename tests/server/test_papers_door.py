"""search_papers through a real client over stdio: its results, its requests, and no leaks."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.http_service import Fault
from fakes.paper_services import PaperServices
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import TextContent

pytestmark = [pytest.mark.child, pytest.mark.anyio]

CANARIES = {
    name: f"canary-{name.lower()}-0123456789"
    for name in (
        "PERPLEXITY_API_KEY",
        "EXA_API_KEY",
        "SEMANTIC_SCHOLAR_API_KEY",
        "OPENALEX_API_KEY",
        "HF_TOKEN",
    )
}
WATCHED = """
import sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        print("SENT", event, arguments[1:], file=sys.stderr, flush=True)
sys.addaudithook(watch)
from fumehood.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def services() -> Iterator[PaperServices]:
    with PaperServices().running() as services:
        yield services


@pytest.fixture
def searching(environ: dict[str, str], services: PaperServices) -> dict[str, str]:
    """The environment of a server that reaches the fake services, with a key for each."""
    return environ | CANARIES | {"FUMEHOOD_ENDPOINTS": services.endpoints}


def _server(
    environ: dict[str, str], *options: str, log: Path | None = None
) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=["-c", WATCHED, "serve", *options], env=environ
    )


async def _search(
    environ: dict[str, str], *options: str, **arguments: Any
) -> tuple[str, Any, bool]:
    async with Client(_server(environ, *options)) as client:
        result = await client.call_tool("search_papers", arguments)
    said = result.content[0]
    assert isinstance(said, TextContent)
    return said.text, result.structured_content, bool(result.is_error)


async def test_an_agent_gets_ranked_papers_and_the_state_of_every_source(
    searching: dict[str, str],
) -> None:
    text, structure, failed = await _search(searching, query="sparse autoencoder", limit=2)
    assert not failed
    assert structure["total"] == 4
    assert structure["papers"][0]["id"] == "arxiv:2309.08600"
    assert structure["papers"][0]["judgement"]["judged_by"] == "perplexity"
    assert {it["name"]: it["status"] for it in structure["sources"]} == dict.fromkeys(
        (
            "arxiv",
            "hugging_face",
            "perplexity",
            "exa",
            "semantic_scholar",
            "openalex",
            "library",
            "perplexity judge",
        ),
        "ok",
    )
    assert "1. [0.90 perplexity] Sparse Autoencoders Find" in text
    assert f"cursor={structure['next_cursor']!r}" in text


async def test_pages_and_the_agents_judgements_go_through_the_same_tool(
    searching: dict[str, str],
) -> None:
    async with Client(_server(searching)) as client:
        wish = {"query": "sparse autoencoder", "purpose": "a baseline"}
        first = await client.call_tool("search_papers", {**wish, "limit": 3})
        assert first.structured_content is not None
        cursor = first.structured_content["next_cursor"]
        rest = await client.call_tool("search_papers", {**wish, "cursor": cursor})
        assert rest.structured_content is not None
        assert rest.structured_content["first"] == 4
        last = rest.structured_content["papers"][0]["id"]
        mine = {"id": last, "confidence": 1.0, "reasoning": "It is exactly what I look for."}
        again = await client.call_tool("search_papers", {**wish, "judgements": [mine]})
        assert again.structured_content is not None
        assert again.structured_content["papers"][0]["id"] == last
        mine["confidence"] = 7
        refused = await client.call_tool("search_papers", {**wish, "judgements": [mine]})
        assert refused.is_error


async def test_progress_names_each_source_as_it_answers(searching: dict[str, str]) -> None:
    heard: list[str | None] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async with Client(_server(searching)) as client:
        await client.call_tool("search_papers", {"query": "x y"}, progress_callback=listen)
    assert sorted(filter(None, heard)) == [
        "arxiv: ok",
        "exa: ok",
        "hugging_face: ok",
        "openalex: ok",
        "perplexity: ok",
        "semantic_scholar: ok",
    ]


async def test_a_source_that_is_down_is_told_and_no_error_of_the_tool(
    searching: dict[str, str], services: PaperServices
) -> None:
    services["arxiv"].fault = Fault("html")
    text, structure, failed = await _search(searching, query="sparse autoencoder")
    assert not failed
    assert structure["total"] == 4
    assert "arxiv: bad_answer. It answered with" in text


async def test_a_search_in_which_every_source_failed_begins_with_that(
    searching: dict[str, str], services: PaperServices
) -> None:
    for name in ("arxiv", "hugging_face", "perplexity", "exa", "semantic_scholar", "openalex"):
        services[name].fault = Fault("html")
    text, structure, failed = await _search(searching, query="sparse autoencoder")
    assert not failed and structure["papers"] == []
    (key, said), *_ = structure.items()
    assert key == "outcome" and "arxiv" in said and "could not be searched" in said
    assert text.startswith(said) and "repeat the search later" in structure["next"]


def _call(
    environ: dict[str, str], *options: str, **arguments: Any
) -> subprocess.CompletedProcess[str]:
    """Call the tool in a process that reports every connection it makes."""
    script = WATCHED.replace(
        "from fumehood.cli import main\nsys.exit(main(sys.argv[1:]))",
        "import asyncio, json\n"
        "from fumehood.app import build_server\n"
        "from fumehood_tools.settings import load_settings\n"
        "from mcp import Client\n"
        "async def go():\n"
        "    settings = load_settings(offline='--offline' in sys.argv)\n"
        "    async with Client(build_server(settings, ['papers'])) as client:\n"
        "        result = await client.call_tool('search_papers', json.loads(sys.argv[1]))\n"
        "        print(json.dumps([result.content[0].text, result.structured_content]))\n"
        "asyncio.run(go())\n",
    )
    return subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore::ResourceWarning",
            "-c",
            script,
            json.dumps(arguments),
            *options,
        ],
        env=environ,
        capture_output=True,
        encoding="utf-8",
        timeout=90,
        check=True,
    )


def test_offline_opens_no_connection_and_looks_up_no_name(searching: dict[str, str]) -> None:
    online = _call(searching, query="sparse autoencoder")
    assert online.stderr.count("SENT") >= 6, "the watch must see what is sent"
    offline = _call(searching, "--offline", query="an SAE's features", refresh=True)
    assert "SENT" not in offline.stderr
    text, structure = json.loads(offline.stdout)
    assert structure["papers"][0]["id"] == "arxiv:2309.08600"
    assert text.count("offline. Offline mode is on, so no request was sent.") == 6


def test_the_offline_switch_of_the_command_line_reaches_the_server(
    searching: dict[str, str], services: PaperServices
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "fumehood", "call", "--offline", "search_papers"),
            '{"query": "sparse"}',
        ],
        env=searching,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    states = {it["name"]: it["status"] for it in json.loads(done.stdout)["sources"]}
    assert states.pop("library") == "ok"
    assert set(states.values()) == {"offline"}
    assert not any(service.log for service in services.services.values())


@pytest.mark.parametrize("broken", [False, True])
def test_no_key_appears_in_results_logs_errors_or_on_disk(
    searching: dict[str, str], services: PaperServices, tmp_path: Path, broken: bool
) -> None:
    if broken:  # services that repeat the key in errors and in titles
        for service in services.services.values():
            service.fault = Fault("status", status=401, body=json.dumps(CANARIES).encode())
    else:
        services["hugging_face"].fault = Fault("wrong_type", body=json.dumps(_echo()).encode())
    environ = searching | {"PYTHONWARNINGS": "default", "PYTHONASYNCIODEBUG": "1"}
    done = _call(environ, query="sparse autoencoder", bibtex=True)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    sent = json.dumps([request.headers for it in services.services.values() for request in it.log])
    assert all(
        canary in sent or name in ("OPENALEX_API_KEY", "HF_TOKEN")
        for name, canary in CANARIES.items()
    ), "each key must have been used"
    for canary in CANARIES.values():
        assert canary not in done.stdout + done.stderr
        assert not any(canary.encode() in content for content in written)
    assert "[key]" in done.stdout
    assert any(b"SQLite" in content for content in written)


def _echo() -> list[dict[str, Any]]:
    return [
        {"paper": {"id": f"2401.0000{n}", "title": f"A title with {canary} in it"}}
        for n, canary in enumerate(CANARIES.values())
    ]


def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(
    environ: dict[str, str],
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fumehood", "call", "search_papers", '{"query": "x"}'],
        env=environ | {"EXA_API_KEY": "two words"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "EXA_API_KEY contains spaces" in done.stderr
    assert "two words" not in done.stdout + done.stderr + os.linesep
