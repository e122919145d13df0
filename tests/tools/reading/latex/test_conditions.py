"""Conditions are decided as TeX decides them, and macros with delimiters take the arguments that
TeX gives them.
"""

import pytest
from fakes.paper_sources import article

from fumehood_tools.reading.latex import read_latex


def shown(body: str) -> str:
    """Return the text of a paper on one line."""
    return " ".join(block.text for block in read_latex(article(body)).blocks)


@pytest.mark.parametrize(
    "latex",
    [
        r"\ifx\nosucha\nosuchb yes\else no\fi",
        r"\ifx\undefined\textbf no\else yes\fi",
        r"\def\a{x}\def\b{x}\ifx\a\b yes\else no\fi",
        r"\newcommand{\a}{}\ifx\a\empty no\else yes\fi",
        r"\newcommand*{\a}{}\ifx\a\empty yes\else no\fi",
        r"\def\a{}\ifx\a\empty yes\else no\fi",
        r"\let\a\relax\ifx\a\relax yes\else no\fi",
        r"\newcommand{\t}[1]{\ifx&#1&yes\else no\fi}\t{}",
        r"\newcommand{\t}[1]{\if\relax\detokenize{#1}\relax yes\else no\fi}\t{}",
        r"\newcommand{\t}[1]{\if\relax\detokenize{#1}\relax no\else yes\fi}\t{q}",
        r"\ifdefined\nosuch no\else yes\fi",
        r"\ifdefined\section yes\else no\fi",
        r"\ifcsname nosuch\endcsname no\else yes\fi",
        r"\makeatletter\@ifundefined{nosuch}{yes}{no}\makeatother",
        r"\newtoggle{d}\toggletrue{d}\iftoggle{d}{yes}{no}",
        r"\newtoggle{d}\iftoggle{d}{no}{yes}",
        r"\newtoggle{d}\settoggle{d}{true}\nottoggle{d}{no}{yes}",
        r"\newbool{d}\booltrue{d}\ifbool{d}{yes}{no}",
        r"\newif\ifd\dtrue\ifbool{d}{yes}{no}",
        r"\newif\ifd \ifd no\else yes\fi",
        r"\newboolean{x}\setboolean{x}{true}\ifthenelse{\boolean{x}}{yes}{no}",
        r"\ifthenelse{\equal{\jobname}{x}}{no}{yes}",
        r"\newcommand{\v}{2}\ifthenelse{\equal{\v}{2}}{yes}{no}",
        r"\ifthenelse{\not\equal{a}{b}}{yes}{no}",
        r"\ifthenelse{\(1<2 \and 3<2\) \or 4>3}{yes}{no}",
        r"\ifthenelse{\isundefined{\zz}}{yes}{no}",
        r"\ifthenelse{\isodd{3}}{yes}{no}",
        r"\ifthenelse{\lengthtest{1pt<1cm}}{yes}{no}",
        r"\ifthenelse{\value{section}=0}{yes}{no}",
        r"\newcommand{\v}{2}\ifnum\v=1 no\else yes\fi",
        r"\newcount\x \x=5 \advance\x by 2 \ifnum\x>6 yes\else no\fi",
        r"\ifnum 3>2yes\else no\fi",
        r"\ifnum\value{page}>2 no\else yes\fi",
        r"\ifcase 2 a\or b\or yes\else no\fi",
        r"\ifcase 0 yes\or b\else no\fi",
        r"\ifcase 9 a\or b\else yes\fi",
        r"\unless\ifnum 1>2 yes\else no\fi",
        r"\ifodd 3 yes\else no\fi",
        r"\ifdim 1pt<2pt yes\else no\fi",
        r"\ifnum\numexpr 2*3+1\relax=7 yes\else no\fi",
        r"\ifstrequal{a}{a}{yes}{no}",
        r"\ifblank{ }{yes}{no}",
        r"\ifdef{\nosuch}{no}{yes}",
        r"\ifundef{\nosuch}{yes}{no}",
        r"\def\a{hi}\ifdefstring{\a}{hi}{yes}{no}",
        r"\ifdefempty{\empty}{yes}{no}",
        r"\ifnumcomp{3}{<}{4}{yes}{no}",
        r"\ifnumgreater{3}{4}{no}{yes}",
        r"\newbool{a}\newtoggle{b}\toggletrue{b}\ifboolexpr{bool {a} or togl {b}}{yes}{no}",
        r"\ifboolexpr{not test {\ifstrequal{a}{b}}}{yes}{no}",
        r"\iffalse \ifnosuch x\else y\fi z\else yes\fi",
        r"\newcommand{\ifarxiv}[2]{#1}\iffalse \ifarxiv{no}{no}\else yes\fi",
        r"\if ab no\else yes\fi",
        r"\if aa yes\else no\fi",
        r"\def\x{a}\if\x a yes\else no\fi",
        r"\ifcat ab yes\else no\fi",
        r"\if@twocolumn no\else yes\fi",
        r"\ifx\pdfoutput\undefined no\else yes\fi",
        r"\ifdefined\pdfoutput yes\fi",
        r"\ifthenelse{\equal{a}{a} \AND \NOT \equal{a}{b}}{yes}{no}",
        r"\ifx a a no\else yes\fi",
        r"\ifx aa yes\else no\fi",
        r"\edef\x{a}\def\y{a}\ifx\x\y yes\fi",
    ],
)
def test_a_condition_reads_the_branch_that_is_printed(latex: str) -> None:
    assert shown(f"Before {latex}{{}} after.") == "Before yes after."


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\newcommand{\t}[1]{\ifx&#1&no\else yes #1\fi}\t{abc}", "yes abc"),
        (r"$\ifmmode in\else out\fi$, \ifmmode in\else out\fi", "in, out"),
        (r"\iffalse \ifnum 1<2 a\else b\fi c\else d\fi", "d"),
        (r"\newif\ifdraft\drafttrue\ifdraft a\ifx\x\y b\fi\else c\fi", "ab"),
        (r"\ifcase 1 a\or b\ifnum 1>2 c\or d\fi e\or f\fi", "be"),
        (
            r"\NewDocumentCommand{\f}{s o m}{\IfBooleanTF{#1}{star}{plain} "
            r"\IfNoValueTF{#2}{none}{#2} #3}\f{a}, \f*[b]{c}",
            "plain none a, star b c",
        ),
        (
            r"\NewDocumentCommand{\f}{o}{\IfValueT{#1}{given }\IfNoValueF{#1}{#1}.}\f[1] \f",
            "given 1. .",
        ),
    ],
)
def test_branches_may_be_nested_and_hold_arguments(latex: str, text: str) -> None:
    assert shown(latex) == text


