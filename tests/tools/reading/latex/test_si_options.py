"""Numbers as siunitx prints them: what it drops, rounds and moves, and cells of its columns."""

import pytest
from fakes.paper_sources import article

from fumehood_tools.reading.latex import read_latex

PLACES = r"round-mode=places,round-precision=2"


def shown(body: str, preamble: str = "") -> str:
    return " ".join(block.text for block in read_latex(article(body, preamble)).blocks)


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\num{0,75}", "0.75"),
        (r"\num{+5}", "5"),
        (r"\num[retain-explicit-plus]{+5}", "+5"),
        (r"\num{5.}", "5"),
        (r"\num{3e0}", "3"),
        (r"\num{1e-05}", "1 × 10⁻⁵"),
        (r"\num{1e+05}", "1 × 10⁵"),
        (rf"\num[{PLACES}]{{3.14159}}", "3.14"),
        (rf"\num[{PLACES}]{{3.145}}", "3.15"),
        (rf"\num[{PLACES}]{{7}}", "7.00"),
        (rf"\num[{PLACES},round-pad=false]{{7.1}}", "7.1"),
        (rf"\num[{PLACES}]{{-0.001}}", "0.00"),
        (rf"\num[{PLACES}]{{3.14159(5)}}", "3.14159(5)"),
        (rf"\qty[{PLACES}]{{2.9979e8}}{{\metre\per\second}}", "3.00 × 10⁸ m/s"),
        (r"\num[round-mode=figures, round-precision=3]{12345.6}", "12300"),
        (r"\num[round-mode=figures,round-precision=1]{0.0276}", "0.03"),
        (r"\num[exponent-mode=scientific]{12345}", "1.2345 × 10⁴"),
        (r"\num[scientific-notation=true]{0.00012}", "1.2 × 10⁻⁴"),
        (r"\num[exponent-mode=engineering]{12345}", "12.345 × 10³"),
        (r"\num[exponent-mode=fixed,fixed-exponent=3]{12345}", "12.345 × 10³"),
        (r"\num[drop-zero-decimal=true]{2.0}", "2"),
        (r"\num[separate-uncertainty=true]{2.51(3)}", "2.51 ± 0.03"),
        (r"\num{2.51(3:12)}", "2.51 +0.03 -0.12"),
        (r"\num{2.51(0.03:0.12)e4}", "(2.51 +0.03 -0.12) × 10⁴"),
        (r"\qty{8(2:1)}{\giga\hertz}", "8 +2 -1 GHz"),
        (r"$2.51^{+0.03}_{-0.12}$", "2.51 +0.03 -0.12"),
        (r"$2.51_{-.12}^{+.03}\times10^{4}$", "2.51 +.03 -.12 × 10⁴"),
        (r"$8\,^{+12}_{-1}$", "8 +12 -1"),
        (r"about 2.51$^{+0.03}_{-0.12}$", "about 2.51 +0.03 -0.12"),
        (r"$x^{+1}_{-2}$ and $f(x)^{+1}_{-1}$", "x⁺¹₋₂ and f(x)⁺¹₋₁"),
        (r"\num[uncertainty-mode=separate]{2.51(13)e4}", "(2.51 ± 0.13) × 10⁴"),
        (r"\num[input-ignore={,}]{12,345}", "12345"),
        (r"\SIrange[range-units=single]{1}{2}{\metre}", "1 to 2 m"),
        (r"\numrange[range-phrase=--]{1}{2}", "1–2"),
        (r"\numrange[range-phrase={ until }]{1}{2}", "1 until 2"),
        (r"\qtylist[list-units=single]{1;2;3}{\hour}", "1, 2 and 3 h"),
        (r"\numlist[list-final-separator={, or }]{1;2;3}", "1, 2, or 3"),
        (r"\qtyproduct[product-units=single]{2 x 3}{\metre}", "2 × 3 m"),
        (r"\sisetup{round-mode=places, round-precision=1}\num{2.34}", "2.3"),
        (r"\num[parse-numbers=false]{10^{5}}", "10⁵"),
        (r"\qty{\frac12}{\metre}", "1/2 m"),
        (r"$\num[parse-numbers=false]{\sqrt{2}}$", "√2"),
    ],
)
def test_options_of_siunitx_are_followed(latex: str, text: str) -> None:
    assert shown(f"It is {latex}.") == f"It is {text}."


