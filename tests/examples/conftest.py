"""The variants of examples/, loaded as `core` loads them."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from fumehood_tools.kinds import template_root

sys.path.insert(0, str(template_root()))
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "variants"


@pytest.fixture(scope="session")
def variant() -> Callable[[str], ModuleType]:
    """Return a function from a variant's name to its module."""
    from core import load_variant

    return lambda name: load_variant(EXAMPLES / f"{name}.py")
