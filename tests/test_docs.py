"""The documents: the README is short, no link is dead, and every command works as written."""

import os
import re
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
)
# Start of a command -> the reason why it is not run here.
NOT_RUN = {
    "make": "each target has its own test, or takes minutes",
    "claude": "a client that is not part of fumehood",
    ".venv/bin/fumehood call search_papers": "sends requests to services",
    ".venv/bin/fumehood call read_paper": "sends a request to arXiv, or needs the reader's PDF",
    ".venv/bin/fumehood redteam": "takes minutes; tests/redteam runs it",
    ".venv/bin/fumehood serve": "serves until it is stopped; tests/server runs it",
    ".venv/bin/fumehood verify --workspace work": "needs the reader's workspace",
}


def blocks(page: Path) -> list[str]:
    """Return the shell blocks of a page."""
    return re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


def commands() -> list[str]:
    """Return the commands of all pages, without comments and duplicates."""
    found = [
        line.split("  #")[0].split(" # ")[0].strip()
        for page in PAGES
        for block in blocks(page)
        for line in block.splitlines()
    ]
    return list(dict.fromkeys(line for line in found if line and not line.startswith("#")))


def is_run(command: str) -> bool:
    return not any(command.startswith(start) for start in NOT_RUN)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as used in links."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_is_dead(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}"


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.encode()) <= 7_000
    linked = {page.name for page in PAGES[3:] if f"docs/{page.name}" in text}
    further = {
        target
        for name in linked
        for target in re.findall(r"\]\(([^)\s#]+)", (ROOT / "docs" / name).read_text("utf-8"))
    }
    assert not [page.name for page in PAGES[3:] if page.name not in linked | further]


def test_whatever_is_not_run_has_a_reason_that_is_still_needed() -> None:
    assert [command for command in commands() if is_run(command)]
    for start in NOT_RUN:
        assert any(command.startswith(start) for command in commands()), start


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a workspace of signed records, for commands that read a workspace."""
    folder = tmp_path_factory.mktemp("docs")
    with tarfile.open(ROOT / "tests" / "fixtures" / "workspace_1.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.child
@pytest.mark.parametrize("command", [command for command in commands() if is_run(command)])
def test_a_command_runs_as_it_is_written(command: str, workspace: Path) -> None:
    program, *arguments = shlex.split(command)
    assert program in (".venv/bin/fumehood", "fumehood"), f"say in NOT_RUN why {command} is not run"
    if arguments[0] == "verify" and "--key" not in arguments:
        # Scoring again has its own tests, and needs the package versions that were used to score.
        arguments += ["--rescore", "0"]
    path = os.pathsep.join([str(ROOT / "server"), str(ROOT / "tools")])
    done = subprocess.run(
        [sys.executable, "-m", "fumehood", *arguments],
        cwd=workspace,
        env={**os.environ, "PYTHONPATH": path, "FUMEHOOD_CACHE": str(workspace / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
