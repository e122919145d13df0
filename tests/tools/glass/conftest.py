"""One nursery for each isolation level of this machine, shared by all tests of a session."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fumehood_tools.glass import (
    ChildLimits,
    ChildOutcome,
    GlassLevel,
    Nursery,
    available_levels,
    remove_folder,
)

Run = Callable[..., ChildOutcome]
GPU = 3
"""The number of the GPU that is theirs, whether the machine has so many or not."""


@pytest.fixture(scope="session")
def nurseries(
    tmp_path_factory: pytest.TempPathFactory, kernels: Path | None
) -> Iterator[dict[GlassLevel, Nursery]]:
    started = {
        level: Nursery(tmp_path_factory.mktemp(level), level=level, kernels=kernels, gpu=GPU)
        for level in available_levels()
    }
    yield started
    for nursery in started.values():
        nursery.close()
        # Some tests leave folders so deep that pytest could not remove them later.
        remove_folder(nursery.scratch_root)


@pytest.fixture
def run(nurseries: dict[GlassLevel, Nursery], request: pytest.FixtureRequest) -> Run:
    """Return a function that runs code in a child, by default at the strongest level."""

    def run_code(code: str, level: GlassLevel | None = None, **limits: float) -> ChildOutcome:
        nursery = nurseries[level or available_levels()[0]]
        folder = nursery.scratch_root / request.node.name.replace("/", "-")
        folder.mkdir(exist_ok=True)
        program = folder / "program.py"
        program.write_text(code, encoding="utf-8")
        allowed = ChildLimits.model_validate({"wall_seconds": 30, "memory_gb": 1, **limits})
        scratch = folder / "scratch"
        with nursery.start(
            str(program), {}, scratch=scratch, readable=[program], limits=allowed
        ) as child:
            return child.wait()

    return run_code


@pytest.fixture
def scratch_of(
    nurseries: dict[GlassLevel, Nursery], request: pytest.FixtureRequest
) -> Callable[[], Path]:
    """Return a function that returns the scratch folder of this test's children."""
    root = nurseries[available_levels()[0]].scratch_root
    return lambda: root / request.node.name.replace("/", "-") / "scratch"
