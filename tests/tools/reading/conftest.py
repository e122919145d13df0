"""A short invented paper as a document."""

from pathlib import Path

import pytest

from fumehood_tools.reading.document import Document

PAPER = Path(__file__).with_name("invented_paper.json")


@pytest.fixture
def paper() -> Document:
    """Return an invented paper about a sparse autoencoder: two pages, one table, limitations."""
    return Document.model_validate_json(PAPER.read_text(encoding="utf-8"))
