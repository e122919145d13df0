"""What a style or a class does to a paper: sizes, bibliographies, theorems, tables of its own."""

import pytest
from fakes.paper_sources import packed

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.latex import read_latex


def read(body: str, preamble: str = "", style: str = "", name: str = "article") -> Document:
    text = f"\\documentclass{{{name}}}{preamble}\\begin{{document}}{body}\\end{{document}}"
    files = {"main.tex": text}
    if style:
        files["meeting.sty"] = style
        files["main.tex"] = text.replace(
            "\\begin{document}", "\\usepackage{meeting}\n\\begin{document}"
        )
    return read_latex(packed(files))


def words(document: Document) -> str:
    return " ".join(block.text for block in document.blocks)


SIZES = r"""
\def\normalsize{\@setsize\normalsize{11pt}\xpt\@xpt}
\def\small{\@setsize\small{10pt}\ixpt\@ixpt\abovedisplayskip 3pt}
\renewcommand{\Large}{\@setsize\Large{16pt}\xivpt\@xivpt}
\def\subsize{\@setsize\subsize{12pt}\xipt\@xipt}
\newcommand{\huge}{\fontsize{20}{22}\selectfont\huge}
\let\HUGE=\huge
\def\wide{\fontsize{9}{10}\selectfont\wide}
"""


@pytest.mark.parametrize("size", ["normalsize", "small", "Large", "subsize", "HUGE", "wide"])
def test_a_size_command_that_passes_itself_on_prints_nothing(size: str) -> None:
    body = f"{{\\{size} Wide}} \\tool\\ and \\tool."
    document = read(body, r"\newcommand{\tool}{\textsc{Quay}}", SIZES)
    assert words(document) == "Wide Quay and Quay."
    assert not any("too many" in warning for warning in document.warnings)


@pytest.mark.parametrize(
    "preamble",
    [
        r"\let\oldtt\texttt\renewcommand{\texttt}[1]{\oldtt{#1}}",
        r"\let\oldfoot\footnote\renewcommand{\footnote}[1]{\oldfoot{#1}}",
        r"\let\plainurl\url\def\url#1{{\small\plainurl{#1}}}",
        r"\let\oldsup\textsuperscript\renewcommand{\textsuperscript}[1]{{\small\oldsup{#1}}}",
        r"\let\oldbox=\mbox\def\mbox#1{\oldbox{#1}}",
        r"\let\olditem\item\renewcommand{\item}{\olditem}",
        r"\let\old=\emph\renewcommand{\emph}[1]{\textbf{\old{#1}}}",
        r"\let\oldsection\section\renewcommand{\section}{\clearpage\oldsection}",
        r"\def\quote{\list{}{\rightmargin 2pt}\item\relax}\let\endquote=\endlist",
    ],
)
def test_a_command_may_be_redefined_by_its_old_meaning(preamble: str) -> None:
    body = (
        r"\section{Quays}\mbox{x}\textsuperscript{2} \texttt{a} \emph{b}\footnote{c} "
        r"\url{https://quay.org/d} \tool"
        r"\begin{quote}e\end{quote}\begin{itemize}\item f\end{itemize}"
    )
    document = read(body, preamble + r"\newcommand{\tool}{Quay}")
    plain = read(body, r"\newcommand{\tool}{Quay}")
    assert words(document) == words(plain)
    assert [block.kind for block in document.blocks] == [block.kind for block in plain.blocks]


@pytest.mark.parametrize(
    "style",
    [
        r"\def\thebibliography#1{\section*{References}\list {}{\setlength{\labelwidth}{0pt}}}"
        r"\let\endthebibliography=\endlist",
        r"\renewcommand\thebibliography[1]{\section*{References}\list{}{}}"
        r"\def\endthebibliography{\endlist}",
        r"\renewenvironment{thebibliography}[1]{\list{}{}}{\endlist}",
    ],
)
def test_a_style_may_redefine_the_bibliography(style: str) -> None:
    items = r"\bibitem{a} A. Author. Boats. 2030. \bibitem{b} B. Author. Ropes. 2029."
    document = read(f"\\begin{{thebibliography}}{{9}}{items}\\end{{thebibliography}}", "", style)
    assert [entry.text for entry in document.references] == [
        "A. Author. Boats. 2030.",
        "B. Author. Ropes. 2029.",
    ]


def test_environments_that_a_style_defines_as_commands_keep_their_meaning() -> None:
    style = (
        r"\def\abstract{\subsection*{Abstract}\small}\def\endabstract{\par}"
        r"\def\figure{\@float{figure}}\def\endfigure{\end@float}"
        r"\def\itemize{\list{}{}}\def\enditemize{\endlist}"
    )
    body = (
        r"\begin{abstract}We map.\end{abstract}\begin{figure}\caption{Quay.}\end{figure}"
        r"\begin{itemize}\item One.\end{itemize}"
    )
    document = read(body, "", style)
    assert document.abstract == "We map."
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("figure", "Quay."),
        ("list_item", "One."),
    ]


