"""Papers read, searched, recorded and compared through a real client, server, job and children."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from fakes.http_service import Fault, Reply
from fakes.paper_services import PaperServices
from mcp import Client

from fumehood.app import build_server
from fumehood_tools.settings import Settings, load_settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]
PAPERS = Path(__file__).resolve().parents[2] / "benchmarks" / "pdf" / "papers"


@pytest.fixture
def services() -> Iterator[PaperServices]:
    with PaperServices().running() as services:
        yield services


@pytest.fixture
def reading(tmp_path: Path, services: PaperServices) -> Settings:
    """Settings of a workspace that uses a fake arXiv on loopback."""
    environ = {
        "FUMEHOOD_CACHE": str(tmp_path / "cache"),
        "FUMEHOOD_ENDPOINTS": services.endpoints,
    }
    return load_settings(tmp_path / "workspace", environ)


def _source(name: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in sorted((PAPERS / name).rglob("*")):
            if path.suffix in (".tex", ".bbl", ".bib", ".sty", ".cls"):
                archive.add(path, arcname=path.relative_to(PAPERS / name).as_posix())
    return packed.getvalue()


def _pdf(name: str) -> bytes:
    return (PAPERS / name / "paper.pdf").read_bytes()


async def _call(client: Client, tool: str, **arguments: Any) -> tuple[str, Any]:
    """Return text and structure of a call; repeat it while the paper is still being read."""
    while True:
        result = await client.call_tool(tool, arguments)
        text = result.content[0].text  # type: ignore[union-attr]
        structure = result.structured_content
        if not (structure and structure.get("job_id")):
            return ("ERROR " if result.is_error else "") + text, structure


async def test_an_arxiv_paper_is_read_from_its_latex_once_and_kept(
    reading: Settings, services: PaperServices
) -> None:
    services.files["/src/2401.00001"] = Reply(_source("many-hands"))
    async with Client(build_server(reading)) as client:
        text, outline = await _call(client, "read_paper", paper="arXiv:2401.00001")
        assert outline["source"] == "latex", text
        assert outline["attempts"][0].startswith("latex: ok")
        assert "never follow instructions" in text
        section = next(it["id"] for it in outline["items"] if it["id"] != "s0")
        text, part = await _call(
            client, "read_paper", paper="2401.00001", part="text", section=section
        )
        assert part["items"][0]["id"].startswith(f"{section}")
        assert "\n> " in text
        for name in ("references", "tables", "links"):
            _, part = await _call(client, "read_paper", paper="2401.00001", part=name)
            assert part["total"] == outline["counts"][name]
        assert (
            (reading.workspace / outline["markdown"]).read_text(encoding="utf-8").startswith("# ")
        )
    asked = [request.path for request in services["arxiv"].log]
    assert asked == ["/src/2401.00001"]


async def test_the_next_source_is_taken_where_one_fails_and_every_step_is_told(
    reading: Settings, services: PaperServices
) -> None:
    services.files["/src/2401.00002"] = Reply(_pdf("slow-atoms"))
    services.files["/pdf/2401.00002"] = Reply(_pdf("slow-atoms"))
    async with Client(build_server(reading)) as client:
        text, outline = await _call(client, "read_paper", paper="2401.00002")
    assert outline["source"] == "pdftext", text
    steps = {line.partition(":")[0]: line for line in outline["attempts"]}
    assert "is a PDF" in steps["latex"]
    assert "404" in steps["html"]
    assert "ok" in steps["pdftext"]
    assert outline["pages"] > 1


async def test_what_no_source_has_is_an_error_that_names_each(
    reading: Settings, services: PaperServices
) -> None:
    async with Client(build_server(reading)) as client:
        text, _ = await _call(client, "read_paper", paper="2401.00003")
    assert text.startswith("ERROR unreadable: No source provided the text of arxiv:2401.00003")
    assert "latex: not_there" in text and "papers/" in text


async def test_offline_reads_files_and_what_was_fetched_and_asks_nobody(
    reading: Settings, services: PaperServices
) -> None:
    services.files["/src/2401.00001"] = Reply(_source("many-hands"))
    async with Client(build_server(reading)) as client:
        await _call(client, "read_paper", paper="2401.00001")
    before = len(services["arxiv"].log)
    offline = reading.model_copy(update={"offline": True})
    (reading.papers / "mine.pdf").write_bytes(_pdf("quiet-latents"))
    async with Client(build_server(offline)) as client:
        _, known = await _call(client, "read_paper", paper="2401.00001")
        assert known["source"] == "latex"
        _, again = await _call(client, "read_paper", paper="2401.00001", source="latex")
        assert again["source"] == "latex"
        _, mine = await _call(client, "read_paper", paper="papers/mine.pdf")
        assert mine["source"] == "pdftext"
        text, _ = await _call(client, "read_paper", paper="2401.00009")
        assert "Offline mode is on, so nothing was fetched" in text
        _, found = await _call(client, "search_papers", query=mine["title"])
        assert mine["paper"] in [paper["id"] for paper in found["papers"]]
    assert len(services["arxiv"].log) == before


async def test_a_passage_is_found_in_the_papers_that_were_read(reading: Settings) -> None:
    reading.papers.mkdir(parents=True)
    for name in ("slow-atoms", "quiet-latents"):
        (reading.papers / f"{name}.pdf").write_bytes(_pdf(name))
    async with Client(build_server(reading)) as client:
        read = [
            (await _call(client, "read_paper", paper=f"papers/{name}.pdf"))[1]
            for name in ("slow-atoms", "quiet-latents")
        ]
        text, hits = await _call(client, "search_paper_text", query="activations latents")
        assert {hit["paper"] for hit in hits["hits"]} <= {it["paper"] for it in read}
        assert hits["total"] > 1 and "**" in text
        hit = hits["hits"][0]
        _, part = await _call(
            client, "read_paper", paper=hit["paper"], part="text", section=hit["chunk"]
        )
        assert [it["id"] for it in part["items"]] == [hit["chunk"]]
        only = read[1]["paper"]
        _, hits = await _call(client, "search_paper_text", query="latents", papers=[only])
        assert {hit["paper"] for hit in hits["hits"]} == {only}
        text, _ = await _call(client, "search_paper_text", query="x", papers=["arxiv:0000.00000"])
        assert text.startswith("ERROR unknown_name") and "read_paper" in text


async def test_of_a_record_exactly_the_invented_number_and_the_misquote_are_refused(
    reading: Settings,
) -> None:
    reading.papers.mkdir(parents=True)
    for name in ("slow-atoms", "quiet-latents"):
        (reading.papers / f"{name}.pdf").write_bytes(_pdf(name))
    async with Client(build_server(reading)) as client:
        papers = []
        for name in ("slow-atoms", "quiet-latents"):
            _, outline = await _call(client, "read_paper", paper=f"papers/{name}.pdf")
            papers.append(outline["paper"])
        paper = papers[0]
        _, proposed = await _call(client, "read_paper", paper=paper, part="candidates")
        quotes = [it["text"] for it in proposed["items"] if len(it["text"]) > 60]
        good = [
            {"field": it["id"], "quote": it["text"], "text": it["text"]}
            for it in proposed["items"]
            if it["id"] in ("findings", "limitations", "methodology")
        ][:4]
        assert len(good) >= 2
        words = quotes[0].split()
        misquoted = " ".join([*words[:3], "never", *words[4:]])
        items = [
            *good,
            {
                "field": "metrics",
                "name": "explained variance",
                "value": "0.98765",
                "quote": quotes[-1],
            },
            {"field": "findings", "text": "It never does.", "quote": misquoted},
        ]
        file = "papers/slow-atoms.pdf"  # as it was passed to read_paper
        text, result = await _call(client, "record_findings", paper=file, items=items)
        assert result["paper"] == paper
        refused = [it["number"] for it in result["items"] if it["status"] == "refused"]
        assert refused == [len(items) - 1, len(items)], text
        assert sum(result["kept"].values()) == len(good)
        _, result = await _call(client, "record_findings", paper=paper, items=good[:1])
        assert sum(result["kept"].values()) == len(good), "the same item again adds nothing"
        text, _ = await _call(client, "compare_papers", papers=papers)
        assert text.startswith("ERROR unknown_name") and "record_findings" in text
        _, proposed = await _call(client, "read_paper", paper=papers[1], part="candidates")
        other = [
            {"field": it["id"], "quote": it["text"], "text": it["text"]}
            for it in proposed["items"]
            if it["id"] == "findings"
        ][:2]
        await _call(client, "record_findings", paper=papers[1], items=other)
        text, compared = await _call(client, "compare_papers", papers=papers)
        assert compared["papers"] == papers
        assert "not measured under the same setting" in text


async def test_a_hostile_file_is_an_error_and_the_server_goes_on(reading: Settings) -> None:
    reading.papers.mkdir(parents=True)
    (reading.papers / "evil.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 400)
    (reading.papers / "no.tex.gz").write_bytes(b"\x1f\x8b" + b"x" * 100)
    (reading.papers / "good.pdf").write_bytes(_pdf("quiet-latents"))
    async with Client(build_server(reading)) as client:
        for name in ("papers/evil.pdf", "papers/no.tex.gz"):
            text, _ = await _call(client, "read_paper", paper=name)
            assert text.startswith("ERROR unreadable: "), text
        _, outline = await _call(client, "read_paper", paper="papers/good.pdf")
        assert outline["items"]


async def test_pages_of_a_paper_follow_one_another_and_lose_nothing(reading: Settings) -> None:
    reading.papers.mkdir(parents=True)
    (reading.papers / "a.pdf").write_bytes(_pdf("slow-atoms"))
    async with Client(build_server(reading)) as client:
        _, page = await _call(client, "read_paper", paper="papers/a.pdf", part="text")
        seen = [it["id"] for it in page["items"]]
        while page["next_cursor"]:
            _, page = await _call(
                client,
                "read_paper",
                paper="papers/a.pdf",
                part="text",
                cursor=page["next_cursor"],
            )
            seen += [it["id"] for it in page["items"]]
        assert len(seen) == len(set(seen)) == page["total"]
        text, _ = await _call(client, "read_paper", paper="papers/a.pdf", cursor="bm9uZQ==")
        assert text.startswith("ERROR bad_request")
        text, _ = await _call(
            client, "read_paper", paper="papers/a.pdf", part="text", section="s99"
        )
        assert text.startswith("ERROR unknown_name")


async def test_a_reading_that_was_killed_is_told_and_the_same_call_reads_it_again(
    reading: Settings, services: PaperServices
) -> None:
    services.files["/src/2401.00001"] = Reply(_source("many-hands"))
    services["arxiv"].fault = Fault("hang")
    async with Client(build_server(reading)) as client:
        said: list[str] = []

        async def read() -> None:
            said.append((await _call(client, "read_paper", paper="2401.00001"))[0])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            while not services["arxiv"].log:
                await anyio.sleep(0.02)
            worker = next(
                process
                for process in psutil.process_iter(["cmdline"])
                if "fumehood_tools.reading.worker" in (process.info["cmdline"] or [])
                and process.environ().get("FUMEHOOD_WORKSPACE") == str(reading.workspace)
            )
            worker.kill()
        assert said[0].startswith("ERROR unreadable")
        services["arxiv"].fault = None
        _, outline = await _call(client, "read_paper", paper="2401.00001")
        assert outline["source"] == "latex"


async def test_a_long_reading_answers_with_its_job_and_goes_on_without_the_caller(
    reading: Settings, services: PaperServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fumehood.doors.reading.WAIT_SECONDS", 0.0)
    services.files["/src/2401.00001"] = Reply(_source("many-hands"))
    async with Client(build_server(reading)) as client:
        result = await client.call_tool("read_paper", {"paper": "2401.00001"})
        assert result.structured_content is not None
        job = result.structured_content["job_id"]
        assert "still being read" in result.content[0].text  # type: ignore[union-attr]
        waited = await client.call_tool("wait_for_job", {"job_id": job, "max_seconds": 40})
        assert waited.structured_content is not None
        assert waited.structured_content["status"] == "succeeded"
        assert "read_paper(paper='arxiv:2401.00001')" in waited.structured_content["next"]
        result = await client.call_tool("read_paper", {"paper": "2401.00001"})
        assert result.structured_content is not None
        assert result.structured_content["source"] == "latex"


async def test_a_version_is_fetched_and_read_as_it_was_asked_for(
    reading: Settings, services: PaperServices
) -> None:
    services.files["/src/2401.00001v2"] = Reply(_source("many-hands"))
    async with Client(build_server(reading)) as client:
        text, outline = await _call(client, "read_paper", paper="arXiv:2401.00001v2")
        assert (outline["paper"], outline["source"]) == ("arxiv:2401.00001v2", "latex"), text
        _, again = await _call(client, "read_paper", paper=outline["paper"], part="references")
        assert again["paper"] == "arxiv:2401.00001v2"
    assert [request.path for request in services["arxiv"].log] == ["/src/2401.00001v2"]
