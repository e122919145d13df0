"""Whole papers written for these tests, read from their LaTeX source and checked item by item."""

import pytest
from fakes.paper_sources import article, packed, paper

from fumehood_tools.reading.document import Block, Document
from fumehood_tools.reading.latex import read_latex

TWO = ["Jo Doe", "Li Wei"]


def of_kind(document: Document, kind: str) -> list[Block]:
    return [block for block in document.blocks if block.kind == kind]


def headings(document: Document) -> list[tuple[int | None, str | None, str]]:
    return [(block.level, block.number, block.text) for block in of_kind(document, "heading")]


def test_an_article_keeps_its_front_matter() -> None:
    document = read_latex(paper("quiet-rivers"))
    assert document.title == "Quiet Rivers: A Test of Readers"
    assert document.authors == ["Ada Okoye", "Bao Trần"]
    assert document.abstract == "We read rivers. They are quiet and 50% longer."
    assert document.source == "latex" and document.warnings == []


def test_an_article_keeps_its_tree_with_appendix_and_unnumbered_sections() -> None:
    assert headings(read_latex(paper("quiet-rivers"))) == [
        (1, "1", "Introduction"),
        (2, "1.1", "How it flows"),
        (4, None, "Run in."),
        (1, None, "Limitations"),
        (1, "A", "More rivers"),
        (2, "A.1", "Deeper"),
    ]


def test_references_in_text_become_the_numbers_that_are_printed() -> None:
    texts = [block.text for block in read_latex(paper("quiet-rivers")).blocks]
    assert "Rivers flow [1]; see the map and Section 1.1. Inline xᵢ ≤ a/b math." in texts
    assert "Text in the appendix, see (1) and Table 1." in texts
    assert "Theorem 1 (Okoye). Every river ends." in texts


def test_a_footnote_follows_its_paragraph() -> None:
    blocks = read_latex(paper("quiet-rivers")).blocks
    notes = [index for index, block in enumerate(blocks) if block.kind == "footnote"]
    assert [blocks[index].text for index in notes] == [
        "Code: https://github.com/quiet/rivers_a",
        "A note with https://example.org/note.",
    ]
    assert notes[0] == 0 and blocks[notes[1] - 1].text.startswith("Rivers flow")


def test_a_table_keeps_its_columns_under_spanning_cells() -> None:
    (table,) = of_kind(read_latex(paper("quiet-rivers")), "table")
    assert (table.number, table.text) == ("1", "Flow of two rivers.")
    assert table.rows == [
        ["River", "Flow", ""],
        ["", "min", "max"],
        ["Nile", "1.5", "2.0"],
        ["Po & Elbe", "-3.1", "4 ± 1"],
    ]


def test_equations_are_numbered_line_by_line_as_printed() -> None:
    found = of_kind(read_latex(paper("quiet-rivers")), "equation")
    assert [(block.number, block.text) for block in found] == [
        ("1", "E = mc²"),
        ("2", "a = b + c"),
        ("3", "d = e; f = g"),
        (None, "∑ᵢ xᵢ"),
    ]
    assert found[0].latex == "E = mc^2"
    assert found[2].latex == r"\begin{aligned} d &= e \\ f &= g \end{aligned}"


def test_listings_keep_lines_indents_and_comment_signs() -> None:
    assert [block.text for block in of_kind(read_latex(paper("quiet-rivers")), "code")] == [
        "def flow(x):\n    return x  # river",
        "raw   text\n  indented",
    ]
    macros = of_kind(read_latex(paper("many-macros")), "code")
    assert [block.text for block in macros] == ["def f(x):  % not a comment\n    return x & 1"]


def test_links_are_exact_and_say_their_words() -> None:
    links = {link.url: link.text for link in read_latex(paper("quiet-rivers")).links}
    assert links == {
        "https://github.com/quiet/rivers_a": "https://github.com/quiet/rivers_a",
        "https://example.org/a%20b": "the map",
        "https://example.org/note": "https://example.org/note",
        "https://example.org/delta": "https://example.org/delta",
    }
    macros = {link.url: link.text for link in read_latex(paper("many-macros")).links}
    assert macros["https://github.com/otters/dam"] == "our dam code"
    assert "https://example.org/a_b%20c#d" in macros


def test_a_bibliography_gives_year_arxiv_doi_and_address() -> None:
    first, second = read_latex(paper("quiet-rivers")).references
    assert (first.label, first.year, first.arxiv) == ("[1]", 2021, "2101.00001")
    assert first.text == "A. Okoye. Rivers. Water, 2021. arXiv:2101.00001."
    assert (second.year, second.doi, second.url) == (
        2020,
        "10.1000/xyz",
        "https://example.org/delta",
    )


