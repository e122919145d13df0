"""References and citations print what LaTeX prints, and labels that lead nowhere are told."""

import pytest
from fakes.paper_sources import article, packed

from fumehood_tools.reading.latex import read_latex

BODY = r"""
\section{First things}\label{s1}
\section{Second things}\label{s2}
\begin{equation}\label{e1} a = b \end{equation}
\begin{equation}\label{e2} c = d \end{equation}
\begin{table}\caption{A table.}\label{t1}\begin{tabular}{l}x\\\end{tabular}\end{table}
\section*{Loose end}\label{s3}

"""


def last(latex: str, preamble: str = "") -> str:
    return read_latex(article(BODY + latex, preamble)).blocks[-1].text


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\nameref{s2}", "Second things"),
        (r"\nameref{t1}", "A table."),
        (r"\cref{s1,s2}", "Sections 1, 2"),
        (r"\cref{s1,t1}", "Section 1, Table 1"),
        (r"\crefrange{e1}{e2}", "Equations 1 to 2"),
        (r"\namecref{s1}", "section"),
        (r"\nameCref{t1}", "Table"),
        (r"\labelcref{s2}", "2"),
        (r"\ref{nowhere}", "??"),
        (r"\cref{nowhere,s1}", "??, Section 1"),
        (r"\ref{s3}", "Loose end"),
    ],
)
def test_a_reference_prints_what_latex_prints(latex: str, text: str) -> None:
    assert last(f"See {latex}.") == f"See {text}."


def test_words_of_the_paper_for_its_kinds_are_used() -> None:
    preamble = r"\crefname{table}{tab.}{tabs.}"
    assert last(r"See \cref{t1} and \Cref{t1}.", preamble) == "See tab. 1 and Tab. 1."


def test_labels_that_the_source_does_not_have_are_told() -> None:
    warnings = read_latex(article(r"See \ref{gone} and \cref{lost}.")).warnings
    assert warnings == [
        "The source has no label for these references, which are shown as ??: gone, lost."
    ]


def test_parts_have_roman_numbers() -> None:
    book = (
        r"\documentclass{book}\begin{document}\part{One}\part{Two}\label{p}\chapter{C} See \ref{p}."
        r"\end{document}"
    )
    blocks = read_latex(packed({"main.tex": book})).blocks
    assert [block.number for block in blocks] == ["I", "II", "1", None]
    assert blocks[-1].text == "See II."


@pytest.mark.parametrize(
    ("definition", "number"),
    [
        (r"\renewcommand{\thetable}{S\arabic{table}}", "S1"),
        (r"\renewcommand\thetable{\Alph{table}}", "A"),
        (r"\makeatletter\def\thetable{\@roman\c@table}\makeatother", "i"),
        (r"\renewcommand{\thetable}{\thesection.\arabic{table}}", "2.1"),
    ],
)
def test_numbers_follow_the_definitions_of_the_paper(definition: str, number: str) -> None:
    document = read_latex(article(f"{definition}{BODY}See \\ref{{t1}} and \\thetable."))
    (table,) = (block for block in document.blocks if block.kind == "table")
    assert table.number == number
    assert document.blocks[-1].text == f"See {number} and {number}."


BIB = (
    "@article{one, author={Ada Okoye}, title={First title}, year={2019}}"
    "@article{two, author={Bo Lind}, title={Second title}, year={2020}}"
    "@article{three, author={Cy Moe}, title={Third title}, year={2021}}"
)


def cited(
    body: str, preamble: str = "", files: dict[str, str] | None = None
) -> tuple[str, list[str]]:
    """Return the first paragraph, and the labels and texts of the references."""
    source = f"\\documentclass{{article}}{preamble}\\begin{{document}}{body}\\end{{document}}"
    document = read_latex(packed({"main.tex": source, **(files or {"refs.bib": BIB})}))
    return document.blocks[0].text, [f"{one.label} {one.text}" for one in document.references]


LISTS = r"\bibliographystyle{plain}\bibliography{refs}"


def test_a_second_bibliography_of_multibib_is_read() -> None:
    text, references = cited(
        r"By \cite{one} and \citeapp{three}, \citepapp{two}."
        + LISTS
        + r"\bibliographystyleapp{plain}\bibliographyapp{refs}",
        r"\usepackage{multibib}\newcites{app}{More References}",
    )
    assert text == "By [3] and [2], [1]."
    assert [entry[:3] for entry in references] == ["[1]", "[2]", "[3]"]


def test_the_lists_of_multibib_are_read_from_their_files() -> None:
    item = "\\begin{{thebibliography}}{{9}}\\bibitem{{{0}}} {0} text.\\end{{thebibliography}}"
    files = {"main.bbl": item.format("one"), "app.bbl": item.format("three")}
    text, references = cited(
        r"By \cite{one} and \citeapp{three}." + LISTS + r"\bibliographyapp{refs}",
        r"\usepackage{multibib}\newcites{app}{More}",
        files,
    )
    assert text == "By [1] and [2]."
    assert references == ["[1] one text.", "[2] three text."]


def test_two_lists_in_the_text_are_both_read() -> None:
    item = r"\begin{thebibliography}{9}\bibitem{@} About @.\end{thebibliography}"
    _, references = cited("Text." + item.replace("@", "a") + item.replace("@", "b"))
    assert references == ["[1] About a.", "[2] About b."]


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\citetitle{two}", "Second title"),
        (r"\bibentry{two}", "Bo Lind. Second title. 2020."),
        (r"\citesupp{two}", "[1]."),
        (r"\Citeauthor{two}", "[1]."),
        (r"\parencites{two}", "[1]."),
        (r"\cites{two}[see][5]{two}[7]{two}", "[1] [see 1, 5] [1, 7]."),
    ],
)
def test_citing_commands_print_more_than_a_key(latex: str, text: str) -> None:
    said, references = cited(f"By {latex}. {LISTS}")
    assert said.rstrip(".") == f"By {text}".rstrip(".") and len(references) == 1


@pytest.mark.parametrize("keys", [("", "", ""), ("a", "a", "b")])
def test_works_of_one_key_or_none_are_all_in_the_list(keys: tuple[str, str, str]) -> None:
    works = ("Moss, A. Ponds. 2019.", "Fern, B. Banks. 2020.", "Reed, C. Bends. 2021.")
    items = "".join(f"\\bibitem{{{key}}} {work}" for key, work in zip(keys, works, strict=True))
    text = f"Text.\\begin{{thebibliography}}{{9}}{items}\\end{{thebibliography}}"
    assert [one.text for one in read_latex(article(text)).references] == list(works)
