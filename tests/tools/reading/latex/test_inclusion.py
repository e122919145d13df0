"""Files are read in as TeX finds them, and a paper that lacks some of them says so."""

import pytest
from fakes.paper_sources import article, packed

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.latex import read_latex, read_sources
from fumehood_tools.reading.latex.unpacking import unpack


def read(main: str, files: dict[str, str], preamble: str = "", name: str = "main.tex") -> Document:
    text = f"\\documentclass{{article}}{preamble}\\begin{{document}}{main}\\end{{document}}"
    return read_latex(packed({name: text, **files}))


def words(document: Document) -> str:
    return " ".join(block.text for block in document.blocks)


WRONG = {"aside.tex": "WRONG", "old/aside.tex": "WRONG", "old/deep/aside.tex": "WRONG"}


@pytest.mark.parametrize(
    ("main", "files"),
    [
        (r"\import{parts/}{intro}", {"parts/intro.tex": r"\input{aside}"}),
        (r"\import*{parts}{intro.tex}", {"parts/intro.tex": r"\input aside "}),
        (r"\inputfrom{parts/}{intro}", {"parts/intro.tex": r"\include{aside}"}),
        (r"\subimport{parts/}{intro}", {"parts/intro.tex": r"\import{parts/}{aside}"}),
        (
            r"\import{x/}{a}",
            {"x/a.tex": r"\subimport{y/}{b}", "x/y/b.tex": r"\input{../../parts/aside}"},
        ),
        (r"\subfile{parts/intro}", {"parts/intro.tex": r"\input{aside}"}),
        (r"\subimport{./parts/}{intro}", {"parts/intro.tex": r"\subfile{aside}"}),
        (r"\input{parts/aside}", {}),
        (r"\input{./parts/aside.tex}", {}),
        (r"\input{x/../parts/aside}", {}),
        (r"\include{PARTS/Aside}", {}),
    ],
)
def test_a_file_is_looked_for_where_tex_looks(main: str, files: dict[str, str]) -> None:
    document = read(main, {**WRONG, **files, "parts/aside.tex": "Right."})
    assert words(document) == "Right."
    assert document.missing == [] and document.warnings == []


def test_an_import_ends_with_its_file() -> None:
    files = {"parts/intro.tex": r"In. \input{aside} ", "parts/aside.tex": "Inner.", **WRONG}
    assert words(read(r"\import{parts/}{intro}\input{aside}", files)) == "In. Inner. WRONG"


def test_a_file_that_an_import_does_not_hold_is_taken_from_beside_the_paper() -> None:
    files = {"parts/intro.tex": r"\input{shared}", "shared.tex": "Shared."}
    assert words(read(r"\import{parts/}{intro}", files)) == "Shared."


@pytest.mark.parametrize(
    ("preamble", "main"),
    [
        (r"\newcommand{\where}{parts}", r"\input{\where/v2-a_b}"),
        (r"\def\version{v2}", r"\input{parts/\version-a_b}"),
        (r"\def\version{v2}", r"\input parts/\version-a_b "),
        (r"\newcommand{\here}[1]{parts/#1}", r"\input{\here{v2-a_b}}"),
        ("", r"\input{parts/v2-a\textunderscore b}"),
        ("", r"\input{parts/v2-a\_b}"),
        ("", r"\input{'parts/v2-a_b'}".replace("'", '"')),
        (r"\newcommand{\read}[1]{\input{parts/#1}}\let\from\read", r"\from{v2-a_b}"),
        (r"\newcommand{\take}[1]{\input{parts/v2-#1}}", r"\take{a_b}"),
        ("", r"\input{\subfix{parts/v2-a_b}}"),
        (r"\makeatletter\def\input@path{{x/}{parts/}}\makeatother", r"\input{v2-a_b}"),
        ("", r"\InputIfFileExists{parts/v2-a_b}{}{WRONG}"),
        ("", r"\IfFileExists{parts/v2-a_b.tex}{\input{parts/v2-a_b}}{WRONG}"),
        ("", r"\IfFileExists{none}{\input{none}}{\input{parts/v2-a_b}}"),
    ],
)
def test_the_name_of_a_file_is_expanded_first(preamble: str, main: str) -> None:
    files = {"parts/v2-a_b.tex": "Right.", "parts/v1-a_b.tex": "WRONG", "old/v2-a_b.tex": "WRONG"}
    document = read(main, files, preamble)
    assert words(document) == "Right."
    assert document.missing == [] and document.warnings == []


def test_a_paper_in_a_folder_reads_its_files_from_there_and_from_the_top() -> None:
    files = {"paper/sec/a.tex": "A.", "paper/sec/b.tex": "B.", "sec/a.tex": "WRONG"}
    main = r"\input{sec/a} \input{paper/sec/b}"
    assert words(read(main, files, name="paper/main.tex")) == "A. B."


def test_a_file_in_another_folder_is_the_last_resort_and_is_told() -> None:
    document = read(r"\input{sections/intro}", {"intro.tex": "Flat."})
    assert words(document) == "Flat." and document.missing == []
    assert "'sections/intro' at this place: 'intro.tex' was read" in document.warnings[0]


def test_missing_files_are_counted_at_the_top() -> None:
    main = r"\strange{x} \input{a}\input{parts/b}\import{c/}{d}\includegraphics{e}"
    document = read(main, {"a.tex": "A."})
    assert document.missing == ["parts/b", "c/d"]
    assert document.warnings[0].startswith("The source lacks 2 of the 4 files")
    assert "'parts/b', 'c/d'" in document.warnings[0]


@pytest.mark.parametrize(
    "main",
    [
        r"\input epsf ",
        r"\input{glyphtounicode}",
        r"\input{figs/plot.pgf}",
        r"\input{map.pdf_tex}",
        r"\input{main.bbl}",
        r"\iffalse\input{draft}\fi",
        r"%\input{draft}" + "\n",
        r"\InputIfFileExists{local}{}{}",
        r"\IfFileExists{local.tex}{\input{local}}{}",
    ],
)
def test_files_that_hold_no_text_of_the_paper_are_not_missed(main: str) -> None:
    document = read_latex(article(f"{main} Text."))
    assert document.missing == [] and document.warnings == []


def test_styles_are_found_beside_the_paper_and_on_its_path() -> None:
    files = {
        "p/s/mine.sty": r"\newcommand{\river}{Rhine}",
        "p/own.sty": r"\newcommand{\sea}{Baltic}",
    }
    preamble = r"\makeatletter\def\input@path{{s/}}\makeatother\usepackage{mine,own}"
    assert words(read(r"\river, \sea.", files, preamble, "p/main.tex")) == "Rhine, Baltic."


def test_a_program_that_the_paper_prints_is_part_of_its_source() -> None:
    files = {"code/a.py": "x = 1", "other.py": "y = 2", "data.json": "{}"}
    text = r"\documentclass{article}\begin{document}\lstinputlisting[language=Python]{code/a.py}"
    sources = unpack(packed({"main.tex": text + r"\end{document}", **files}))
    assert set(sources.files) == {"main.tex", "code/a.py"}
    (block,) = read_sources(sources).blocks
    assert (block.kind, block.text) == ("code", "x = 1")
