"""Boxes keep their text and their titles; listings of a paper's own stay verbatim."""

import pytest
from fakes.paper_sources import article, packed

from fumehood_tools.reading.document import Block
from fumehood_tools.reading.latex import read_latex


def blocks(body: str, preamble: str = "") -> list[Block]:
    return read_latex(article(body, preamble)).blocks


def texts(body: str, preamble: str = "") -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks(body, preamble)]


@pytest.mark.parametrize(
    "latex",
    [
        r"\fbox{\parbox{0.8\linewidth}{Framed words.}}",
        r"\begin{tcolorbox}[colback=red!5]Framed words.\end{tcolorbox}",
        r"\begin{mdframed}[linewidth=3pt]Framed words.\end{mdframed}",
        r"\newsavebox{\mybox}\sbox{\mybox}{Framed words.}\usebox{\mybox}",
        r"\newtcbox{\chip}[1][blue]{colback=#1}\chip[red]{Framed words.}",
        r"\newtcolorbox{plainbox}{breakable}\begin{plainbox}Framed words.\end{plainbox}",
        r"\framebox[3cm][c]{Framed words.}",
        r"\resizebox{!}{2cm}{Framed words.}",
    ],
)
def test_words_in_a_box_are_words_of_the_paper(latex: str) -> None:
    assert texts(latex) == [("paragraph", "Framed words.")]


def test_paragraphs_and_lists_in_a_box_stay_apart() -> None:
    body = r"\fbox{\parbox{5cm}{One.\begin{itemize}\item Two.\end{itemize}Three.}}"
    assert texts(body) == [("paragraph", "One."), ("list_item", "Two."), ("paragraph", "Three.")]


@pytest.mark.parametrize(
    ("definition", "use"),
    [
        ("", r"\begin{tcolorbox}[title=Judge,colback=red!5]Say yes.\end{tcolorbox}"),
        ("", r"\begin{tcolorbox}[colback=red, title={Judge}]Say yes.\end{tcolorbox}"),
        ("", r"\begin{mdframed}[frametitle={Judge}]Say yes.\end{mdframed}"),
        (
            r"\newtcolorbox{ask}[1]{title=#1,breakable}",
            r"\begin{ask}{Judge}Say yes.\end{ask}",
        ),
        (
            r"\newtcolorbox[auto counter]{ask}[2][]{title={#2},#1}",
            r"\begin{ask}[colback=blue]{Judge}Say yes.\end{ask}",
        ),
        (
            r"\NewTColorBox{ask}{O{} m}{title={#2},#1}",
            r"\begin{ask}{Judge}Say yes.\end{ask}",
        ),
        (r"\newmdenv[frametitle=Judge]{ask}", r"\begin{ask}Say yes.\end{ask}"),
    ],
)
def test_the_title_of_a_box_is_a_line_of_its_own(definition: str, use: str) -> None:
    assert texts(use, definition) == [("paragraph", "Judge"), ("paragraph", "Say yes.")]


def test_a_theorem_in_a_box_has_a_number_that_references_print() -> None:
    body = r"\begin{claim}{On rivers}{a} They flow.\end{claim} By \ref{cl:a}."
    assert texts(body, r"\newtcbtheorem{claim}{Claim}{colback=red}{cl}") == [
        ("paragraph", "Claim 1: On rivers. They flow."),
        ("paragraph", "By 1."),
    ]


def test_a_box_may_have_a_number_and_a_label() -> None:
    definition = r"\newtcolorbox[auto counter]{ask}[2][]{title={Prompt \thetcbcounter: #2},#1}"
    body = (
        r"\begin{ask}[label=a]{Judge}Say yes.\tcblower Or no.\end{ask}"
        r"\begin{ask}[label=b]{Two}A.\end{ask}"
    )
    assert texts(body + r" See \ref{b} and \ref{a}.", definition) == [
        ("paragraph", "Prompt 1: Judge"),
        ("paragraph", "Say yes."),
        ("paragraph", "Or no."),
        ("paragraph", "Prompt 2: Two"),
        ("paragraph", "A."),
        ("paragraph", "See 2 and 1."),
    ]


