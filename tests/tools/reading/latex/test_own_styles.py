"""Definitions in the classes and packages that come with a paper's source."""

import pytest
from fakes.paper_sources import packed

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.latex import read_latex


def read(body: str, style: str, kind: str = "cls", **files: str) -> Document:
    """Read a paper whose class, or whose package, is `style`. files: further files, as a_sty."""
    begin = {
        "cls": r"\documentclass[final]{quay}",
        "sty": r"\documentclass[12pt]{article}\usepackage[final]{quay}",
    }[kind]
    named = {name.replace("_", "."): text for name, text in files.items()}
    text = f"{begin}\\begin{{document}}{body}\\end{{document}}"
    return read_latex(packed({"main.tex": text, f"quay.{kind}": style, **named}))


def shown(body: str, style: str, kind: str = "cls", **files: str) -> str:
    return " ".join(block.text for block in read(body, style, kind, **files).blocks)


FORMS = [
    (r"\newcommand{\tool}{Quay}", r"\tool{}"),
    (r"\newcommand*\tool[1]{Q#1y}", r"\tool{ua}"),
    (r"\newcommand{\tool}[2][Qu]{#1#2}", r"\tool{ay}"),
    (r"\providecommand{\tool}{Quay}\providecommand{\tool}{No}", r"\tool{}"),
    (r"\newcommand{\tool}{No}\renewcommand{\tool}{Quay}", r"\tool{}"),
    (r"\DeclareRobustCommand{\tool}{Quay}", r"\tool{}"),
    (r"\def\tool#1.{Q#1}", r"\tool uay."),
    (r"\gdef\tool{Quay}", r"\tool{}"),
    (r"\def\first{Quay}\let\tool\first", r"\tool{}"),
    (r"\expandafter\def\csname tool\endcsname{Quay}", r"\tool{}"),
    (r"\@namedef{tool}{Quay}", r"\tool{}"),
    (r"\NewDocumentCommand{\tool}{O{Qu}m}{#1#2}", r"\tool{ay}"),
    (r"\DeclareMathOperator*{\tool}{Quay}", r"$\tool$"),
    (r"\newenvironment{tool}[1]{Q#1}{ay}", r"\begin{tool}{u}\end{tool}"),
    (r"\def\tool{Qu}\def\endtool{ay}", r"\begin{tool}\end{tool}"),
    (r"\DeclareSIUnit\tool{Quay}", r"\unit{\tool}"),
    (r"\newtheorem{tool}{Quay}", r"\begin{tool}\end{tool}"),
]


@pytest.mark.parametrize("kind", ["cls", "sty"])
@pytest.mark.parametrize(("style", "used"), FORMS)
def test_every_form_of_definition_in_a_style_counts(kind: str, style: str, used: str) -> None:
    said = shown(f"The {used} holds.", r"\NeedsTeXFormat{LaTeX2e}\ProvidesFile{x}[1]" + style, kind)
    assert said.replace(" 1.", "") == "The Quay holds."


INTERNAL = [
    r"\newcommand{\tool}{\quay@name}\newcommand{\quay@name}{Quay}",
    r"\def\tool{\@ifstar{No}{\quay@name}}\def\quay@name{Quay}",
    r"\newcommand\tool{\@ifnextchar[{\quay@opt}{\quay@opt[Quay]}}\def\quay@opt[#1]{#1}",
    r"\def\tool{\@firstoftwo{Quay}{No}}",
    r"\def\tool{\@gobble{No}Quay}",
    r"\def\tool{\@setfontsize\rope{9}{10}Quay}",
]


@pytest.mark.parametrize("kind", ["cls", "sty"])
@pytest.mark.parametrize("style", INTERNAL)
def test_internal_names_of_a_style_are_followed(kind: str, style: str) -> None:
    assert shown(r"The \tool{} holds.", style, kind) == "The Quay holds."


def test_internal_names_of_the_paper_itself_are_followed() -> None:
    text = (
        r"\documentclass{article}\makeatletter\newcommand{\tool}{\quay@name}\def\quay@name{Quay}"
        r"\makeatother\begin{document}The \tool{} holds.\end{document}"
    )
    (block,) = read_latex(packed({"main.tex": text})).blocks
    assert block.text == "The Quay holds."


