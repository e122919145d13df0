"""Configuration for all tests: none depends on the clock, so hypothesis has no deadline."""

import pytest
from hypothesis import settings

from fumehood_tools.registry import kinds

settings.register_profile("fumehood", deadline=None)
settings.load_profile("fumehood")


@pytest.fixture
def own_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the test, forget the kinds of records that it registered."""
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))
