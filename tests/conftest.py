"""What holds for all tests: nothing is judged by the clock, so examples have no deadline."""

import pytest
from hypothesis import settings

from fumehood_tools.registry import kinds

pytest_plugins = ["suite_rules"]

settings.register_profile("fumehood", deadline=None)
settings.load_profile("fumehood")


@pytest.fixture
def own_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget after the test the kinds of records that it makes known."""
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))
