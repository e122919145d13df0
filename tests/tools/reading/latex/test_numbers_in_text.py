"""Numbers are never made and never lost.

Every number that the text shows stands in the source, and every number of the source that is not
hidden stands in the text. The numbers are written in the ways in which papers write them.
"""

from decimal import Decimal
from typing import NamedTuple

import pytest
from fakes.paper_sources import article
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumehood_tools.paper_records.normal_form import clean
from fumehood_tools.paper_records.numbers import numbers_in
from fumehood_tools.reading.latex import read_latex


class Written(NamedTuple):
    """A piece of LaTeX, and the numbers that a reader of the printed page sees in it."""

    latex: str
    numbers: list[Decimal]


WHOLE = st.integers(1, 999_999).map(str)
DECIMAL = st.tuples(st.integers(0, 99), st.integers(0, 999)).map(
    lambda both: f"{both[0]}.{both[1]}"
)
PLAIN = st.one_of(WHOLE, DECIMAL)
THOUSANDS = st.tuples(st.integers(1, 999), st.integers(0, 999))


def one(form: str, numbers: st.SearchStrategy[str] = PLAIN) -> st.SearchStrategy[Written]:
    """Return a way to write one number; @ stands for it."""
    return numbers.map(lambda said: Written(form.replace("@", said), [Decimal(said)]))


def two(form: str) -> st.SearchStrategy[Written]:
    """Return a way to write two numbers; @ and <> stand for them."""
    return st.tuples(PLAIN, PLAIN).map(
        lambda both: Written(
            form.replace("@", both[0]).replace("<>", both[1]), [Decimal(one) for one in both]
        )
    )


def three(form: str) -> st.SearchStrategy[Written]:
    return st.tuples(PLAIN, PLAIN, PLAIN).map(
        lambda all_: Written(
            form.replace("@", all_[0]).replace("<>", all_[1]).replace("=", all_[2]),
            [Decimal(one) for one in all_],
        )
    )


def grouped(separator: str, around: str = "@") -> st.SearchStrategy[Written]:
    """Return a way to write a number above 999 with a separator between its groups of digits."""
    return THOUSANDS.map(
        lambda both: Written(
            around.replace("@", f"{both[0]}{separator}{both[1]:03}"),
            [Decimal(both[0] * 1_000 + both[1])],
        )
    )


def powered(form: str) -> st.SearchStrategy[Written]:
    return st.tuples(PLAIN, st.integers(-12, 12).filter(bool)).map(
        lambda both: Written(
            form.replace("@", both[0]).replace("<>", str(both[1])),
            [Decimal(both[0]).scaleb(both[1])],
        )
    )


