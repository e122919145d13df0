"""The cited entries of a paper's own .bib files, with all that BibTeX itself would resolve."""

from fakes.paper_sources import packed

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.latex import read_latex


def read(bib: str, cited: str, style: str = "plain") -> Document:
    text = (
        "\\documentclass{article}\\begin{document}\\section{Rivers}We follow "
        f"\\cite{{{cited}}}.\\bibliographystyle{{{style}}}\\bibliography{{refs}}\\end{{document}}"
    )
    return read_latex(packed({"main.tex": text, "refs.bib": bib}))


def texts(bib: str, cited: str, style: str = "plain") -> list[str]:
    return [entry.text for entry in read(bib, cited, style).references]


def test_joined_strings_and_inherited_fields_are_in_the_entry() -> None:
    bib = (
        '@string{jt = "Journal of Tests"}\n'
        "@article{a, author={Ada One}, title={Joined } # {words}, journal=jt # {, B}, year=2001}\n"
        "@inproceedings{b, author={Bo Two}, title={A child}, crossref={p}}\n"
        "@proceedings{p, title={Proceedings}, year=2002}"
    )
    assert texts(bib, "a,b") == [
        "Ada One. Joined words. Journal of Tests, B. 2001",
        "Bo Two. A child. Proceedings. 2002",
    ]


def test_strings_of_one_file_are_known_in_the_next() -> None:
    text = (
        "\\documentclass{article}\\begin{document}\\section{Rivers}We follow \\cite{a}."
        "\\bibliographystyle{plain}\\bibliography{names,refs}\\end{document}"
    )
    files = {
        "main.tex": text,
        "names.bib": '@string{jt = "Journal of Tests"}',
        "refs.bib": "@article{a, title={Rivers}, journal=jt, year=2001}",
    }
    (entry,) = read_latex(packed(files)).references
    assert entry.text == "Rivers. Journal of Tests. 2001"


def test_names_of_an_entry_stay_whole() -> None:
    bib = (
        "@article{a, author={van der Berg, Jr., Jan AND {Barnes and Noble, Inc.} and others},"
        " title={Rivers}, year=2001}\n"
        r"@article{b, author={Bo Two and \v{S}ime Li}, title={Lakes}, year=2002}"
    )
    assert texts(bib, "b,a") == [
        "Bo Two, Šime Li. Lakes. 2002",
        "Jan van der Berg, Jr., Barnes and Noble, Inc. Rivers. 2001",
    ]


def test_entries_are_ordered_by_family_name_with_its_particle() -> None:
    bib = "".join(
        f"@misc{{k{n}, author={{{name}}}, title={{Title {n}}}}}\n"
        for n, name in enumerate(
            ("Zoe Amber", "Jan van der Berg", "{Team of Ursula}", "Willow, Ada", "de Cave, Bo")
        )
    )
    names = [text.partition(". ")[0] for text in texts(bib, "k0,k1,k2,k3,k4")]
    assert names == ["Zoe Amber", "Bo de Cave", "Team of Ursula", "Jan van der Berg", "Ada Willow"]


def test_a_broken_entry_is_read_and_named_only_if_it_is_cited() -> None:
    bib = (
        "@article{a, author={Ada One}, title={A brace {is open}, year=2001}\n"
        "@article{b, author={Bo Two}, title={Whole}, year=2002}\n"
    )
    document = read(bib, "a,b")
    assert [entry.text for entry in document.references] == [
        "Ada One. A brace is open. 2001",
        "Bo Two. Whole. 2002",
    ]
    assert any("refs.bib" in warning and "a brace" in warning for warning in document.warnings)
    assert read(bib, "b").warnings == []


def test_a_key_of_two_works_is_said() -> None:
    bib = "@misc{a, title={First}, year=2001}\n@misc{a, title={Second}, year=2002}\n"
    document = read(bib, "a")
    assert [entry.text for entry in document.references] == ["First. 2001"]
    assert any("'a' stands for two different works" in warning for warning in document.warnings)


def test_quotation_marks_of_a_title_stay() -> None:
    assert texts('@misc{a, title={Comment on "Rivers"}}', "a") == ['Comment on "Rivers"']


def test_a_key_is_found_whatever_its_case_and_a_missing_one_is_said() -> None:
    document = read("@misc{Foo2001, title={Rivers}}@misc{bar, title={Lakes}}", "foo2001,bar,none")
    assert [entry.text for entry in document.references] == ["Lakes", "Rivers"]
    assert document.blocks[-1].text == "We follow [2, 1, none]."
    assert [warning for warning in document.warnings if "none of the .bib files: none." in warning]
