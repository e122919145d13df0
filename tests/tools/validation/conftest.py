"""A paper and a repository that implements it, small enough to read."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from fakes.dripgate import ADDRESS, PAPER, REPOSITORY, Repository

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.markdown_text import read_markdown
from fumehood_tools.repositories import Checkout, local_checkout


@pytest.fixture
def paper() -> Document:
    """An invented paper of two authors."""
    return read_markdown(PAPER.encode()).model_copy(
        update={"authors": ["Anna Dalgren", "Bo Ekstrand"]}
    )


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a function that writes a repository, the paper's own by default, as a checkout."""
    count = 0

    def write(
        files: Mapping[str, str] = REPOSITORY, address: str = ADDRESS, **more: str
    ) -> Checkout:
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        folder.mkdir()
        for name, text in {**files, **more}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return local_checkout(folder, address)

    return write