@pytest.mark.parametrize(
    "number", ["1e" + "9" * 5_000, "9" * 5_000, "1." + "9" * 100, f"1({'9' * 60})", "1e-999999999"]
)
def test_a_number_of_any_length_is_read(number: str) -> None:
    options = "round-mode=figures,round-precision=99,exponent-mode=engineering,separate-uncertainty"
    assert shown(rf"It is \num[{options}]{{{number}}}.").startswith("It is ")


def test_options_hold_to_the_end_of_their_environment() -> None:
    inside = r"\begin{table}\sisetup{round-mode=places,round-precision=0}\caption{\num{1.6}}"
    assert shown(inside + r"\end{table}It is \num{1.6}.") == "2 It is 1.6."


ROWS = r"{Model} & {Score}\\ A & 1.239e4\\ B & 1.5 +- 0.3\\ C & {+7}\\ D & \textbf{2,5}\\ E & --\\"
READ = [["Model", "Score"], ["A", "@ × 10⁴"], ["B", "1.5 ± 0.3"], ["C", "+7"], ["D", "<>"]]


@pytest.mark.parametrize(
    ("columns", "first", "second"),
    [
        ("lS", "1.239", "2.5"),
        (r"@{}l|S[table-format=1.2e2]@{}", "1.239", "2.5"),
        (r"p{3cm}*{1}{S[round-mode=places,round-precision=1]}", "1.2", "2.5"),
        (r">{\bfseries}m{2cm}!{\vrule}N", "1.24", "2.50"),
        (r"L{2cm}>{\small}S", "1.239", "2.5"),
    ],
)
def test_cells_of_number_columns_are_printed_by_siunitx(
    columns: str, first: str, second: str
) -> None:
    preamble = rf"\newcolumntype{{N}}{{S[{PLACES}]}}\newcolumntype{{L}}[1]{{p{{#1}}}}"
    latex = rf"\begin{{tabular}}{{{columns}}}{ROWS}\end{{tabular}}"
    (table,) = read_latex(article(latex, preamble)).blocks
    said = [[cell.replace("@", first).replace("<>", second) for cell in row] for row in READ]
    assert table.rows == [*said, ["E", "–"]]


def test_numbers_of_other_columns_stay_as_they_are() -> None:
    latex = r"\begin{tabular}{lS}\multicolumn{2}{c}{+1}\\ +2 & +3\\\end{tabular}"
    (table,) = read_latex(article(latex)).blocks
    assert table.rows == [["+1", ""], ["+2", "3"]]


@pytest.mark.parametrize("column", ["p{3cm}", "X", r">{\raggedright\arraybackslash}X", "m{2em}"])
@pytest.mark.parametrize(
    "break_", ["\n\n", r"\par ", r"\newline ", r"\linebreak ", "\n \n\n", r"\\" + "%\n&"]
)
def test_words_of_a_cell_with_several_lines_stay_apart(column: str, break_: str) -> None:
    latex = rf"\begin{{tabularx}}{{9cm}}{{l{column}}}A & one{break_}two\\ B & 3\end{{tabularx}}"
    (table,) = read_latex(article(latex)).blocks
    whole = [["A", "one two"]] if "&" not in break_ else [["A", "one"], ["", "two"]]
    assert table.rows == [*whole, ["B", "3"]]


@pytest.mark.parametrize("column", [r">{$}c<{$}", r">{\(}r<{\)}", "C", r"*{1}{>{$}l<{$}}"])
def test_cells_of_formula_columns_are_read_as_formulas(column: str) -> None:
    rows = r"a & \frac{1}{2}\\ b & \hat{x}\\ c & $y$\\ d & \multicolumn{1}{c}{10\%}\\ e & \\"
    preamble = r"\newcolumntype{C}{>{$}c<{$}}"
    latex = rf"\begin{{tabular}}{{l{column}}}{rows}\end{{tabular}}"
    (table,) = read_latex(article(latex, preamble)).blocks
    formulas = read_latex(article(r"$\frac{1}{2}$ and $\hat{x}$")).blocks[0].text.split(" and ")
    assert [row[1] for row in table.rows] == [*formulas, "y", "10%", ""]
    assert formulas[0] == "1/2"
