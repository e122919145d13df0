"""Papers of the nineties: plain TeX, and titles that are only printed large."""

import pytest
from fakes.paper_sources import article

from fumehood_tools.reading.latex import read_latex

ABSTRACT = "We show that all rivers flow to the sea, which was not known before this work began."


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (r"\begin{center}{\Large\bf Rivers}\\ \vskip 1cm {\bf A. Moss}\end{center}", "Rivers"),
        (
            r"{\LARGE\bf Wide na\"{\i}ve rivers\thanks{Grant}\\}{\large Ida Moss}",
            "Wide naïve rivers",
        ),
        (
            r"\begin{center}\LARGE\textbf{The \emph{big}\\ river}\\\large I. Moss\end{center}",
            "The big river",
        ),
        (r"\begin{flushright}CERN-31\end{flushright}\centerline{\huge On $SU(2)$}", "On SU(2)"),
        (r"\centerline{\bf RIVERS}\bigskip\centerline{Ida Moss}", "RIVERS"),
        (r"\title{Marked}{\Huge Printed}", "Marked"),
        (r"Plain text and no more of it.", ""),
        (r"\section{One}{\Large Loud} text.", ""),
        (r"Some {\Large loud words} stay here.", ""),
        (r"{\Large Loud} words begin it.", ""),
    ],
)
def test_the_title_is_what_stands_in_the_largest_letters(body: str, title: str) -> None:
    document = read_latex(article(f"{body}\n\n{ABSTRACT}\\section{{End}}Text."))
    assert document.title == title
    assert not title or all(block.text != title for block in document.blocks)


@pytest.mark.parametrize(
    "lead",
    [r"\begin{center}{\bf Abstract}\end{center} ", r"{\bf Abstract.} ", r"\noindent ABSTRACT: "],
)
def test_an_abstract_that_is_only_printed_is_found(lead: str) -> None:
    document = read_latex(article(f"{{\\Large Rivers}}\n\n{lead}{ABSTRACT}\\section{{End}}Text."))
    assert document.abstract == ABSTRACT
    assert [block.text for block in document.blocks] == ["End", "Text."]


def test_a_paper_in_plain_tex_is_read() -> None:
    document = read_latex(
        b"\\magnification=\\magstep1\n\\font\\titlefont=cmbx10 scaled \\magstep2\n\\hsize=6in\n"
        b"\\font\\big=cmbx12\n\\centerline{\\titlefont Rivers and plains}\n\\bigskip\n"
        b"\\centerline{\\big Ida Moss}\n\\bigskip\n{\\bf Abstract.} "
        + ABSTRACT.encode()
        + b"\n\\bigskip\n\\noindent{\\bf 1. Introduction}\n\\medskip\nText.\n"
        b"$$ x = y + 1 \\eqno(1.2) $$\n"
        b"\\beginsection 2. Results\n\nMore.\n\\proclaim Theorem 1. All flow.\n\n\\bye junk"
    )
    assert (document.title, document.abstract) == ("Rivers and plains", ABSTRACT)
    assert [(block.kind, block.number, block.text) for block in document.blocks] == [
        ("paragraph", None, "Ida Moss"),
        ("heading", "1", "Introduction"),
        ("paragraph", None, "Text."),
        ("equation", "1.2", "x = y + 1"),
        ("heading", "2", "Results"),
        ("paragraph", None, "More."),
        ("paragraph", None, "Theorem 1. All flow."),
    ]