ONE = st.one_of(
    *map(
        one,
        (
            *(
                "@",
                "$@$",
                "@\\%",
                "$@\\%$",
                r"\num{@}",
                r"\qty{@}{\percent}",
                r"\SI{@}{\giga\hertz}",
            ),
            *(r"\SI[mode=text]{@}{\kilo\metre\per\hour}", r"\qty{@}{\nosuchunit}", r"\textbf{@}"),
            *(r"{\bf @}", r"\underline{@}", r"\textcolor{red}{@}", r"\fbox{@}", r"\mbox{@}"),
            *(r"\raisebox{2ex}{@}", r"\parbox[t][9cm]{3cm}{@}", r"\makebox[2cm][c]{@}"),
            *(r"\hbox to 4cm{@}", r"\scalebox{0.5}{@}", r"\hypertarget{k7}{@}", r"\nosuch{@}"),
            *(r"\colorbox[rgb]{1,0,1}{@}", r"$\textcolor[rgb]{1,0,1}{@}$", r"$\boxed{@}$"),
            *(r"\ensuremath{@}", r"\texorpdfstring{@}{77}", r"$\mathbf{@}$", r"$\sqrt{@}$"),
            *(r"\iffalse 77\else @\fi", r"\ifnum 1<2 @\else 77\fi", r"\tcbox[size=5mm]{@}"),
            *(r"\ifx\undefined\nosuchthing @\else 77\fi", r"\ifcase 1 77\or @\or 78\fi"),
            *(r"\begin{tabular}{p{3cm}l}@\end{tabular}", r"\unit[@]{kg}", r"\multirow{2}{*}{@}"),
        ),
    ),
    *(grouped(mark) for mark in (r"\,", "~", ",", "{,}", "'")),
    *(grouped(mark, "$@$") for mark in (r"\,", "{,}", "~")),
    *map(powered, (r"$@\times10^{<>}$", r"$@ \cdot 10^{<>}$", r"\num{@e<>}", r"\SI{@e<>}{\metre}")),
)
SEVERAL = st.one_of(
    *map(
        two,
        (
            *(r"$@ \pm <>$", r"$@_{\pm <>}$", r"@$_{\pm <>}$", r"$@^{\pm<>}$", r"$\frac{@}{<>}$"),
            *(r"@ {\scriptsize $\pm$ <>}", r"\num{@ +- <>}", r"\numrange{@}{<>}", r"$@$--$<>$"),
            *(r"\SIrange{@}{<>}{\milli\metre}", r"\score{@}{<>}", r"\score[77]{@}{<>}"),
            *(r"@\spread <>", r"@ \spread{} <>", r"$@\spread <>$"),
            *(r"$\score{@}{<>}$", r"\begin{nosuch}{@}<>\end{nosuch}", r"\numlist{@;<>}"),
            *(r"@\quad <>", r"@\hspace{1em}<>", r"$@\;\;\quad<>$", r"@\phantom{0}\nosuch{<>}"),
            *(r"\fbox{@}<>", r"\parbox{1cm}{@}\parbox{1cm}{<>}", r"\SIlist{@;<>}{\hour}"),
            *(r"\begin{tabular}{rr}@ & <>\\\end{tabular}", r"@\kern 2pt<>", r"\nicefrac{@}{<>}"),
            *(r"\numproduct{@ x <>}", r"@\footnote{<>}", r"$\binom{@}{<>}$"),
        ),
    ),
    *map(three, (r"\score{@}{<>}{=}", r"\qtylist{@;<>;=}{\percent}", r"$@\frac{<>}{=}$")),
)
HIDDEN = st.sampled_from(
    [
        *("% 55\n", r"\iffalse 55 \fi", r"\hspace{5pt}", r"\vspace*{-3mm}", r"\label{eq5}"),
        *(r"\ifnum1>2 55\fi", r"\ifx\undefined\nosuch\else 55\fi", r"\rule{5cm}{3pt}"),
        *(r"\newtoggle{t5}\iftoggle{t5}{55}{}", r"\ifthenelse{\equal{a}{b}}{55}{}"),
        *(r"\hskip 5pt plus 1pt ", r"\phantom{55}", r"\tolerance=5000 ", r"\penalty 55 "),
        *(r"\begin{comment}55\end{comment}", r"\captionsetup[table]{skip=5pt}"),
        *(r"\setlength{\parindent}{5pt}", r"\ifcase 7 55\or 56\fi", r"\cellcolor{red!55}"),
    ]
).map(lambda latex: Written(latex, []))
WRITTEN = st.lists(st.one_of(ONE, SEVERAL, HIDDEN), min_size=1, max_size=5)


def check(pieces: list[Written]) -> None:
    latex = " and ".join(piece.latex for piece in pieces)
    blocks = read_latex(article(f"First {latex} last.")).blocks
    text = " | ".join(
        text
        for block in blocks
        for text in [block.text, *(cell for row in block.rows for cell in row)]
    )
    shown = [number.value for number in numbers_in(clean(text))]
    assert sorted(shown) == sorted(number for piece in pieces for number in piece.numbers), text


@given(WRITTEN)
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_the_numbers_of_the_text_are_those_of_the_source(pieces: list[Written]) -> None:
    check(pieces)


@pytest.mark.slow
@given(WRITTEN)
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_the_numbers_of_many_texts_are_those_of_the_source(pieces: list[Written]) -> None:
    check(pieces)


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"A \hskip 5pt plus 1pt minus .5pt B", "A B"),
        (r"A \vskip 1em plus1fil B", "A B"),
        (r"A \parskip=5pt minus 2pt B", "A B"),
        (r"A\hskip 5pt plus 12 cows", "A plus 12 cows"),
        (r"A\hskip 5pt plus more", "A plus more"),
    ],
)
def test_a_length_ends_with_what_it_may_stretch_and_shrink(latex: str, shown: str) -> None:
    assert [block.text for block in read_latex(article(latex)).blocks] == [shown]


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"71.3\spread 0.4", "71.3 0.4"),
        (r"71\spread{}4 pairs", "71 4 pairs"),
        (r"12\spread 000", "12  000"),
        (r"sp\spread arse", "sparse"),
    ],
)
def test_an_unknown_command_between_digits_keeps_them_apart(latex: str, shown: str) -> None:
    assert [block.text for block in read_latex(article(latex)).blocks] == [shown]


def test_a_note_at_a_number_of_a_table_is_not_one_of_its_digits() -> None:
    table = r"\begin{tabular}{lc}ours\tnote{a} & 71.3\tnote{1}\end{tabular}"
    (block,) = read_latex(article(table)).blocks
    assert block.rows == [["oursᵃ", "71.3¹"]]
