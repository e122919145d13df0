"""Pseudocode of algorithm2e, algorithmicx and algorithmic keeps its lines and its structure."""

import pytest
from fakes.paper_sources import article

from fumehood_tools.reading.latex import read_latex


def lines(body: str, environment: str = "algorithm") -> list[str]:
    """Return the lines of the code blocks of a paper."""
    source = f"\\begin{{{environment}}}{body}\\end{{{environment}}}"
    blocks = read_latex(article(source)).blocks
    return [line for block in blocks for line in block.text.splitlines()]


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (
            r"\Repeat{$e < 3$}{$e \gets e - 1$\;}\Return $e$\;",
            ["repeat", "  e ← e - 1", "until e < 3", "return e"],
        ),
        (r"\lRepeat{done}{step}", ["repeat step until done"]),
        (
            r"\uIf{a}{b\;}\uElseIf{c}{d\;}\Else{e\;}f\;",
            ["if a then", "  b", "else if c then", "  d", "else", "  e", "f"],
        ),
        (r"\eIf{a}{b\;}{c\;}d\;", ["if a then", "  b", "else", "  c", "d"]),
        (
            r"\lIf{a}{\Return 4}\lElse{b}\leIf{c}{5}{6}",
            ["if a then return 4", "else b", "if c then 5 else 6"],
        ),
        (
            r"\Switch{x}{\Case{1}{a\;}\uCase{2}{b\;}\Other{c\;}}",
            ["switch x do", "  case 1 do", "    a", "  case 2 do", "    b", "  otherwise", "    c"],
        ),
        (r"\ForEach{$i \in S$}{\lFor{$j$}{a}}", ["for each i ∈ S do", "  for j do a"]),
        (r"\Begin{\While{a}{b\;}}", ["begin", "  while a do", "    b"]),
        (r"\For(\tcp*[f]{each one}){a}{b\;}", ["for a do ▷ each one", "  b"]),
        (r"a \tcp*[r]{note 1}b \tcc{note 2}c", ["a ▷ note 1", "b ▷ note 2", "c"]),
        (
            r"\KwIn{A set}\KwOut{A map}\KwData{D}go\;",
            ["Input: A set", "Output: A map", "Data: D", "go"],
        ),
        (r"one\\two\;" + "\n\nthree", ["one", "two", "three"]),
        (r"\DontPrintSemicolon\SetNlSty{textbf}{}{:}\SetInd{1em}{2em}a\;", ["a"]),
        (r"\For{$i=1$ \KwTo $9$}{a\;}", ["for i = 1 to 9 do", "  a"]),
        (r"a\;\Indp b\;\Indm c\;", ["a", "  b", "c"]),
    ],
)
def test_algorithm2e_is_read_by_its_blocks(latex: str, expected: list[str]) -> None:
    assert lines(latex) == expected
    assert lines(latex, "algorithm2e") == expected


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (
            r"\SetKwInOut{Given}{given}\SetKwInput{Gets}{Gets}\Given{a set}\Gets{$b$}go\;",
            ["given: a set", "Gets: b", "go"],
        ),
        (
            r"\SetKwFunction{Fit}{FitOnce}\SetKwProg{Fn}{Function}{:}{end}"
            r"\Fn{\Fit{$x$, $k$}}{$y \gets$ \Fit{$x$, 2}\;}",
            ["Function FitOnce(x, k):", "  y ← FitOnce(x, 2)"],
        ),
        (
            r"\SetKw{Stop}{break}\SetKwData{Left}{left}\Stop\;\Left $\gets 1$\;",
            ["break", "left ← 1"],
        ),
        (r"\SetKwArray{Cell}{cell}\Cell{3} $= 4$\;", ["cell[3] = 4"]),
        (r"\SetKwFor{Par}{for}{in parallel}{end}\Par{$i$}{a\;}", ["for i in parallel", "  a"]),
        (r"\SetKwRepeat{Do}{do}{while}\Do{$x$}{a\;}", ["do", "  a", "while x"]),
        (r"\SetKwComment{Say}{/* }{ */}a \Say*[r]{why}b\;", ["a ▷ why", "b"]),
        (
            r"\SetKwIF{When}{Or}{Rest}{when}{do}{or when}{rest}{end}"
            r"\When{a}{b\;}\Or{c}{d\;}\Rest{e\;}",
            ["when a do", "  b", "or when c do", "  d", "rest", "  e"],
        ),
    ],
)
def test_keywords_that_a_paper_declares_are_read(latex: str, expected: list[str]) -> None:
    assert lines(latex) == expected


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (
            r"\Repeat \State $n \gets n+1$ \Until{$n > 8$}\State end it",
            ["repeat", "  n ← n+1", "until n > 8", "end it"],
        ),
        (r"\Loop \State spin \EndLoop", ["loop", "  spin", "end loop"]),
        (
            r"\If{$a$ \AND $b$} \STATE c \ELSIF{d} \STATE e \ELSE \STATE f \ENDIF",
            ["if a and b then", "  c", "else if d then", "  e", "else", "  f", "end if"],
        ),
        (
            r"\FORALL{$i$} \STATE $t \bmod 7$ \COMMENT{note} \ENDFOR",
            ["for all i do", "  t mod 7 ▷ note", "end for"],
        ),
        (r"\REQUIRE $n$ \ENSURE $m$ \STATE go", ["Require: n", "Ensure: m", "go"]),
        (
            r"\renewcommand{\algorithmicrequire}{\textbf{Input:}}\Require $n$ \State go",
            ["Input: n", "go"],
        ),
        (
            r"\Function{Fit}{$a,b$} \State \Return \Call{Sum}{$a$} \EndFunction",
            ["function Fit(a,b)", "  return Sum(a)", "end function"],
        ),
    ],
)
def test_algorithmicx_and_algorithmic_are_read_by_their_commands(
    latex: str, expected: list[str]
) -> None:
    assert lines(latex, "algorithmic") == expected


def test_modular_arithmetic_reads_as_it_is_printed() -> None:
    (block,) = read_latex(article(r"$7 \bmod 4$ and $a \equiv 3 \pmod{4}$")).blocks
    assert block.text == "7 mod 4 and a ≡ 3 (mod 4)"
