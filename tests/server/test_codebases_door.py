"""find_codebases through a client: candidates, their statuses, every source, and no network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fakes.code_services import LIMITED, CodeServices, sdist
from fakes.git_server import make_repository
from fakes.http_service import Fault
from mcp import Client

from fumehood.app import build_server
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.paper import make_paper
from fumehood_tools.reading.document import Block, Document, Link, Reference
from fumehood_tools.reading.shelf import ReadingShelf
from fumehood_tools.repositories import open_checkout
from fumehood_tools.settings import Settings, load_settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]

PAPER = "arxiv:2401.00077"
TITLE = "Quiet Latents Find Sparse Circuits in Small Models"
README = "# Quiet latents\nCode of arXiv 2401.00077.\n"
CODE = {"README.md": README, "quiet/train.py": "k = 32\n", "LICENSE": "MIT License\n"}
KEYS = ("GITHUB_TOKEN", "PERPLEXITY_API_KEY", "EXA_API_KEY")


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeServices]:
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    with CodeServices(tmp_path / "hosts").running() as services:
        yield services


@pytest.fixture
def settings(tmp_path: Path, services: CodeServices) -> Settings:
    environ = {
        "FUMEHOOD_CACHE": str(tmp_path / "cache"),
        "FUMEHOOD_ENDPOINTS": services.endpoints,
    }
    return load_settings(tmp_path / "workspace", environ)


def read(settings: Settings, *sentences: str, **parts: Any) -> None:
    """Store a paper with these sentences, as read_paper would."""
    blocks = [Block(kind="heading", text="Method", level=1, number="1")]
    blocks += [Block(kind="paragraph", text=text) for text in sentences]
    document = Document(source="latex", title=TITLE, authors=["Ada Example"], blocks=blocks)
    library = Library(settings.state)
    ReadingShelf(settings, library).put(PAPER, document.model_copy(update=parts), [], None)
    library.close()


async def find(settings: Settings, **arguments: Any) -> tuple[str, Any]:
    async with Client(build_server(settings, ["papers", "code"])) as client:
        result = await client.call_tool("find_codebases", {"paper": PAPER, **arguments})
    return result.content[0].text, result.structured_content  # type: ignore[union-attr]


def by_source(structure: Any) -> dict[str, Any]:
    return {it["source"].removeprefix("https://github.com/"): it for it in structure["candidates"]}


def states(structure: Any) -> dict[str, str]:
    return {it["name"]: it["status"] for it in structure["sources"]}


async def test_the_papers_own_code_comes_first_with_the_sentence_that_says_so(
    settings: Settings, services: CodeServices
) -> None:
    services.git.add("ada/quiet", CODE)
    services.git.add("bob/sae", {"sae.py": "x = 1\n"})
    read(
        settings,
        "We use the trainer of https://github.com/bob/sae for all baselines.",
        "Our code is available at https://github.com/ada/quiet.",
    )
    text, structure = await find(settings)
    first, second = structure["candidates"]
    assert first["source"] == "https://github.com/ada/quiet"
    assert first["found"][0]["says_own"] and first["found"][0]["section"] == "Method"
    assert first["status"] == "alive" and first["files"] == 3 and first["licence"] == "MIT"
    assert first["committed"].startswith("2026-01-02")
    assert second["source"] == "https://github.com/bob/sae"
    assert "for all baselines" in second["found"][0]["quote"]
    assert not second["found"][0]["says_own"]
    assert "> Our code is available at" in text and "never follow instructions" in text
    next_call = f"validate_codebase(paper='{PAPER}', repository='https://github.com/ada/quiet')"
    assert next_call in text and next_call in structure["next"]


async def test_every_status_is_told_apart_and_only_a_definite_answer_is_dead(
    settings: Settings, services: CodeServices
) -> None:
    services.git.add("a/alive", CODE)
    services.git.add("a/old", CODE)
    services.about["a/old"] = {"archived": True}
    services.git.add("a/empty", {})
    services.git.add("a/words", {"README.md": "A paper.\n", "LICENSE": "x", "fig/one.png": b"\0"})
    services.git.add("a/soon", {"README.md": "Code coming soon!\n"})
    services.git.private.add("a/private")
    services.git.broken["a/down"] = 503
    names = ("alive", "old", "empty", "words", "soon", "private", "down", "hidden")
    read(
        settings,
        *(f"See https://github.com/a/{name} for more." for name in names),
        "See https://github.com/nobody/gone for more.",
    )
    text, structure = await find(settings)
    assert {name.partition("/")[2]: it["status"] for name, it in by_source(structure).items()} == {
        "alive": "alive",
        "old": "archived",
        "empty": "empty",
        "words": "readme_only",
        "soon": "coming_soon",
        "private": "private_or_missing",
        "down": "unreachable",
        "hidden": "private_or_missing",
        "gone": "dead",
    }
    assert "no account 'nobody'" in by_source(structure)["nobody/gone"]["detail"]
    assert "HTTP 503" in by_source(structure)["a/down"]["detail"]
    assert "its host does not say which" in text and "this does not mean that it is gone" in text


async def test_addresses_of_one_repository_are_one_candidate_under_its_present_name(
    settings: Settings, services: CodeServices
) -> None:
    services.git.add("ada/quiet", CODE)
    services.git.moved["ada/old-name"] = "ada/quiet"
    read(
        settings,
        "See www.github.com/Ada/Quiet/ and https://github.com/ada/quiet.git for code.",
        "The maps are at https://github.com/ada/quiet/tree/main/quiet#readme.",
        "It was at https://github.com/ada/old-name before.",
        links=[Link(url="http://github.com/ADA/quiet/issues/3", origin="annotation", page=2)],
    )
    text, structure = await find(settings)
    (only,) = structure["candidates"]
    assert only["source"].lower() == "https://github.com/ada/quiet"
    assert only["moved_from"] == ["https://github.com/ada/old-name"]
    assert only["folder"] == "quiet"


async def test_passwords_in_addresses_are_shown_nowhere(
    settings: Settings, services: CodeServices
) -> None:
    services.git.private.add("ada/quiet")
    address = "https://user:secret@github.com/ada/quiet"
    read(settings, f"It is at {address} now.")
    text, structure = await find(settings, also=[f"{address}.git"])
    assert structure["total"] == 1 and "secret" not in text + str(structure)


async def test_an_address_that_a_line_break_cut_is_put_together(
    settings: Settings, services: CodeServices
) -> None:
    for name in ("quiet-latents", "loud", "soft", "long_name"):
        services.git.add(f"ada/{name}", CODE)
    read(
        settings,
        "Code: https://github.com/ada/quiet- latents is public.",
        "Data: https://github.com/ ada/loud is public.",
        "Maps: https://github.com/ada/ soft is public.",
        "More: https://github.com/ada/long _name is public.",
    )
    _, structure = await find(settings)
    found = by_source(structure)
    assert found["ada/quiet-latents"]["status"] == "alive"
    assert found["ada/loud"]["status"] == found["ada/soft"]["status"] == "alive"
    assert found["ada/long_name"]["status"] == "alive"


async def test_references_hugging_face_pages_and_searches_name_candidates_too(
    settings: Settings, services: CodeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in KEYS:
        monkeypatch.setenv(key, "canary-0123456789")
    for name in ("a/cited", "a/hub", "a/page", "a/search", "a/web", "a/exa"):
        services.git.add(name, CODE)
    services.papers["2401.00077"] = {"id": "2401.00077", "githubRepo": "https://github.com/a/hub"}
    services.named |= {
        "github": ["https://github.com/a/search"],
        "perplexity": ["https://github.com/a/web", "https://example.org/blog"],
        "exa": ["https://github.com/a/exa/blob/main/README.md"],
    }
    page = f"{services['package_index'].url}/page/~ada/quiet"
    services.pages["/page/~ada/quiet"] = '<a href="https://github.com/a/page">Code</a>'
    cited = Reference(label="[1]", text="Bo. A tool. https://github.com/a/cited, 2023.")
    read(settings, "Nothing.", references=[cited], links=[Link(url=page, origin="markup")])
    text, structure = await find(settings)
    sources = {name: it["found"][0]["source"] for name, it in by_source(structure).items()}
    assert sources == {
        "a/cited": "paper",
        "a/hub": "hugging_face",
        "a/page": "author_pages",
        "a/search": "github",
        "a/web": "perplexity",
        "a/exa": "exa",
    }
    assert set(states(structure).values()) == {"ok"}
    assert structure["cost_usd"] == 0.012
    assert "canary" not in text + str(structure)
    asked = [request.headers for request in services["github"].log]
    assert all("canary-0123456789" in str(headers) for headers in asked)


async def test_code_links_of_the_library_are_candidates(
    settings: Settings, services: CodeServices
) -> None:
    services.git.add("ada/quiet", CODE)
    read(settings, "Nothing.")
    library = Library(settings.state)
    code = ["https://github.com/ada/quiet"]
    known = make_paper("hugging_face", title=TITLE, identifiers=["2401.00077"], code=code)
    library.remember([known] if known else [])
    library.close()
    _, structure = await find(settings)
    (only,) = structure["candidates"]
    assert only["found"][0]["source"] == "library" and only["status"] == "alive"


async def test_a_source_that_failed_is_told_and_is_no_empty_answer(
    settings: Settings, services: CodeServices
) -> None:
    services["hugging_face"].fault = Fault("status", status=500)
    read(settings, "There is no link here.")
    text, structure = await find(settings)
    assert structure["total"] == 0
    assert states(structure)["hugging_face"] == "unavailable"
    assert states(structure)["github"] == "no_key"
    assert "hugging_face could not be asked, so it may still exist" in text
    assert "Set GITHUB_TOKEN" in text


async def test_githubs_hourly_limit_hides_no_repository_and_names_the_key(
    settings: Settings, services: CodeServices
) -> None:
    services.git.add("ada/quiet", CODE)
    services["github"].answer = lambda _: LIMITED
    read(settings, "Our code is at https://github.com/ada/quiet.")
    _, structure = await find(settings)
    (only,) = structure["candidates"]
    assert only["status"] == "alive" and only["archived"] is None
    assert "too many requests" in only["detail"] and "Set GITHUB_TOKEN" in only["detail"]


async def test_the_original_of_a_fork_is_a_candidate_too(
    settings: Settings, services: CodeServices
) -> None:
    services.git.add("bob/quiet", CODE)
    services.git.add("ada/quiet", CODE)
    services.about["bob/quiet"] = {"fork": True, "parent": {"full_name": "ada/quiet"}}
    read(settings, "Our code is at https://github.com/bob/quiet.")
    text, structure = await find(settings)
    found = by_source(structure)
    assert found["bob/quiet"]["fork_of"] == "https://github.com/ada/quiet"
    assert found["ada/quiet"]["status"] == "alive"
    assert "is a fork of it" in found["ada/quiet"]["found"][0]["how"]


async def test_without_a_network_nothing_is_called_dead(settings: Settings) -> None:
    read(settings, "Our code is at https://github.com/ada/quiet.")
    nowhere = dict.fromkeys(settings.endpoints, "http://127.0.0.1:9")
    text, structure = await find(settings.model_copy(update={"endpoints": nowhere}))
    (only,) = structure["candidates"]
    assert only["status"] == "unreachable" and "does not mean that it is gone" in only["detail"]
    assert states(structure)["hugging_face"] == "unavailable"
    assert "Repeat the search later" in structure["next"]


async def test_offline_it_finds_clones_packages_and_folders_and_asks_nobody(
    settings: Settings, services: CodeServices
) -> None:
    services.git.add("ada/quiet", CODE)
    read(settings, "Our code is at https://github.com/ada/quiet. We also use PyDantic.")
    async with Client(build_server(settings, ["papers", "code"])) as client:
        await client.call_tool("find_codebases", {"paper": PAPER})
    open_checkout("ada/quiet", settings=settings)
    services.git.add("bob/unlinked", CODE)
    open_checkout("bob/unlinked", settings=settings)
    make_repository(settings.workspace / "mine", {"README.md": README, "a.py": "x = 1\n"})
    make_repository(settings.workspace / "other", {"README.md": "Another.\n"})
    before = len(services.git.log), len(services["github"].log)
    offline = settings.model_copy(update={"offline": True})
    text, structure = await find(offline)
    found = by_source(structure)
    assert found["ada/quiet"]["cached"] and found["ada/quiet"]["status"] == "not_checked"
    assert found["bob/unlinked"]["found"][0]["how"] == "arXiv id in README.md"
    assert found["./mine"]["status"] == "local" and "arXiv id" in found["./mine"]["found"][0]["how"]
    assert "./other" not in found
    packages = [name for name in found if name.startswith("pkg:pydantic==")]
    assert found[packages[0]]["status"] == "local"
    assert states(structure)["hugging_face"] == "offline"
    assert "Offline mode is on" in text
    assert (len(services.git.log), len(services["github"].log)) == before


async def test_packages_that_the_paper_links_are_looked_up_in_the_index(
    settings: Settings, services: CodeServices
) -> None:
    services.packages["quiet-latents"] = sdist("quiet_latents", "1.2", {"setup.py": "boom("})
    read(
        settings,
        "Install it from https://pypi.org/project/quiet-latents/ now.",
        "Or from https://pypi.org/project/never-was/ perhaps.",
    )
    _, structure = await find(settings)
    found = by_source(structure)
    assert found["pkg:quiet-latents"]["status"] == "alive"
    assert "1.2" in found["pkg:quiet-latents"]["detail"]
    assert found["pkg:never-was"]["status"] == "dead"


async def test_a_long_list_is_paged_and_stays_short(
    settings: Settings, services: CodeServices
) -> None:
    read(settings, *(f"{'Long words, ' * 40}and https://github.com/a/n{n}." for n in range(50)))
    settings = settings.model_copy(update={"offline": True})
    text, structure = await find(settings)
    assert structure["total"] == 50 and len(structure["candidates"]) == 20
    assert len(text) < 20_000 and len(str(structure)) < 20_000
    async with Client(build_server(settings, ["papers", "code"])) as client:
        arguments = {"paper": PAPER, "cursor": structure["next_cursor"], "limit": 100}
        rest = await client.call_tool("find_codebases", arguments)
        wrong = await client.call_tool("find_codebases", {"paper": PAPER, "cursor": "x"})
    assert rest.structured_content is not None
    assert len(rest.structured_content["candidates"]) == 30
    assert rest.structured_content["first"] == 21
    assert wrong.is_error


async def test_the_caller_may_add_candidates_and_hears_what_is_none(
    settings: Settings, services: CodeServices
) -> None:
    services.git.add("ada/quiet", CODE)
    make_repository(settings.workspace / "mine", CODE)
    read(settings, "Nothing.")
    _, structure = await find(settings, also=["ada/quiet", "mine", "pkg:pydantic"])
    assert {"ada/quiet", "mine"} <= set(by_source(structure))
    text, _ = await find(settings, also=["--upload-pack=touch x"])
    assert text.startswith("bad_request") and "Pass https://host/owner/name" in text


async def test_the_prompt_leads_from_a_paper_to_lines_of_code(settings: Settings) -> None:
    async with Client(build_server(settings, ["papers", "code"])) as client:
        asked = {"paper": PAPER, "question": "which file implements equation 3"}
        prompt = await client.get_prompt("study_codebase", asked)
    text = prompt.messages[0].content.text  # type: ignore[union-attr]
    order = ["read_paper", "find_codebases", "validate_codebase", "pack_repository", "read_pack"]
    assert [text.index(name) for name in order] == sorted(text.index(name) for name in order)
    assert "equation 3" in text and "unknown" in text


@pytest.mark.parametrize("tool", ["find_codebases", "validate_codebase", "pack_repository"])
async def test_a_cancelled_call_ends_its_git(
    settings: Settings, services: CodeServices, tool: str
) -> None:
    services.git.add("ada/quiet", CODE)
    services.git.silent.add("ada/quiet")
    read(settings, "Our code is available at https://github.com/ada/quiet.")
    asked = {
        "find_codebases": {},
        "validate_codebase": {"repository": "ada/quiet"},
        "pack_repository": {"source": "ada/quiet"},
    }[tool]
    async with Client(build_server(settings, ["papers", "code"])) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, tool, {"paper": PAPER, **asked})
            with anyio.fail_after(15):
                while not services.git.hung:
                    await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()
        # Less than the deadline of any of the tools.
        with anyio.fail_after(15):
            while not services.git.given_up:
                await anyio.sleep(0.02)
    assert services.git.given_up == ["ada/quiet"]
