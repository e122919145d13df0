"""An order says by content what is trained: it is the same on every machine, and again later."""

from pathlib import Path
from typing import Any

import pytest
from fakes.scripted_target import activations

from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.orders import TrainingOrder, order_for, recipe_of
from fumehood_tools.spec import LimitsSpec, SandboxSpec

# A file may have any encoding that it declares.
SOURCE = b'# -*- coding: latin-1 -*-\n"""Gr\xfc\xdfe"""\n'


def order(
    folder: str = "/home/me/cache",
    spec: SandboxSpec | None = None,
    arithmetic: str = "float32",
    **changes: Any,
) -> TrainingOrder:
    recipe = recipe_of(spec or SandboxSpec(), activations(folder), "cpu", arithmetic)
    item = RunItem("mine", 3, SOURCE, "a" * 16, Path(folder) / "results")
    return order_for(item._replace(**changes), recipe)


def test_no_path_of_this_machine_is_in_an_order() -> None:
    assert "/home" not in order().model_dump_json()
    assert order().digest == order("/mnt/elsewhere").digest


def test_an_order_arrives_as_it_was_sent() -> None:
    sent = order()
    arrived = TrainingOrder.model_validate_json(sent.model_dump_json())
    assert arrived == sent and arrived.source == SOURCE and arrived.digest == sent.digest
    # Steps are whole numbers to a training, and rates are not.
    assert isinstance(arrived.recipe.schedule["steps"], int)
    assert isinstance(arrived.recipe.schedule["lr"], float)


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 4},
        {"source": SOURCE + b"\n"},
        {"digest": "b" * 16},
        {"arithmetic": "bfloat16"},
        {"spec": SandboxSpec(limits=LimitsSpec(train_minutes=1))},
        {"spec": SandboxSpec(dict_size=64)},
    ],
    ids=["seed", "source", "data or code", "arithmetic", "limits", "size"],
)
def test_an_order_for_anything_else_has_another_digest(changed: dict[str, Any]) -> None:
    assert order(**changed).digest != order().digest