DECIDED = [
    r"\newif\if@final\DeclareOption{final}{\@finaltrue}\ProcessOptions\relax"
    r"\if@final\def\tool{Quay}\else\def\tool{No}\fi",
    r"\newif\if@draft\DeclareOption{draft}{\@drafttrue}\ProcessOptions*"
    r"\if@draft\def\tool{No}\else\def\tool{Quay}\fi",
    r"\DeclareOption{final}{\def\tool{Quay}}\DeclareOption{draft}{\def\tool{No}}"
    r"\DeclareOption*{\PassOptionsToClass{\CurrentOption}{article}}"
    r"\ExecuteOptions{draft}\ProcessOptions",
    r"\DeclareOption{draft}{\def\tool{No}}\DeclareOption{x}{\def\tool{Quay}}\ExecuteOptions{x}",
    r"\def\tool{Quay}\iffalse\def\tool{No}\fi",
    r"\def\tool{Quay}\ifx\tool\undefined\def\tool{No}\fi",
    r"\newboolean{ready}\setboolean{ready}{true}"
    r"\ifthenelse{\boolean{ready}}{\def\tool{Quay}}{\def\tool{No}}",
    r"\newtoggle{old}\iftoggle{old}{\def\tool{No}}{\def\tool{Quay}}",
    r"\def\tool{Quay}\endinput\def\tool{No}",
]


@pytest.mark.parametrize("kind", ["cls", "sty"])
@pytest.mark.parametrize("style", DECIDED)
def test_what_a_style_decides_is_decided_as_by_latex(kind: str, style: str) -> None:
    assert shown(r"The \tool{} holds.", style, kind) == "The Quay holds."


@pytest.mark.parametrize("kind", ["cls", "sty"])
def test_a_style_reads_further_files_of_the_source(kind: str) -> None:
    style = (
        r"\PassOptionsToPackage{old}{rope}\RequirePackage[new]{rope,not-there}\input{more}"
        r"\input{no-such-file}"
    )
    rope = (
        r"\DeclareOption{old}{\def\rope{Rope}}\DeclareOption{new}{\def\line{line}}\ProcessOptions"
    )
    document = read(
        r"\rope, \line, \quay.",
        style,
        kind,
        rope_sty=rope,
        more_tex=r"\def\quay{\q@y}\def\q@y{Quay}",
    )
    assert [block.text for block in document.blocks] == ["Rope, line, Quay."]
    assert (document.missing, document.warnings) == ([], [])


@pytest.mark.parametrize(
    "load", [r"\LoadClass[a4paper]{IEEEtran}", r"\LoadClassWithOptions{IEEEtran}"]
)
def test_a_class_numbers_as_the_class_that_it_is_based_on(load: str) -> None:
    document = read(r"\section{Banks}\subsection{Left}", load + "{IEEEtran}")
    assert [block.number for block in document.blocks] == ["I", "A"]


def test_numbering_that_a_style_sets_is_followed() -> None:
    style = r"\LoadClass{article}\RequirePackage{amsmath}\numberwithin{equation}{section}"
    body = r"\section{Banks}\begin{equation}a\label{a}\end{equation}See \eqref{a}."
    assert read(body, style).blocks[1].number == "1.1"


def test_a_class_says_how_known_commands_look_and_not_what_they_mean() -> None:
    style = (
        r"\renewcommand{\emph}[1]{No}\def\footnote#1{No}\def\maketitle{No}\def\cite#1{No}"
        r"\renewenvironment{quote}{No}{No}\def\textbf#1{No}"
    )
    body = r"\maketitle\emph{a} \textbf{b}\footnote{c} \cite{d}\begin{quote}e\end{quote}"
    assert shown(body, style) == "a b [d] c e"


@pytest.mark.parametrize(
    "style",
    [
        r"\def\tool#1{\setbox\quay@box\hbox{\quay@unknown{77}#1}}",
        r"\def\tool#1{\quay@a{#1}}\def\quay@a#1{\quay@b{#1}}\def\quay@b#1{\quay@a{77}}",
    ],
)
def test_a_macro_of_a_class_that_cannot_be_followed_prints_its_arguments(style: str) -> None:
    document = read(r"The \tool{Quay} holds.", style)
    assert document.blocks[0].text == "The Quay holds."
    assert document.warnings == [r"Unknown commands were read as plain text: \tool."]


def test_the_class_of_a_publisher_is_read_by_its_name_alone() -> None:
    text = r"\documentclass{acmart}\begin{document}The \acmquay{Quay} holds.\end{document}"
    files = {"main.tex": text, "acmart.cls": r"\def\acmquay#1{No}"}
    assert read_latex(packed(files)).blocks[0].text == "The Quay holds."


def test_styles_that_require_each_other_are_read_once() -> None:
    style = r"\RequirePackage{rope}\newcommand{\tool}{Quay}"
    assert (
        shown(r"\tool", style, "sty", rope_sty=r"\RequirePackage{quay}\LoadClass{quay}") == "Quay"
    )
