"""The short paper, written for these tests, that the tests of reading use too."""

from pathlib import Path

import pytest

from fumehood_tools.reading.document import Document

PAPER = Path(__file__).parents[1] / "reading" / "invented_paper.json"


@pytest.fixture(scope="session")
def paper() -> Document:
    """Return an invented paper about a sparse autoencoder: two pages, one table, limitations."""
    return Document.model_validate_json(PAPER.read_text(encoding="utf-8"))
