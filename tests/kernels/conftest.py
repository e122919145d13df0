"""`core` on the path, as the template's own processes have it, and taken out again."""

import sys
from collections.abc import Iterator

import pytest

from fumehood_tools.files import data_path

TEMPLATE = str(data_path("sandbox_template"))


@pytest.fixture(scope="module", autouse=True)
def template_on_the_path() -> Iterator[None]:
    """Let tests import core; later modules import it anew."""
    before = set(sys.modules)
    sys.path.insert(0, TEMPLATE)
    yield
    sys.path.remove(TEMPLATE)
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("core", "nnsight", "wandb"):
            del sys.modules[name]
