"""Cleaning of titles: markup goes, what only looks like markup stays, and twice is once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumehood_tools.papers.bibtex import read_bibtex, write_bibtex
from fumehood_tools.papers.identity import plain, plain_latex
from fumehood_tools.papers.paper import Paper, make_paper
from fumehood_tools.quoting import one_line

KEPT = [
    "less than $15 per paper",
    "from $5 to $10, $5-$10, US$5/US$6 and 10$",
    "$1M against $2M",
    "codes in {0,1} and sets {a, b}",
    "the set {x}",
    "if a < b and c > d, a <b and c> d",
    "k<n, p<0.05 and i<j>k",
    r"the folder C:\temp\new",
    r"a \ b and \\",
    "50% of #1 & co at ~100 tokens, x^2 and a_b",
    "T<sub> never closed",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_markup_is_kept(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"top\_k at 50\% for \$5 with \{x\}", "top_k at 50% for $5 with {x}"),
        (r"$k$-sparse and $O(n^2)$ for $k_{\max} = 32$", "k-sparse and O(n^2) for k_max = 32"),
        (r"codes in $\{0,1\}^n$", "codes in {0,1}^n"),
        (r"\(\alpha\) and $$x$$", "α and x"),
        (r"\emph{Deep} {\it and} \textbf{wide}", "Deep and wide"),
        ("{A}utoencoders and SAE{s}", "Autoencoders and SAEs"),
        ('Schr{\\"o}dinger, Erd\\H{o}s and \\r{A}se', "Schrödinger, Erdős and Åse"),
        ("<i>k</i>-sparse H<sub>2</sub>O", "k-sparse H2O"),
        ('<jats:p>One.</jats:p> <span class="x">Two</span>', "One. Two"),
        ("A&amp;B, p &lt; 0.05", "A&B, p < 0.05"),
        ("50 $\\mu$m, $-3$ and price $3", "50 μm, -3 and price $3"),
    ],
)
def test_markup_is_replaced_by_what_it_displays(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert plain(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            r"top\_k \& co: 50\% \#1 at \$5 with {\{}braces{\}} and \textasciitilde{} ^",
            "top_k & co: 50% #1 at $5 with {braces} and ~ ^",
        ),
        ("{GPT}s and {{BERT}}", "GPTs and BERT"),
        (r"at $5, or at $10 and $x$", "at $5, or at $10 and x"),
        (r"M.~J. --- ``x''", "M. J. — “x”"),
        (r"\unknown{one}{two} three", "one two three"),
        (r"\jt 12", r"\jt 12"),
        (r"{\textless}b{\textgreater} \textbackslash{}n", r"<b> \n"),
        (r"\href{https://a.org}{words} \texttt{a\_b} 10\textsuperscript{3}", "words a_b 103"),
        ("p < 0.05 and q > 1", "p < 0.05 and q > 1"),
    ],
)
def test_latex_is_replaced_by_what_it_displays(text: str, shown: str) -> None:
    assert plain_latex(text) == shown


PIECES = st.sampled_from(
    [
        *"\\${}<>&~^_%#/|@\"'`-=,.: ",
        *("a", "word", "k", "x1", "é", "α", "中", "Å", "15", "0.5"),
        *(
            r"\$",
            r"\{",
            r"\}",
            r"\_",
            r"\\",
            r"\alpha",
            r"\textbf{",
            r"\unknown",
            r"\textbackslash",
        ),
        *("$x$", "$15 ", " per ", "{A}", "<b>", "</b>", "<i>", "&lt;", "&amp;", "$$", r"\(", r"\)"),
        *("--", "''", "＄", "｛", "ﬁ", "\n", " and "),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=14).map("".join), st.text(max_size=60))


def cleaned_twice_is_cleaned_once(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    plain_latex(text)


def is_stored_and_exported_unchanged(text: str) -> None:
    """Hold a record to itself after it was stored, and its title to that of its BibTeX."""
    for cleaned in (plain, plain_latex, one_line):
        paper = make_paper(
            "x", title=f"On {text}", identifiers=[], cleaned=cleaned, venue=f"In {text}"
        )
        assert paper is not None
        assert Paper.model_validate_json(paper.model_dump_json()) == paper
        (again,) = read_bibtex(write_bibtex([paper]))
        assert (again.title, again.venue) == (paper.title, paper.venue)


@settings(max_examples=50)
@given(TEXTS)
def test_cleaning_again_changes_nothing(text: str) -> None:
    cleaned_twice_is_cleaned_once(text)


@settings(max_examples=50)
@given(TEXTS)
def test_a_title_is_stored_and_exported_unchanged(text: str) -> None:
    is_stored_and_exported_unchanged(text)


@pytest.mark.slow
@settings(max_examples=500)
@given(TEXTS)
def test_cleaning_and_storing_hold_for_many_texts(text: str) -> None:
    cleaned_twice_is_cleaned_once(text)
    is_stored_and_exported_unchanged(text)
