"""Fixtures for repositories: a git server on loopback, and settings that lead to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.git_server import GitServer

from fumehood_tools.settings import Settings, load_settings


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "host") as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, server: GitServer) -> Settings:
    """Settings in which github.com is the git server."""
    environ = {
        "FUMEHOOD_CACHE": str(tmp_path / "cache"),
        "FUMEHOOD_ENDPOINTS": f"github_git={server.url}",
    }
    (tmp_path / "workspace").mkdir()
    return load_settings(tmp_path / "workspace", environ)
