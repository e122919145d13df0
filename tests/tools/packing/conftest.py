"""Pack folders into a workspace."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.packing.pack import Pack
from fumehood_tools.packing.packer import Tools, pack_checkout
from fumehood_tools.packing.request import PackRequest
from fumehood_tools.packing.secret_scan import SecretScan
from fumehood_tools.packing.shelf import PackShelf
from fumehood_tools.packing.tokens import installed_tokenizer
from fumehood_tools.repositories import open_checkout
from fumehood_tools.settings import load_settings

Packed = tuple[Pack, PackShelf]


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools(SecretScan(), installed_tokenizer(), None)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    return folder


@pytest.fixture
def pack_it(tmp_path: Path, repository: Path, tools: Tools) -> Callable[..., Packed]:
    """Return a function that packs `repository` as asked."""

    def pack(**asked: Any) -> Packed:
        request = PackRequest(source="mine", **asked)
        settings = load_settings(tmp_path, {"FUMEHOOD_CACHE": str(tmp_path / "cache")})
        checkout = open_checkout(str(repository), settings=settings)._replace(address="mine")
        made = pack_checkout(checkout, request, tmp_path, tools)
        return made, PackShelf(tmp_path)

    return pack
