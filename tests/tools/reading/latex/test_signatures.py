"""Commands that change how text looks print their text, and none of their lengths and options."""

import re

import pytest
from fakes.paper_sources import article
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumehood_tools.reading.latex import read_latex
from fumehood_tools.reading.latex.signatures import SIGNATURES

ARGUMENTS = {"s": "*", "o": "[77pt]", "p": "(33,44)", "d": " to 66pt", "m": "{88pt}"}
# A centered line is a paragraph of its own.
WRITTEN = sorted(one for one in SIGNATURES.items() if one[0] != "centerline")
HEADS_OF_LONG_TABLES = {"endfirsthead", "endhead", "endfoot", "endlastfoot"}


def call(name: str, signature: str, text: str, without: str = "") -> str:
    """Return LaTeX that calls a command with all arguments but those named in `without`."""
    given = "".join(
        f"{{{text}}}" if kind == "t" else "" if kind in without else ARGUMENTS[kind]
        for kind in signature
    )
    return f"\\{name}{given}" if given else f"\\{name} "


def shown(body: str) -> str:
    """Return all text of a paper on one line."""
    blocks = read_latex(article(body)).blocks
    cells = [cell for block in blocks for row in block.rows for cell in row]
    return " ".join(" ".join([*(block.text for block in blocks), *cells]).split())


def paragraphs(body: str) -> list[str]:
    """Return the paragraphs of a paper."""
    source = article(body, r"\title{A title}")
    return [block.text for block in read_latex(source).blocks]


@pytest.mark.parametrize("without", ["", "so", "sopd"])
def test_every_command_prints_its_text_and_nothing_else(without: str) -> None:
    calls = [call(name, signature, "boxed words", without) for name, signature in WRITTEN]
    found = paragraphs("\n\n".join(f"Before {said} after." for said in calls))
    expected = [
        "Before boxed words after." if "t" in signature else "Before after."
        for _, signature in WRITTEN
    ]
    assert list(zip(calls, found, strict=True)) == list(zip(calls, expected, strict=True))


def test_every_command_prints_its_text_in_a_cell_too() -> None:
    written = [one for one in WRITTEN if one[0] not in HEADS_OF_LONG_TABLES]
    calls = [call(name, signature, "boxed words") for name, signature in written]
    rows = "\\\\ ".join(f"left & {said} cell" for said in calls)
    (table,) = read_latex(article(f"\\begin{{tabular}}{{ll}}{rows}\\end{{tabular}}")).blocks
    cells = ["boxed words cell" if "t" in signature else "cell" for _, signature in written]
    assert list(zip(calls, table.rows, strict=True)) == [
        (said, ["left", cell]) for said, cell in zip(calls, cells, strict=True)
    ]


def test_no_command_prints_a_length_in_a_formula() -> None:
    calls = [call(name, signature, "q") for name, signature in WRITTEN]
    found = paragraphs("\n\n".join(f"So $x = {said} z$ holds." for said in calls))
    for (name, signature), said in zip(WRITTEN, found, strict=True):
        assert re.fullmatch(r"So x = .*z holds\.", said) and not re.search(r"\d", said), name
        assert ("q" in said) == ("t" in signature), name


WORDS = ("alpha", "beta", "gamma", "delta")
TEXT_COMMANDS = [(name, signature) for name, signature in WRITTEN if signature.endswith("t")]


def nested(
    inner: st.SearchStrategy[tuple[str, list[str]]],
) -> st.SearchStrategy[tuple[str, list[str]]]:
    """Return LaTeX with its words: several pieces in turn, each perhaps in a box."""
    boxed = st.tuples(st.sampled_from(TEXT_COMMANDS), inner, st.sampled_from(["", "so", "o"])).map(
        lambda drawn: (call(*drawn[0], drawn[1][0], drawn[2]), drawn[1][1])
    )
    return st.lists(st.one_of(inner, boxed), min_size=1, max_size=3).map(
        lambda pieces: (
            " ".join(latex for latex, _ in pieces),
            [word for _, words in pieces for word in words],
        )
    )


WORD = st.sampled_from(WORDS).map(lambda word: (word, [word]))
SILENT = st.sampled_from([one for one in WRITTEN if "t" not in one[1]]).map(
    lambda one: (call(*one, "") + " ", list[str]())
)
PIECES = st.recursive(st.one_of(WORD, SILENT), nested, max_leaves=8)


def check_boxes(drawn: tuple[str, list[str]]) -> None:
    latex, words = drawn
    said = shown(f"Start {latex} end.")
    assert re.findall(r"\w+", said) == ["Start", *words, "end"]


@given(PIECES)
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_nested_boxes_print_their_words_in_order_and_no_length(
    drawn: tuple[str, list[str]],
) -> None:
    check_boxes(drawn)


@pytest.mark.slow
@given(PIECES)
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_many_nested_boxes_print_their_words_in_order_and_no_length(
    drawn: tuple[str, list[str]],
) -> None:
    check_boxes(drawn)
