"""Comparisons of the records of several papers."""

from typing import Any

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.paper_records.compare import NOTE, compare_records
from fumehood_tools.paper_records.naming import comparable_name
from fumehood_tools.paper_records.record import CheckedItem, CheckedRecord, Item, Status

QUOTE = "words of the paper | that carry it"


def record(*items: tuple[str, dict[str, Any]], status: Status = "accepted") -> CheckedRecord:
    return CheckedRecord(
        items=[
            CheckedItem(
                item=Item.model_validate({"field": field, "quote": QUOTE, **more}),
                status=status,
                section="s4",
                section_title="Results",
                page=3,
            )
            for field, more in items
        ]
    )


def metric(name: str, value: str, **more: str) -> tuple[str, dict[str, Any]]:
    return "metrics", {"name": name, "value": value, **more}


def test_a_metric_of_two_papers_stands_in_one_row_whatever_its_spelling() -> None:
    first = record(metric("Explained variance", "0.82", data_set="The Pile", model="Pythia-70M"))
    second = record(
        metric("EV", "0.79", data_set="the pile", model="pythia 70M", setting="L0 = 32")
    )
    rows = compare_records({"moss": first, "fern": second}).metrics
    assert len(rows) == 1 and list(rows[0].values) == ["moss", "fern"]
    value = rows[0].values["fern"][0]
    assert (value.text, value.setting, value.quote) == ("0.79", "L0 = 32", QUOTE)
    assert value.place == "s4 Results, p. 3"


def test_another_data_set_or_model_is_another_row() -> None:
    first = record(metric("EV", "0.82", data_set="Pile", model="A"))
    second = record(
        metric("EV", "0.79", data_set="Pile", model="B"), metric("EV", "0.7", model="A")
    )
    assert len(compare_records({"a": first, "b": second}).metrics) == 3


def test_settings_are_aligned_and_shared_rows_come_first() -> None:
    first = record(
        ("technical_parameters", {"name": "seeds", "value": "3"}),
        ("technical_parameters", {"name": "learning rate", "value": "3e-4"}),
    )
    second = record(("technical_parameters", {"name": "LR", "value": "1e-3"}))
    rows = compare_records({"a": first, "b": second}).parameters
    assert [(row.name, len(row.values)) for row in rows] == [("learning rate", 2), ("seeds", 1)]


def test_the_papers_that_lack_a_field_are_named() -> None:
    first = record(("limitations", {"text": "One model only."}))
    lacking = compare_records({"a": first, "b": record()}).lacking
    assert lacking["limitations"] == ["b"] and lacking["metrics"] == ["a", "b"]


def test_refused_items_take_no_part_and_flagged_ones_are_marked() -> None:
    refused = record(metric("EV", "0.99"), status="refused")
    flagged = record(metric("EV", "0.79"), status="flagged")
    comparison = compare_records({"a": refused, "b": flagged})
    assert list(comparison.metrics[0].values) == ["b"] and comparison.lacking["metrics"] == ["a"]
    assert "0.79 (!)" in comparison.text() and "0.99" not in comparison.text()


def test_the_text_holds_everything_and_says_that_settings_differ() -> None:
    first = record(metric("EV", "82", unit="%"), ("limitations", {"text": "One | model."}))
    text = compare_records({"a|b": first, "c": record()}).text()
    assert NOTE in text
    assert "| metric | data set | model | a\\|b | c |\n| --- | --- | --- | --- | --- |\n" in text
    assert "| EV | – | – | 82% [s4 Results, p. 3] | – |" in text
    assert f"**a|b**\n\n- One | model. [s4 Results, p. 3] “{QUOTE}”" in text
    assert "- Limitations: c" in text


@pytest.mark.parametrize("count", [0, 1, 21])
def test_too_few_or_too_many_papers_are_a_bad_request(count: int) -> None:
    with pytest.raises(BadRequest, match="2 to 20"):
        compare_records({str(number): record() for number in range(count)})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Explained variance (EV)", "EV: variance explained, EV"),
        ("β1", "beta1"),
        ("Accuracies of probes", "probe accuracy"),
        ("%", "%"),
    ],
)
def test_names_are_compared_without_case_order_and_inflection(one: str, other: str) -> None:
    assert comparable_name(one) == comparable_name(other)