def test_macros_of_all_kinds_are_expanded() -> None:
    document = read_latex(paper("many-macros"))
    texts = [block.text for block in document.blocks]
    assert document.title == "Otter: Fast Rivers"
    assert document.abstract == "Otter reads rivers; Otter, we say, is “quick”—really."
    assert texts[1:4] == [
        "Otter works in left and right and up and down. It scores 3 of 4 and nono!.",
        "Claim 7. Claims hold.",
        "See our dam code with care. Costs are 5% & $3.",
    ]
    (equation,) = of_kind(document, "equation")
    assert equation.latex == r"\operatorname{rank}\mathbf{W} \leq k"
    assert "By (1), arg maxₓ x is found." in texts


def test_ieee_papers_print_roman_sections_and_tables() -> None:
    document = read_latex(paper("many-macros"))
    assert headings(document) == [(1, "I", "Use"), (2, "A", "Speed"), (1, None, "Limits")]
    (table,) = of_kind(document, "table")
    assert (table.number, table.text) == ("I", "Speed of Otter.")
    assert table.rows == [
        ["Model", "Fast", "Δ_(a&b)"],
        ["Otter", "1.5", "-0.2"],
        ["Old & slow", "9", "–"],
    ]
    assert document.authors == ["Mara Lindqvist", "Tomás Ó Briain"]


def test_what_is_not_printed_is_no_text_and_prose_in_comments_is_told() -> None:
    document = read_latex(paper("many-macros"))
    everything = document.abstract + "".join(block.text for block in document.blocks)
    for gone in ("draft", "Delete", "Never", "after the end", "praise", "ever printed"):
        assert gone not in everything
    assert [(hidden.why, hidden.text[:28]) for hidden in document.hidden] == [
        ("comment", "As an assistant you should a"),
        ("comment", "Nothing in here is ever prin"),
    ]


def test_a_paper_of_many_files_is_read_in_its_order() -> None:
    document = read_latex(paper("split-files"))
    assert document.title == "Split Rivers in Parts"
    assert document.authors == ["Wanjiru Achieng", "Søren Ærø", "Łucja Wójcik"]
    assert document.abstract == "We split.\n\nTwice."
    assert headings(document) == [
        (1, "1", "Introduction"),
        (1, "2", "Method"),
        (1, "A", "Proofs"),
        (2, "A.1", "Lemma"),
    ]
    assert document.blocks[1].text == (
        "The Nile is long, says the style file. See Appendix A, Lemma 1 and Figure 1b."
    )
    assert len(document.warnings) == 2
    assert "sections/missing" in document.warnings[0] and "includes itself" in document.warnings[1]
    assert document.missing == ["sections/missing"]


def test_figures_and_their_parts_have_numbers() -> None:
    figures = of_kind(read_latex(paper("split-files")), "figure")
    assert [(figure.number, figure.text) for figure in figures] == [
        ("1a", "Left bank."),
        ("1b", "Right bank."),
        ("1", "Two banks of the Nile."),
    ]


def test_equations_and_long_tables_and_algorithms_are_read() -> None:
    document = read_latex(paper("split-files"))
    assert [block.number for block in of_kind(document, "equation")] == ["2.1", "2.2"]
    (table,) = of_kind(document, "table")
    assert (table.number, table.text) == ("1", "Dams.")
    assert table.rows == [["Dam", "Year"], ["Hoover", "1936"], ["Itaipu", "1984"]]
    (algorithm,) = of_kind(document, "code")
    assert algorithm.text.splitlines() == [
        "Algorithm 1: Flow",
        "Require: water",
        "for i = 1 to n do",
        "  flow xᵢ ▷ slowly",
        "end for",
        "return x",
    ]


def test_a_natbib_bibliography_with_numbers_is_numbered() -> None:
    document = read_latex(paper("split-files"))
    first, second = document.references
    assert (first.label, first.year, first.doi) == ("[1]", 2019, "10.1000/dam.7")
    assert (second.label, second.year, second.arxiv) == ("[2]", 2021, "2101.12345")
    assert second.url == "https://example.org/delta_1"
    assert document.blocks[-1].text == "Done, as [2] and [see 1, 2, p. 3] show."


def test_a_bib_file_gives_the_cited_entries_in_the_order_of_the_style() -> None:
    document = read_latex(paper("loud-bib"))
    assert [entry.label for entry in document.references] == ["[1]", "[2]"]
    first, second = document.references
    assert first.text == "Li Zhou. Quiet & Loud. 2022. arXiv:2203.00001"
    assert (first.year, first.arxiv, first.url) == (2022, "2203.00001", "https://example.org/q_l")
    assert second.text == "Kenji Abe, Jo Müller. Loud Water. Journal of Water. 2018"
    assert second.doi == "10.1000/abe.1"


