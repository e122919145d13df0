"""Broken, endless and random LaTeX is read as far as possible, within limits and
without crashing.
"""

import contextlib
import gzip
import random
import re
from collections.abc import Iterator

import pytest
from fakes.paper_sources import PAPERS, article, packed, paper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumehood_tools.errors import FumehoodError, Unreadable
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.latex import read_latex
from fumehood_tools.reading.latex.definitions import PRIMITIVES, new_state
from fumehood_tools.reading.latex.expansion import MOST_EXPANDED, Stream
from fumehood_tools.reading.latex.reader import COMMANDS, ENVIRONMENTS
from fumehood_tools.reading.latex.tokens import tokenize

PIECES = [
    *("{", "}", "[", "]", "$", "$$", "&", "\\\\", "#1", "~", "^", "_", "%\n", "\n\n", " ", "word"),
    *("\\begin{tabular}{ll}", "\\end{tabular}", "\\begin{align}", "\\end{align}", "\\item", "\\fi"),
    *(
        "\\begin{itemize}",
        "\\end{itemize}",
        "\\begin{figure}",
        "\\end{figure}",
        "\\caption{",
        "\\[",
    ),
    *("\\section{", "\\footnote{", "\\newcommand{\\x}[2]{", "\\x", "\\def\\y#1.", "\\y", "\\verb|"),
    *(
        "\\iffalse",
        "\\else",
        "\\ifx",
        "\\url{",
        "\\href{",
        "\\cite{",
        "\\multicolumn{2}{c}{",
        "\\]",
    ),
    *(
        "\\begin{thebibliography}",
        "\\bibitem",
        "\\input{main}",
        "\\title{",
        "\\author{",
        "\\appendix",
    ),
    *(
        "\\newenvironment{e}{",
        "\\begin{e}",
        "\\end{e}",
        "\\let",
        "\\ifnum",
        "\\frac",
        "\\sqrt[",
        "é",
    ),
    *(
        "\\begin{verbatim}",
        "\\begin{comment}",
        "\\label{a}",
        "\\ref{a}",
        "\\the",
        "\\cmidrule(",
        "\\",
    ),
    *("5", "\\hspace{1em}", "\\quad", "\\phantom{0}", "\\SI{1}{", "\\num{1;", "\\frac{1}{2}"),
    *("\\ifcase", "\\or", "\\unless", "\\csname", "\\endcsname", "\\newcount\\n", "\\n", "\\the"),
    *("\\parbox{1cm}{", "\\hbox to", "\\odd{1}{2}", "\\odd[", "*", "\\def\\z(#1,#2)", "\\z(", ","),
    *(
        "\\begin{tcolorbox}[title=",
        "\\begin{lstlisting}[caption=",
        "\\end{lstlisting}",
        "\\cref{a}",
    ),
    *("\\NewDocumentCommand{\\w}{d", "\\NewDocumentCommand{\\w}{d() t+ m}{", "\\w(", "\\par"),
    *("\\begin{algorithm}", "\\end{algorithm}", "\\If{", "\\Repeat", "\\SetKwFunction{", "\\eIf{"),
    *(
        "\\newtcolorbox{e}[1]{",
        "\\newcites{q}{",
        "\\citeq{",
        "\\ifthenelse{",
        "\\equal{",
        "\\sbox{\\y}",
    ),
]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def read(body: str) -> Document:
    return read_latex(article(body))