def test_a_heading_by_startsection_is_a_heading() -> None:
    style = (
        r"\def\head{\@startsection{section}{1}{\z@}{2ex}{1ex}{\large\bf}}"
        r"\newcommand{\subhead}{\@startsection {mine}{2}{0pt}{2ex}{1ex}{\bf}}"
    )
    document = read(r"\head{Quays} Text. \subhead{Ropes} More.", "", style)
    found = [(it.level, it.number, it.text) for it in document.blocks if it.kind == "heading"]
    assert found == [(1, "1", "Quays"), (2, "1.1", "Ropes")]


CLASSES = [
    ("llncs", "", "Theorem 1. T. Lemma 1. L."),
    ("llncs", "envcountsame", "Theorem 1. T. Lemma 2. L."),
    ("llncs", "envcountsect,runningheads", "Theorem 1.1. T. Lemma 1.1. L."),
    ("jmlr", "", "Theorem 1. T. Lemma 2. L."),
    ("lipics-v2021", "", "Theorem 1. T. Lemma 2. L."),
    ("acmart", "sigconf", "Theorem 1.1. T. Lemma 1.2. L."),
    ("siamart220329", "", "Theorem 1.1. T. Lemma 1.2. L."),
    ("unheard-of", "", "Theorem 1. T. Lemma 1. L."),
]


@pytest.mark.parametrize(("name", "options", "expected"), CLASSES)
def test_theorems_of_a_class_that_the_source_does_not_hold(
    name: str, options: str, expected: str
) -> None:
    body = (
        r"\section{One}\begin{theorem}\label{t}T.\end{theorem}\begin{lemma}L.\end{lemma}"
        r"\begin{proof}By looking.\end{proof} See \ref{t}."
    )
    text = f"\\documentclass[{options}]{{{name}}}\\begin{{document}}{body}\\end{{document}}"
    document = read_latex(packed({"main.tex": text}))
    number = expected.split()[1].rstrip(".")
    assert words(document) == f"One {expected} Proof. By looking. See {number}."


@pytest.mark.parametrize(
    ("preamble", "expected"),
    [
        (r"\newtheorem{thm}{Theorem}\newtheorem{lem}[thm]{Lemma}", "Theorem 1. A. Lemma 2. B."),
        (
            r"\declaretheorem[style=x,name=Great Theorem]{thm}\declaretheorem[sibling=thm]{lem}",
            "Great Theorem 1. A. Lem 2. B.",
        ),
        (
            r"\declaretheorem{thm}\declaretheorem[numbered=no,name={Lemma}]{lem}",
            "Thm 1. A. Lemma. B.",
        ),
        (
            r"\spnewtheorem{thm}{Theorem}{\bfseries}{\itshape}\spnewtheorem*{lem}{Lemma}{\bf}{\it}",
            "Theorem 1. A. Lemma. B.",
        ),
        (
            r"\newmdtheoremenv[linewidth=1pt]{thm}{Theorem}\newproof{lem}{Sketch}",
            "Theorem 1. A. Sketch. B.",
        ),
    ],
)
def test_theorems_are_defined_in_the_ways_of_all_packages(preamble: str, expected: str) -> None:
    assert words(read(r"\begin{thm}A.\end{thm}\begin{lem}B.\end{lem}", preamble)) == expected


HEAD = r"\tablehead{\colhead{Town} & \colhead{Score}\\ \colhead{} & \colhead{(m)}}"
DATA = r"\startdata North & 0.81 \\ South & \nodata \enddata"


@pytest.mark.parametrize(
    "name", ["deluxetable", "deluxetable*", "splitdeluxetable", "longdeluxetable"]
)
def test_a_deluxetable_has_its_caption_header_and_rows(name: str) -> None:
    inside = f"\\tabletypesize{{\\small}}\\tablecaption{{Towns.\\label{{t}}}}{HEAD}{DATA}"
    inside += r"\tablecomments{All in metres.}\tablenotetext{a}{Old.}"
    document = read(
        f"\\begin{{{name}}}{{lc}}{inside}\\end{{{name}}}See Table~\\ref{{t}}.", name="aastex631"
    )
    table, *notes = document.blocks
    assert (table.kind, table.number, table.text) == ("table", "1", "Towns.")
    assert table.rows == [["Town", "Score"], ["", "(m)"], ["North", "0.81"], ["South", "…"]]
    assert [note.text for note in notes] == ["All in metres.", "a Old.", "See Table 1."]


def test_a_deluxetable_has_heads_between_its_rows_and_a_number_of_its_own() -> None:
    inside = (
        r"\tablenum{7}\tablecaption{Towns.}\label{t}\tablehead{\colhead{Town} & \twocolhead{Score}}"
        r"\startdata \cutinhead{Coast} North\tablenotemark{a} & 1 & 2 \\ "
        r"\sidehead{Hills} Up & 3 & 4\enddata"
    )
    table, text = read(
        f"\\begin{{deluxetable}}{{lcc}}{inside}\\end{{deluxetable}}\\ref{{t}}"
    ).blocks
    assert (table.number, text.text) == ("7", "7")
    assert table.rows == [
        ["Town", "Score", ""],
        ["Coast", "", ""],
        ["Northᵃ", "1", "2"],
        ["Hills", "", ""],
        ["Up", "3", "4"],
    ]


