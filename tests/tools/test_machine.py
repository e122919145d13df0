"""What is computed in which numbers follows from a measurement that is made once."""

from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.files import write_json
from fumehood_tools.machine import Machine, RealDtype, integer_screening, read_machine


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A measurement of this machine, which takes over a second."""
    return read_machine(tmp_path_factory.mktemp("machine")).model_dump()


@pytest.mark.parametrize(
    ("int8_gops", "arithmetic", "device", "screens"),
    [
        (260.0, "float32", "cpu", True),
        (140.0, "float32", "cpu", False),  # does not pay for candidates that are scored again
        (260.0, "bfloat16", "cpu", False),
        (460.0, "bfloat16", "cpu", True),
        (460.0, "bfloat16", "cuda", False),
        (260.0, "float32", "cuda", False),
    ],
)
def test_selections_are_screened_in_integers_where_these_were_measured_to_be_faster(
    tmp_path: Path,
    measured: dict[str, Any],
    int8_gops: float,
    arithmetic: RealDtype,
    device: str,
    screens: bool,
) -> None:
    assert not integer_screening(arithmetic, device, tmp_path)  # nothing is measured yet
    assert measured["int8_gops"] > 0
    rates = {"float32_gflops": 100.0, "bfloat16_gflops": 250.0, "int8_gops": int8_gops}
    changed = {**measured, **rates}
    write_json(tmp_path / "machine.json", changed)
    assert integer_screening(arithmetic, device, tmp_path) == screens


def test_a_measurement_of_an_earlier_version_is_made_again(
    tmp_path: Path, measured: dict[str, Any]
) -> None:
    write_json(tmp_path / "machine.json", {k: v for k, v in measured.items() if k != "int8_gops"})
    assert not integer_screening("float32", "cpu", tmp_path)
    assert Machine.model_validate(read_machine(tmp_path)).int8_gops > 0