CODE = '{"k": 64} % kept\n  return x[0] & 1'


@pytest.mark.parametrize(
    ("definition", "begin", "name"),
    [
        ("", "[language=Python]", "lstlisting"),
        ("", "{listing only, colback=red!5}", "tcblisting"),
        ("", "[fontsize=\\small]{python}", "minted"),
        (r"\lstnewenvironment{mine}{}{}", "", "mine"),
        (r"\lstnewenvironment{mine}[1][]{\lstset{#1}}{}", "[numbers=left]", "mine"),
        (r"\newtcblisting{mine}[2][]{listing only,#1}", "[a=b]{x}", "mine"),
        (r"\DefineVerbatimEnvironment{mine}{Verbatim}{fontsize=\small}", "[frame=single]", "mine"),
        (r"\newminted{python}{frame=lines}", "", "pythoncode"),
        (r"\NewTCBListing{mine}{O{} m}{listing only}", "{x}", "mine"),
    ],
)
def test_a_listing_is_verbatim_and_its_arguments_are_no_code(
    definition: str, begin: str, name: str
) -> None:
    body = f"\\begin{{{name}}}{begin}\n{CODE}\n\\end{{{name}}}"
    assert texts(body, definition) == [("code", CODE)]


def test_a_listing_defined_in_another_file_is_verbatim() -> None:
    main = (
        "\\documentclass{article}\\input{setup}\\begin{document}"
        f"\\begin{{mine}}\n{CODE}\n\\end{{mine}}\\end{{document}}"
    )
    files = {"main.tex": main, "setup.tex": "\\lstnewenvironment{mine}{}{}"}
    (block,) = read_latex(packed(files)).blocks
    assert (block.kind, block.text) == ("code", CODE)


def test_a_line_of_code_in_brackets_is_no_option() -> None:
    assert texts("\\begin{lstlisting}\n[1, 2]\n\\end{lstlisting}") == [("code", "[1, 2]")]


@pytest.mark.parametrize(
    ("definition", "begin", "name"),
    [
        ("", "[caption={Code with a [bracket].},label={lst:a}]", "lstlisting"),
        ("", "[label=lst:a,\n caption={Code with a [bracket].}]", "lstlisting"),
        (
            r"\lstnewenvironment{mine}[2]{\lstset{caption={#1},label=#2}}{}",
            "{Code with a [bracket].}{lst:a}",
            "mine",
        ),
    ],
)
def test_the_caption_of_a_listing_has_a_number_that_references_print(
    definition: str, begin: str, name: str
) -> None:
    body = (
        f"See \\cref{{lst:a}} and \\ref{{lst:a}}.\n\n\\begin{{{name}}}{begin}\nx\n\\end{{{name}}}"
    )
    assert texts(body, definition) == [
        ("paragraph", "See Listing 1 and 1."),
        ("code", "Listing 1: Code with a [bracket]."),
        ("code", "x"),
    ]


def test_the_title_of_a_listing_in_a_box_is_a_line() -> None:
    body = "\\begin{mine}{Prompt A}\nx\n\\end{mine}"
    definition = r"\newtcblisting{mine}[1]{listing only,title={#1}}"
    assert texts(body, definition) == [("code", "Prompt A"), ("code", "x")]


def test_a_listing_from_a_file_is_read_or_told() -> None:
    main = (
        "\\documentclass{article}\\begin{document}"
        "\\lstinputlisting[caption=From a file.]{code.txt}\\inputminted{python}{gone.py}"
        "\\end{document}"
    )
    document = read_latex(packed({"main.tex": main, "code.txt": "x = 1"}))
    assert "Listing 1: From a file." in [block.text for block in document.blocks]
    assert any("'gone.py' is not in the source" in warning for warning in document.warnings)
    assert not any("python" in block.text for block in document.blocks)


def test_code_within_a_sign_may_use_a_brace_as_that_sign() -> None:
    document = read_latex(article("Call \\verb{top_k(x, 32){ here. Then \\verb{pool} and more."))
    assert [block.text for block in document.blocks] == [
        "Call top_k(x, 32) here. Then pool and more."
    ]
    assert document.warnings == []
