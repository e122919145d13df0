"""Numbers in prose are found with every value that they may have."""

from decimal import Decimal

import pytest

from fumehood_tools.paper_records.normal_form import clean
from fumehood_tools.paper_records.numbers import claimed, meanings, names_with_digits, numbers_in


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,000", "1000"),
        ("1,234,567.5", "1234567.5"),
        (".80", "0.8"),
        ("80%", "0.8"),
        ("80 %", "80"),
        ("1e-3", "0.001"),
        ("10^-3", "0.001"),
        ("10^{-3}", "0.001"),
        ("10⁻³", "0.001"),
        ("10−3", "0.001"),
        ("3 × 10^-4", "0.0003"),
        ("3·10−4", "0.0003"),
        ("4k", "4000"),
        ("70M", "70000000"),
        ("Pythia-70M", "70000000"),
        ("3.2 million tokens", "3200000"),
        ("2^14 latents", "16384"),
        ("twelve", "12"),
        ("of −0.5", "-0.5"),
        ("from 0.1–0.5", "0.5"),
        ("10,20", "20"),
        ("１２", "12"),
    ],
)
def test_a_number_is_read_in_any_usual_notation(text: str, value: str) -> None:
    assert Decimal(value) in meanings(numbers_in(clean(text)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10.5", "0.5"),
        ("10.5", "5"),
        ("−0.5", "0.5"),
        ("4m", "4000000"),
        ("v1.5", "5"),
        ("L0", "0"),
    ],
)
def test_a_part_of_a_number_or_name_is_no_number(text: str, value: str) -> None:
    assert Decimal(value) not in meanings(numbers_in(clean(text)))


def test_names_with_digits_claim_nothing_by_themselves() -> None:
    text = "GPT-2 on an A100 with one of 3 seeds at L0"
    assert [number.text for number in claimed(text)] == ["3"]
    assert names_with_digits(text) == ["GPT-2", "A100", "L0"]


def test_an_absurd_number_is_passed_over() -> None:
    assert numbers_in("9" * 5000) == [] and numbers_in("99999^99 of 7")[-1].value == 7