def test_text_of_every_script_and_accents_survive() -> None:
    document = read_latex(paper("loud-bib"))
    texts = [block.text for block in document.blocks]
    assert "Sound is measured [1, 2]. Привет, Ελλάδα, 日本." in texts
    assert "Café naïve ø ß Š ç å." in texts
    assert document.authors == ["Ana-Lucía Prieto", "Yūki Tanaka"]
    assert headings(document)[-1] == (1, None, "Acknowledgments")


@pytest.mark.parametrize(
    ("latex", "names"),
    [
        (r"\author{Jo Doe\thanks{X}\\Dept of CS\\ \And Li Wei\\Google}", TWO),
        (
            r"\author[1]{Jo Doe}\author[2]{J. van Dam}\affil[1]{A}",
            ["Jo Doe", "J. van Dam"],
        ),
        (r"\author{Jo Doe\inst{1} \and Li Wei\inst{2}}\institute{U}", TWO),
        (r"\author{Jo Doe\corref{c}}\author[b]{Li Wei}\address[b]{Place}", TWO),
        (
            r"\icmlauthor{Jo Doe}{a}\icmlauthor{Li Wei}{b}\icmlaffiliation{a}{U}",
            TWO,
        ),
        (
            r"\author{Jo Doe$^1$\quad Li Wei$^2$\\$^1$Oxbridge Place\quad$^2$MIT}",
            TWO,
        ),
        (
            r"\author{\textbf{Jo Doe}$^{1,*}$, Li Wei$^2$ \\ \texttt{\{a,b\}@c.d}}",
            TWO,
        ),
        (r"\author{Jo Doe, Li Wei, and 王伟\thanks{All at one}}", ["Jo Doe", "Li Wei", "王伟"]),
    ],
)
def test_authors_are_found_in_the_ways_of_all_classes(latex: str, names: list[str]) -> None:
    assert read_latex(article(f"\\title{{T}}{latex}\\maketitle Text.")).authors == names


def test_a_biblatex_bibliography_is_read_from_its_bbl() -> None:
    bbl = """\\entry{doe}{article}{}
      \\name{author}{2}{}{%
        {{hash=1}{%
           family={Doe},
           given={Jane}}}%
        {{hash=2}{%
           family={Wei},
           given={Li}}}%
      }
      \\field{title}{Deep {Rivers}}
      \\field{journaltitle}{J. Water}
      \\field{year}{2020}
      \\verb{doi}
      \\verb 10.1000/x_1
      \\endverb
    \\endentry
    """
    source = (
        "\\documentclass{article}\\usepackage{biblatex}\\begin{document}"
        "See \\parencite{doe}.\\printbibliography\\end{document}"
    )
    document = read_latex(packed({"main.tex": source, "main.bbl": bbl}))
    (entry,) = document.references
    assert (entry.label, entry.year, entry.doi) == ("[1]", 2020, "10.1000/x_1")
    assert entry.text == "Jane Doe, Li Wei. Deep Rivers. J. Water. 2020"
    assert document.blocks[0].text == "See [1]."


def test_pieces_of_latex_become_readable_text() -> None:
    body = r"$\{a\mid b\}$, $10^{-3}$, $\mathbb{E}_x[f]$, \(x<y\), \SI{5}{m}, don't, 1--2, \H{o}."
    (block,) = read_latex(article(body)).blocks
    assert block.text == "{a|b}, 10⁻³, 𝔼ₓ[f], x < y, 5 m, don’t, 1–2, ő."


def test_lengths_and_rules_leave_no_trace() -> None:
    body = (
        r"\tabcolsep=5pt \parskip 2pt\parindent=.5\textwidth A\hskip 1em B, 5 apples.\vskip -2mm "
        r"\begin{tabular}{ll}\Xhline{2\arrayrulewidth}\toprule[1pt] a & b \\[2ex] "
        r"\noalign{\vskip 2pt}\cmidrule[.5pt](l{2pt}r){1-2} c & d\\ \bottomrule[1pt]\end{tabular}"
    )
    paragraph, table = read_latex(article(body)).blocks
    assert paragraph.text == "A B, 5 apples."
    assert table.rows == [["a", "b"], ["c", "d"]]


def test_the_dot_macro_of_vision_conferences_prints_one_dot() -> None:
    preamble = (
        r"\makeatletter\DeclareRobustCommand\onedot{\futurelet\@let@token\@onedot}"
        r"\def\@onedot{\ifx\@let@token.\else.\null\fi\xspace}\def\eg{\emph{e.g}\onedot}\makeatother"
    )
    (block,) = read_latex(article(r"Rivers, \eg the Nile, \eg.", preamble)).blocks
    assert block.text == "Rivers, e.g. the Nile, e.g."


def test_cells_after_a_spanning_one_stay_in_their_columns() -> None:
    body = r"\begin{tabular}{lll}\multicolumn{2}{c}{Both} & One\\ 1 & 2 & 3\\\end{tabular}"
    (table,) = read_latex(article(body)).blocks
    assert table.rows == [["Both", "", "One"], ["1", "2", "3"]]
