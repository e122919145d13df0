"""Commands and environments that no paper redefines, as the reader knows them by meaning."""

_KEPT_NAMES = (
    "AND And Cref abstract address affiliation and appendix author autoref begin bf bibitem "
    "bibliography bottomrule caption captionof centering chapter cite citep citet cline cmidrule "
    "cref date documentclass email emph end endinput eqref footnote footnotemark footnotesize "
    "footnotetext hline href Huge huge includegraphics input institute it item keywords label "
    "LARGE Large large maketitle midrule multicolumn multirow newblock nocite normalsize par "
    "paragraph part printbibliography ref rm scriptsize section sf small subcaption subparagraph "
    "subsection subsubsection tableofcontents text textbf textit textrm textsc textsf texttt "
    "thanks tiny title toprule tt underline url usepackage"
)
KEPT = {f"\\{name}" for name in _KEPT_NAMES.split()}
KEPT_ENVIRONMENTS = {
    *("document", "abstract", "figure", "table", "figure*", "table*", "equation", "equation*"),
    *("align", "align*", "gather", "gather*", "multline", "multline*", "eqnarray", "eqnarray*"),
    *("itemize", "enumerate", "description", "list", "trivlist", "quote", "quotation", "center"),
    *("tabular", "tabular*", "tabularx", "longtable", "array", "minipage", "verbatim", "math"),
    *("thebibliography", "titlepage", "algorithm", "algorithmic", "lstlisting", "displaymath"),
    *("wrapfigure", "wraptable", "subfigure", "subtable", "flushleft", "flushright", "appendix"),
}