def test_a_condition_about_the_printed_page_counts_as_true() -> None:
    assert shown(r"\ifdim\textwidth>9cm wide\else narrow\fi") == "wide"


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\def\pair(#1,#2){(#1; #2)}\pair(left,right)!", "(left; right)!"),
        (r"\def\model/{TinyDict}\model/, with \model/s", "TinyDict, with TinyDicts"),
        (r"\def\s#1 #2.{[#2|#1]}\s ab cd.e", "[cd|ab]e"),
        (r"\def\x#1->#2;{#2 from #1}\x a->b;c", "b from ac"),
        (r"\def\x#1--#2.{#1 to #2}\x 5--7.8", "5 to 78"),
        (r"\def\x<#1>{(#1)}\x<a,b>c", "(a,b)c"),
        (r"\def\x#1\end#2{#1#2}\x abc\end{d}", "abc"),
        (r"\def\x#1#{(#1)}\x ab{c}", "(ab)c"),
        (r"\def\x[#1]{<#1>}\x[a{]}b]c", "<a]b>c"),
        (r"\def\x(#1){<#1>}\x({a)b})c", "<a)b>c"),
        (r"\def\x#1stop{<#1>}\x one sto two stop three", "<one sto two > three"),
        (r"\expandafter\def\csname a b\endcsname#1{(#1)}\csname a b\endcsname{z}", "(z)"),
        (r"\def\m:#1:#2:{#2-#1}\m:a:b:c", "b-ac"),
    ],
)
def test_delimiters_are_compared_letter_by_letter(latex: str, text: str) -> None:
    assert shown(latex) == text


def test_a_blank_line_is_the_end_of_a_paragraph_to_a_delimiter() -> None:
    assert shown("\\def\\lead#1\\par{[#1]}\\lead One two.\n\nThree.") == "[One two.]Three."


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (
            r"\NewDocumentCommand{\f}{d() m}{\IfNoValueTF{#1}{none}{#1}-#2}\f(a){b} \f{c}",
            "a-b none-c",
        ),
        (r"\NewDocumentCommand{\f}{D<>{x} m}{#1#2}\f<a>{b} \f{c}", "ab xc"),
        (
            r"\NewDocumentCommand{\f}{t+ +m}{\IfBooleanTF{#1}{plus}{none} #2}\f+{b}, \f{c}",
            "plus b, none c",
        ),
        (r"\NewDocumentCommand{\f}{r() >{\TrimSpaces} m}{#2 of #1}\f(5){b}", "b of 5"),
    ],
)
def test_arguments_of_xparse_are_read_by_their_kinds(latex: str, text: str) -> None:
    assert shown(latex) == text


def test_a_missing_delimiter_takes_nothing() -> None:
    assert shown(r"\def\x#1|{(#1)}\x All of this stays.") == "()All of this stays."


def test_a_macro_may_be_defined_and_called_by_a_computed_name() -> None:
    body = r"\newcommand{\kind}{small}\expandafter\def\csname \kind-rate\endcsname{7}"
    assert shown(body + r"\csname small-rate\endcsname{} of \csuse{small-rate}.") == "7 of 7."