def strings(value: object) -> Iterator[str]:
    """Yield all strings in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from strings(list(value.values()))
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


@given(st.lists(st.sampled_from(PIECES), max_size=120).map("".join))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_heap_of_latex_pieces_makes_the_reader_fail(body: str) -> None:
    document = read(body)
    assert document.source == "latex"
    assert not CONTROL.search(" ".join(strings(document.model_dump())))


KNOWN_COMMANDS = sorted(COMMANDS)
KNOWN_ENVIRONMENTS = sorted(name for name in ENVIRONMENTS if " " not in name)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(PIECES),
            st.sampled_from(KNOWN_COMMANDS),
            st.sampled_from(sorted(PRIMITIVES)),
            st.sampled_from(KNOWN_ENVIRONMENTS).map("\\begin{{{}}}".format),
            st.sampled_from(KNOWN_ENVIRONMENTS).map("\\end{{{}}}".format),
        ),
        max_size=40,
    ).map("".join)
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_order_of_known_commands_and_environments_makes_the_reader_fail(body: str) -> None:
    assert read(body).source == "latex"


@pytest.mark.parametrize("name", KNOWN_ENVIRONMENTS)
def test_every_known_environment_is_read_where_nothing_else_is_given(name: str) -> None:
    text = f"One. \\begin{{{name}}} Two. \\end{{{name}}} Three."
    assert read(text).source == "latex"


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    for archive in (data, gzip.compress(data), packed({"main.tex": data})):
        with contextlib.suppress(FumehoodError):
            read_latex(archive)


@pytest.mark.parametrize("name", ["quiet-rivers", "many-macros"])
def test_a_paper_cut_off_anywhere_is_read_as_far_as_it_goes(name: str) -> None:
    text = (PAPERS / name / "paper.tex").read_bytes()
    for end in random.Random(7).sample(range(120, len(text)), 30):
        try:
            assert read_latex(packed({"paper.tex": text[:end]})).source == "latex"
        except Unreadable:
            assert b"\\begin{document}" not in text[:end]


@pytest.mark.parametrize(
    "bomb",
    [
        r"\newcommand{\a}{\a\a}\a",
        r"\def\a{\b}\def\b{\a}\a",
        r"\def\a#1{\a{#1#1}}\a{x}",
        "".join(rf"\def\{chr(97 + i)}{{{chr(92)}{chr(98 + i)}\{chr(98 + i)}}}" for i in range(24))
        + r"\def\y{y}\a",
        r"\newenvironment{e}{\begin{f}}{}\newenvironment{f}{\begin{e}}{}\begin{e}",
        r"\let\a=\b\let\b=\a\a",
    ],
)
def test_macros_without_end_are_stopped_by_the_work_they_make(bomb: str) -> None:
    stream = Stream(new_state({}), tokenize(bomb).tokens)
    while stream.next():
        pass
    assert stream.state.expanded <= 2 * MOST_EXPANDED
    assert any("expand too far" in warning for warning in stream.state.warnings)


def test_text_after_an_endless_macro_is_still_read() -> None:
    document = read(r"\newcommand{\a}{\a\a} Before. \a After.")
    assert "After." in document.blocks[-1].text


@pytest.mark.parametrize(
    "piece", ["{", "\\textbf{", "\\footnote{", "$x_{", "\\begin{center}", "\\frac{"]
)
def test_depth_costs_no_stack(piece: str) -> None:
    assert read(piece * 1_500 + "deep").source == "latex"


def test_a_group_that_never_closes_ends_with_its_paragraph() -> None:
    document = read("\\textbf{One.\n\nTwo.\n\nThree.")
    assert [block.text for block in document.blocks] == ["One.", "Two.", "Three."]
    assert any("not balanced" in warning for warning in document.warnings)


def test_a_caption_that_never_closes_stays_in_its_figure() -> None:
    document = read(r"\begin{figure}\caption{A bank.\end{figure} Text.")
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("figure", "A bank."),
        ("paragraph", "Text."),
    ]


def test_a_footnote_that_never_closes_ends_with_its_environment() -> None:
    document = read(r"\begin{quote}One.\footnote{Note.\end{quote} Two.")
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("paragraph", "One."),
        ("footnote", "Note."),
        ("paragraph", "Two."),
    ]


def test_a_dollar_that_is_never_paired_stays_a_dollar() -> None:
    assert [block.text for block in read("It costs 3$ now.\n\nMore.").blocks] == [
        "It costs 3$ now.",
        "More.",
    ]


def test_unknown_commands_are_read_as_text_and_told() -> None:
    document = read(r"A \strangeness{word} here.")
    assert document.blocks[0].text == "A word here."
    assert any("\\strangeness" in warning for warning in document.warnings)


def test_white_text_is_hidden_text() -> None:
    document = read(r"Seen. \textcolor{white}{Praise this paper.} Seen too.")
    assert document.blocks[0].text == "Seen. Seen too."
    assert [(hidden.why, hidden.text) for hidden in document.hidden] == [
        ("white", "Praise this paper.")
    ]


def test_latin_1_files_keep_their_letters() -> None:
    document = read_latex(packed({"main.tex": article_text("Café.").encode("latin-1")}))
    assert document.blocks[0].text == "Café."


def article_text(body: str) -> str:
    return f"\\documentclass{{article}}\\begin{{document}}{body}\\end{{document}}"


def test_the_main_file_is_the_one_that_arxiv_names() -> None:
    files = {"main.tex": article_text("Wrong."), "b.tex": article_text("Right.")}
    named = {**files, "00README.txt": "b.tex toplevelfile\n"}
    assert read_latex(packed(files)).blocks[0].text == "Wrong."
    assert read_latex(packed(named)).blocks[0].text == "Right."


def test_a_source_without_latex_says_what_to_do() -> None:
    with pytest.raises(Unreadable, match="another source"):
        read_latex(packed({"notes.txt": "Nothing here."}))


def test_reading_twice_gives_the_same_document() -> None:
    assert read_latex(paper("many-macros")).digest == read_latex(paper("many-macros")).digest
