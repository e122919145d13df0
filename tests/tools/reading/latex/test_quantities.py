"""Numbers and units of siunitx read as they are printed, and arguments of unknown commands do not
run together.
"""

import pytest
from fakes.paper_sources import article

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.latex import read_latex


def read(body: str) -> Document:
    return read_latex(article(body))


def shown(body: str) -> str:
    return " ".join(block.text for block in read(body).blocks)


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\qty{2.4}{\giga\hertz}", "2.4 GHz"),
        (r"\SI{36}{\hour}", "36 h"),
        (r"\qty{24}{\gibi\byte}", "24 GiB"),
        (r"\SI{7.5}{\kilo\hertz\per\second}", "7.5 kHz/s"),
        (r"\SI{9.81}{\metre\per\second\squared}", "9.81 m/s²"),
        (r"\qty{8.3}{\joule\per\mole\per\kelvin}", "8.3 J mol⁻¹ K⁻¹"),
        (r"\unit{\per\second}", "s⁻¹"),
        (r"\si{\square\centi\metre}", "cm²"),
        (r"\si{kg.m^2/s^3}", "kg m²/s³"),
        (r"\SI{64}{GB}", "64 GB"),
        (r"\SI{3}{\widgets}", "3 widgets"),
        (r"\SI{90}{\degree}", "90°"),
        (r"\SI{12}[\$]{}", "$12"),
        (r"\qty{5}{\kilo\gram\of{metal}}", "5 kg (metal)"),
        (r"\SIrange{0.2}{0.9}{\milli\metre}", "0.2 mm to 0.9 mm"),
        (r"\qtyrange{4}{6}{\percent}", "4 % to 6 %"),
        (r"\numrange{15}{25}", "15 to 25"),
        (r"\numlist{1;2;3}", "1, 2 and 3"),
        (r"\SIlist{4;8}{\tebi\byte}", "4 TiB and 8 TiB"),
        (r"\num{2.5 +- 0.3}", "2.5 ± 0.3"),
        (r"\num{2.5(3)e-4}", "2.5(3) × 10⁻⁴"),
        (r"\num{-.5e10}", "-0.5 × 10¹⁰"),
        (r"\num{12 345}", "12345"),
        (r"\num{<1e-3}", "<1 × 10⁻³"),
        (r"\numproduct{2 x 3 x 4}", "2 × 3 × 4"),
        (r"\qtyproduct{3 x 7}{\metre}", "3 m × 7 m"),
        (r"\ang{45}", "45°"),
        (r"\ang{3;30;15}", "3°30′15″"),
        (r"$t = \SI{8}{\micro\second}$", "t = 8 µs"),
        (r"\DeclareSIUnit\flops{FLOP/s}\SI{3}{\peta\flops}", "3 PFLOP/s"),
        (r"\DeclareSIUnit{\kmh}{\kilo\metre\per\hour}\SI{50}{\kmh}", "50 km/h"),
        (r"\newcommand{\best}{71.3}\SI{\best}{\percent}", "71.3 %"),
        (r"\unit[5]{kg} and \unitfrac[3]{m}{s}", "5 kg and 3 m/s"),
        (r"\renewcommand{\num}[1]{No.~#1}\num{4}", "No. 4"),
        (r"$\qty(\frac{a}{b})$ and $\qty{x}$", "(a/b) and x"),
    ],
)
def test_a_quantity_reads_as_it_is_printed(latex: str, text: str) -> None:
    assert shown(f"It is {latex}.") == f"It is {text}."


def test_a_quantity_in_a_cell_keeps_its_unit() -> None:
    body = r"\begin{tabular}{ll}rate & \SI{2}{\kilo\hertz}\\ size & \num{1e3}\\\end{tabular}"
    (table,) = read(body).blocks
    assert table.rows == [["rate", "2 kHz"], ["size", "1 × 10³"]]


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\score{62.1}{0.7}", "62.1 0.7"),
        (r"\score[9]{62.1}{0.7}{3}", "62.1 0.7 3"),
        (r"\score*{62.1}{0.7}", "62.1 0.7"),
        (r"$\score{62.1}{0.7}$", "score 62.1 0.7"),
        (r"8\oddly{9}1", "8 9 1"),
        (r"\oddly{a}b", "ab"),
        (r"\oddbox{0.9\linewidth}{words}", "words"),
        (r"\oddbox{12pt}{words}", "words"),
        (r"\nicefrac{1}{2} of \sfrac{3}{4}", "1/2 of 3/4"),
        (r"$2\frac{1}{3}$", "2 1/3"),
        (r"$\frac{1}{3}5$", "1/3 5"),
        (r"$\sqrt{2}3$", "√2 3"),
        (r"${1\over 4}5$", "1/4 5"),
        (r"$71.3_{(0.4)}$", "71.3_(0.4)"),
        (r"$\sqrt[7]{x}$", "⁷√x"),
        (r"4\hspace{1em}5 and 6\phantom{0}7", "4 5 and 6 7"),
        (r"$71.3_{\pm 0.4}$ and 71.3$^{\pm0.4}$", "71.3 ± 0.4 and 71.3 ± 0.4"),
    ],
)
def test_digits_never_run_together(latex: str, text: str) -> None:
    assert shown(f"It is {latex}.") == f"It is {text}."


def test_a_gap_between_columns_is_no_separator_of_thousands() -> None:
    assert shown(r"It is \score{12}{345}.") == "It is 12  345."


def test_unknown_commands_with_several_arguments_are_named_first() -> None:
    document = read(r"\odda{x} \oddb{y} \score{1}{2} \oddc{z}")
    assert document.warnings == [
        r"Unknown commands were read as plain text: \score (2 arguments), \odda, \oddb, \oddc."
    ]


def test_options_of_an_unknown_environment_are_no_text() -> None:
    assert shown(r"\begin{oddbox}[width=3cm]{4}{5} Words.\end{oddbox} More.") == "4 5 Words. More."
