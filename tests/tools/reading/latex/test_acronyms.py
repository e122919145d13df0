"""Acronyms are read as they are printed: in full at the first use, short afterwards."""

from fakes.paper_sources import article, packed

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.latex import read_latex

ACRO = (
    r"\usepackage{acro}\DeclareAcronym{sae}{short=SAE, long=sparse autoencoder}"
    r"\DeclareAcronym{kl}{short=KL, long=divergence, long-plural-form=all divergences}"
)
GLOSSARIES = (
    r"\usepackage{glossaries}\makeglossaries\newacronym[longplural={losses recovered}]{lr}{LR}"
    r"{\textbf{l}oss \textbf{r}ecovered}"
    r"\newglossaryentry{latent}{name=latent, description={A unit}}"
)


def text_of(document: Document) -> str:
    return "\n".join(block.text for block in document.blocks)


def read(body: str, preamble: str) -> str:
    return text_of(read_latex(article(body, preamble)))


def test_an_acronym_of_acro_is_in_full_once() -> None:
    said = read(r"\Ac{sae} and \ac{sae}, \acp{sae}; \acp{kl}, \acs{kl}, \acl{kl}.", ACRO)
    assert said == (
        "Sparse autoencoder (SAE) and SAE, SAEs; all divergences (KLs), KL, divergence."
    )


def test_the_first_use_counts_from_the_abstract_on_and_can_be_reset() -> None:
    source = r"\begin{abstract}An \ac{sae}.\end{abstract}One \ac{sae}. \acreset{sae}Now \ac{sae}."
    document = read_latex(article(source, ACRO))
    assert document.abstract == "An sparse autoencoder (SAE)."
    assert text_of(document) == "One SAE. Now sparse autoencoder (SAE)."


def test_an_acronym_of_glossaries_takes_an_ending_and_an_entry_has_one_form() -> None:
    said = read(
        r"\gls{lr}['s] is .9, \gls{lr}, \acrfullpl{lr}; \Gls{latent}, \glspl{latent}.", GLOSSARIES
    )
    assert said == ("loss recovered’s (LR) is .9, LR, losses recovered (LRs); Latent, latents.")


def test_entries_of_another_file_are_read() -> None:
    main = (
        r"\documentclass{article}\usepackage{glossaries}\loadglsentries{terms}"
        r"\begin{document}\acrlong{ev} is .7.\end{document}"
    )
    terms = r"\newacronym{ev}{EV}{explained variance}"
    document = read_latex(packed({"main.tex": main, "terms.tex": terms}))
    assert text_of(document) == "explained variance is .7."
    assert not document.warnings


def test_a_list_of_acronyms_behind_the_text_counts_for_the_text_and_is_read() -> None:
    said = read(
        r"\ac{EV} rose, \acp{EV} fell; \ac*{LR}, \ac{LR}.\begin{acronym}[LR]"
        r"\acro{EV}{explained variance}\acro{LR}[$R$]{loss recovered}"
        r"\acrodef{x}[X]{xylophone}\end{acronym}",
        r"\usepackage{acronym}",
    )
    assert said.split("\n") == [
        "explained variance (EV) rose, EVs fell; loss recovered (R), loss recovered (R).",
        "EV explained variance",
        "R loss recovered",
    ]


def test_an_acronym_that_is_not_declared_is_shown_by_its_key_with_a_warning() -> None:
    document = read_latex(article(r"\ac{sae}, \ac{sae} and \gls{ev}.", r"\usepackage{acro}"))
    assert text_of(document) == "sae, sae and ev."
    (warning,) = document.warnings
    assert "does not declare these acronyms" in warning and "sae, ev" in warning


def test_an_authors_own_command_of_that_name_comes_first() -> None:
    assert read(r"\ac{5}", r"\newcommand{\ac}[1]{A/C #1}") == "A/C 5"
