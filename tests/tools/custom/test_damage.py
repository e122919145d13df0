"""The search of the steering sandbox for the length of a vector at which effects are compared."""

import importlib.util
import math
from collections.abc import Callable
from types import ModuleType

import pytest

from fumehood_tools.files import data_path


@pytest.fixture(scope="module")
def evaluation() -> ModuleType:
    path = data_path("sandbox_template") / "steering" / "evaluation" / "evaluate.py"
    spec = importlib.util.spec_from_file_location("steering_evaluation", path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize(
    "damage_at",
    [
        lambda length: 0.4 * length**2,
        lambda length: 30 * length**4,
        lambda length: 0.05 * length + (4 if length > 3 else 0),
        lambda length: 0.01 if length < 1 else 0.1 * length,
    ],
    ids=["square", "steep", "jump above", "jump below"],
)
def test_the_length_is_found_wherever_the_damage_takes_the_common_value(
    evaluation: ModuleType, damage_at: Callable[[float], float]
) -> None:
    length, damage = evaluation.at_damage("food", damage_at)
    assert damage == damage_at(length) == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize(
    "damage_at",
    [
        lambda length: 5.0 if length > 0.5 else 0.01 * length,
        lambda length: 0.02,
        lambda length: 0.4,
        lambda length: math.nan,
    ],
    ids=["jumps over it", "too little", "too much", "no number"],
)
def test_a_vector_without_such_a_length_has_no_effect(
    evaluation: ModuleType, damage_at: Callable[[float], float]
) -> None:
    with pytest.raises(evaluation.NotMeasured, match="the vector of food has no effect"):
        evaluation.at_damage("food", damage_at)
