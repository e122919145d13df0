"""A workspace with one study, for all tests of plans and conclusions."""

from pathlib import Path

import pytest
from fakes.studies_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
