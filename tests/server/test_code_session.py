"""From the PDF of a paper to the file that implements its method, offline, over stdio."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes.git_server import make_repository
from mcp import Client, StdioServerParameters
from mcp.types import TextContent

PAPER = Path(__file__).parents[2] / "benchmarks" / "pdf" / "papers" / "quiet-latents" / "paper.pdf"
README = """# Quiet latents

This repository has the code of our paper *Quiet Latents: Why Some Dictionary Features Never Speak*
(Maren Oldekamp, Tobiah Wrenfield, Ines Calloway, 2025).

    git clone https://github.com/example-lab/quiet-latents
"""
SEARCH = '''"""Targeted search for text that wakes a quiet latent."""


def beam_score(latents_TF, latent):
    """The score of a prompt: the largest activation of the latent over its tokens."""
    return latents_TF[:, latent].max()


def targeted_search(subject, decoder_direction, vocabulary, beam):
    """Rank the vocabulary by the logits of the decoder direction and extend the seeds."""
    seeds = sorted(vocabulary, key=lambda token: -(subject.unembed(token) @ decoder_direction))
    return [subject.extend(prompt) for prompt in seeds[:beam]]
'''
SCHEDULE = '''"""Restart the learning rate of units that were silent for a long time."""

MOST_RESTARTS = 3


def restarted_rates(rates, silent_steps, restarts):
    """Return learning rates in which quiet units begin their schedule again."""
    return [0.0 if n < MOST_RESTARTS else r for r, n in zip(rates, restarts, strict=True)]
'''

pytestmark = [pytest.mark.child, pytest.mark.anyio]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def ask(client: Client, tool: str, **arguments: Any) -> tuple[str, Any]:
    result = await client.call_tool(tool, arguments)
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    assert not result.is_error, text
    return text, result.structured_content


async def test_from_a_pdf_to_the_file_that_implements_its_method(tmp_path: Path) -> None:
    workspace = tmp_path / "work"
    make_repository(
        workspace / "clones" / "quiet-latents",
        {
            "README.md": README,
            "LICENSE": "MIT License\n",
            "quiet/search.py": SEARCH,
            "quiet/schedule.py": SCHEDULE,
            "tests/test_search.py": "def test_nothing():\n    pass\n",
        },
    )
    shutil.copy(PAPER, workspace / "quiet.pdf")
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "fumehood", "serve", "--offline"],
        env={
            "FUMEHOOD_WORKSPACE": str(workspace),
            "FUMEHOOD_CACHE": str(tmp_path / "cache"),
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
    )
    async with Client(server) as client:
        _, found = await ask(client, "find_codebases", paper="quiet.pdf")
        first = found["candidates"][0]
        assert first["source"] == "https://github.com/example-lab/quiet-latents"
        assert first["status"] not in ("dead", "alive")

        asked = {"paper": "quiet.pdf", "repository": "clones/quiet-latents"}
        _, checked = await ask(client, "validate_codebase", **asked)
        assert checked["validation"]["standing"] == "primary", checked
        assert len(checked["validation"]["commit"]) == 40

        text, packed = await ask(
            client,
            "pack_repository",
            source="clones/quiet-latents",
            paper="quiet.pdf",
            budget_tokens=2_000,
        )
        assert "Packed 5 of 5 text files, bytes equal" in text
        best = packed["chosen"][0]["path"]
        assert best in ("quiet/search.py", "quiet/schedule.py")

        _, hits = await ask(client, "read_pack", pack=packed["pack"], grep="targeted_search")
        [hit] = hits["hits"]
        assert hit["file"] == "quiet/search.py"
        shown, _ = await ask(client, "read_pack", pack=packed["pack"], file=hit["file"])
        assert "Rank the vocabulary by the logits of the decoder direction" in shown
