"""Code in LaTeX3 prints nothing, and what it defines is learned or named in a warning."""

from fakes.paper_sources import article, packed

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.latex import read_latex

CODE = r"""
\ExplSyntaxOn
\tl_new:N \l_quay_words_tl
\tl_set:Nn \l_quay_words_tl { hidden~words~42 }
\cs_new:Npn \quay_show:n #1 { \tl_use:N \l_quay_words_tl #1 }
\NewDocumentCommand \score { m } { \quay_show:n { #1 } }
\NewDocumentCommand \tool { m } { Quay ~ \textbf { #1 } }
\ExplSyntaxOff
"""


def said(document: Document) -> str:
    return " ".join(block.text for block in document.blocks)


def test_code_in_latex3_never_becomes_text_in_the_preamble_or_in_the_paper() -> None:
    for body, preamble in ((r"Before. \score{71} \tool{two}.", CODE), (f"Before.{CODE}After.", "")):
        text = said(read_latex(article(body, preamble)))
        assert "Before." in text
        assert not any(word in text for word in ("hidden", "42", "quay", "new:", "#1", "_"))


def test_a_plain_command_in_latex3_code_is_learned_and_a_program_is_named() -> None:
    document = read_latex(article(r"\tool{two} \score{71}", CODE))
    assert said(document) == "Quay two 71"
    (warning,) = [it for it in document.warnings if "LaTeX3" in it]
    assert r"\score" in warning and r"\tool" not in warning


def test_code_in_latex3_ends_with_its_file() -> None:
    main = r"\documentclass{article}\begin{document}\input{macros}The text.\end{document}"
    document = read_latex(
        packed({"main.tex": main, "macros.tex": CODE.replace(r"\ExplSyntaxOff", "")})
    )
    assert said(document) == "The text."


def test_code_in_latex3_without_an_end_does_not_swallow_the_paper() -> None:
    document = read_latex(article(r"\ExplSyntaxOn The text."))
    assert "The text." in said(document)


def test_a_package_in_latex3_defines_what_can_be_read() -> None:
    style = r"\ProvidesExplPackage{quay}{2026/01/01}{1.0}{}" + CODE.replace(r"\ExplSyntaxOn", "")
    body = r"\begin{document}\tool{two} \score{71}\end{document}"
    main = r"\documentclass{article}\usepackage{quay}" + body
    document = read_latex(packed({"main.tex": main, "quay.sty": style}))
    assert said(document) == "Quay two 71"