@pytest.mark.parametrize(
    "latex",
    [
        r"\ctable[caption={Towns, old.},label=t,pos=t]{lc}{}{\FL A & B\ML 1 & 2\LL}",
        r"\begin{longtblr}[caption={Towns, old.},label={t}]{colspec={lc}}A & B\\1 & 2"
        r"\end{longtblr}",
        r"\begin{longtable*}{lc}\caption{Towns, old.\label{t}}\\A & B\\1 & 2\end{longtable*}",
        r"\begin{xtabular}{lc}\caption{Towns, old.\label{t}}A & B\\1 & 2\end{xtabular}",
        r"\begin{specialtable}[H]\caption{Towns, old.\label{t}}"
        r"\begin{NiceTabular*}{3cm}{lc}A & B\\1 & 2\end{NiceTabular*}\end{specialtable}",
    ],
)
def test_tables_of_other_packages_have_caption_and_rows(latex: str) -> None:
    table, text = read(latex + r" See \ref{t}.").blocks
    assert (table.kind, table.number, table.text) == ("table", "1", "Towns, old.")
    assert table.rows == [["A", "B"], ["1", "2"]]
    assert text.text == "See 1."


ICML = r"""
\long\def\icmltitle#1{\global\setbox\titrun=\vbox{\small\bf\@icmltitlerunning}\toptitlebar
  {\center\baselineskip 18pt{\Large\bf #1}\bottomtitlebar}}
\def\icmlauthor#1#2{\ifdefined\isaccepted\mbox{\bf #1}\,\@for\theicmlaffil:=#2\do{x}\else y\fi}
\newenvironment{icmlauthorlist}{\setlength\topsep{0pt}\begin{center}}{\end{center}}
\newcommand{\icmlaffiliation}[2]{\ifcsname the@affil#1\endcsname #2\fi}
\newenvironment{keywords}{\bgroup\leftskip 20pt\noindent{\bf Keywords:} }{\par\egroup}
\def\section{\@startsection {section}{1}{\z@}{-0.12in}{0.02in}{\large\bf\raggedright}}
"""


def test_a_style_that_says_how_the_front_matter_looks_does_not_change_what_it_is() -> None:
    body = (
        r"\twocolumn[\icmltitle{Wide Rivers}\begin{icmlauthorlist}\icmlauthor{Ida Moss}{a}"
        r"\icmlauthor{Bo Lind}{a}\end{icmlauthorlist}\icmlaffiliation{a}{Quay}"
        r"\icmlcorrespondingauthor{Ida Moss}{ida@quay.org}\icmlkeywords{rivers, quays}"
        "\n\n\\vskip 0.3in]\n"
        r"\begin{abstract}We map.\end{abstract}\section{Banks}Text."
    )
    document = read(body, "", ICML)
    assert (document.title, document.authors) == ("Wide Rivers", ["Ida Moss", "Bo Lind"])
    assert document.abstract == "We map."
    assert [block.text for block in document.blocks] == [
        "Keywords: rivers, quays",
        "Banks",
        "Text.",
    ]


_JMLR = rb"\def\name{\upshape\bf}\def\addr{\small\it}\def\email{\hfill\small\sc}"


@pytest.mark.parametrize("style", [{}, {"jmlr2e.sty": _JMLR}])
@pytest.mark.parametrize(
    "authors",
    [
        r"\author{\name Ida Moss \email ida@quay.org \\ \addr Dep of Quays\\Sea Town, ST 9 \AND "
        r"\name Bo van Lind \email bo@quay.org \\ \addr Long Quay}",
        r"\author{\name Ida Moss \email i@q.org\\ \name Bo van Lind \email b@q.org \\ \addr Quay}",
        r"\author{\Name{Ida Moss} \Email{i@q.org}\\ \addr D \and \Name{Bo van Lind}\\ \addr Quay}",
        r"\author*[1]{\fnm{Ida} \sur{Moss}}\email{i@q.org}"
        r"\author[2,3]{\fnm{Bo} \spfx{van} \sur{Lind}}\affil*[1]{\orgname{Quay}}",
        r"\author*{Ida Moss}\author{Bo van Lind}",
        r"\author{Ida Moss \email{i@q.org} \and Bo van Lind \email{b@q.org}}",
    ],
)
def test_authors_are_found_in_the_forms_of_jmlr_and_springer(
    authors: str, style: dict[str, bytes]
) -> None:
    text = rf"\documentclass{{article}}\usepackage{{jmlr2e}}\title{{Quays}}{authors}"
    body = r"\begin{document}\maketitle Text.\end{document}"
    document = read_latex(packed({"main.tex": text + body, **style}))
    assert document.authors == ["Ida Moss", "Bo van Lind"]
    assert [block.text for block in document.blocks] == ["Text."]
