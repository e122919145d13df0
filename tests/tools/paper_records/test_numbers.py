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
        ("4 096 tokens", "4096"),
        ("4\u202f096", "4096"),
        ("1\u2009234\u2009567.5", "1234567.5"),
        ("12’000", "12000"),
        ("12'000", "12000"),
        ("10 000–20 000", "20000"),
        ("3 × 12 500", "12500"),
        ("twelve", "12"),
        ("Thirteen raters", "13"),
        ("forty-two", "42"),
        ("ninety nine", "99"),
        ("a dozen raters", "12"),
        ("two dozen", "24"),
        ("half a dozen", "6"),
        ("a hundred", "100"),
        ("three hundred and fifty", "350"),
        ("two hundred thousand", "200000"),
        ("half a million", "500000"),
        ("four thousand and ninety-six", "4096"),
        ("half of them", "0.5"),
        ("two and a half", "2.5"),
        ("three quarters", "0.75"),
        ("a quarter of them", "0.25"),
        ("fifty percent", "0.5"),
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
        ("4 096 tokens", "4"),
        ("4 096 tokens", "96"),
        ("12’000", "12"),
        ("forty-two", "2"),
        ("two dozen", "2"),
        ("hundreds of raters", "100"),
        ("half-precision", "0.5"),
        ("the third layer", "0.3333333333333333333333333333"),
        ("a third experiment", "0.3333333333333333333333333333"),
        ("someone", "1"),
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


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("10 100 1000", ["10", "100", "1000"]),
        ("5 10 100", ["5", "10", "100"]),
        ("in 2019 100 models", ["2019", "100"]),
        ("Table 3 128 latents", ["3", "128"]),
        ("3.5 100", ["3.5", "100"]),
        ("12  345", ["12", "345"]),
        ("one two three", ["1", "2", "3"]),
        ("0 500", ["0", "500"]),
    ],
)
def test_numbers_beside_each_other_stay_apart(text: str, values: list[str]) -> None:
    assert [number.value for number in numbers_in(text)] == list(map(Decimal, values))


def test_thirds_in_words_have_the_same_value_however_they_are_counted() -> None:
    one, other = numbers_in("one third of it"), numbers_in("a third of it")
    assert one[0].value == other[0].value
