"""BibTeX as people write it: nothing vanishes without a word, and names stay whole."""

from pathlib import Path

import pytest

from fumehood_tools.papers.bibtex import read_bibtex, write_bibtex
from fumehood_tools.papers.encodings import decoded
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.local_files import take_in
from fumehood_tools.papers.paper import Paper, make_paper


def read(text: str) -> tuple[list[Paper], str]:
    """Return the papers, and the notes as one text."""
    notes: list[str] = []
    return read_bibtex(text, notes), " ".join(notes)


def titles(text: str) -> list[str]:
    return [paper.title for paper in read(text)[0]]


def one(fields: str) -> Paper:
    (paper,) = read_bibtex(f"@article{{k, {fields}}}")
    return paper


def test_two_works_under_one_key_are_both_kept() -> None:
    papers, notes = read(
        "@misc{dup, title={One river}, year=2001}\n@misc{dup, title={Another river}, year=2002}\n"
        "@misc{, title={No key}}\n@misc{, title={No key either}}"
    )
    assert [paper.title for paper in papers] == [
        "One river",
        "Another river",
        "No key",
        "No key either",
    ]
    assert notes == ""


def test_of_a_field_that_stands_twice_the_first_is_used_and_it_is_said() -> None:
    papers, notes = read("@article{a, title={Rivers}, note={x}, year=2004, title={Lakes}}")
    assert [(paper.title, paper.year) for paper in papers] == [("Rivers", 2004)]
    assert "title of a" in notes and "first one is used" in notes
    assert read("@article{a, title={Rivers}, title={Rivers}}")[1] == ""
    assert one("title={}, title={Rivers}").title == "Rivers"


@pytest.mark.parametrize(
    ("broken", "title", "year"),
    [
        ("@article{b, title={A brace {is open}, year={2005}}\n", "A brace is open", 2005),
        ('@article{b, title="A quotation mark is open, year={2005}}\n', None, 2005),
        ("@article{b, title={One brace too many}}, year={2005}}\n", "One brace too many", 2005),
        ("@article{b, title={Two {braces {are open}, year=2005}\n", "Two braces are open", 2005),
        ("@article{b, title={A comma is missing} year={2005}}\n", "A comma is missing", 2005),
        ("@article{b\n title={No comma after the key}, year=2005}\n", None, 2005),
        ("@article{title={No key}, year=2005}\n", "No key", 2005),
        ("@article{b, title={Two commas},, year=2005}\n", "Two commas", 2005),
        ("@article{b, title={On one line {x}, year=2005} ", "On one line x", 2005),
        ("@article\n  {b, title={The brace comes later}, year=2005}\n", None, 2005),
        ("@article  (b, title={In parentheses}, year=2005)\n", "In parentheses", 2005),
    ],
)
def test_a_slip_costs_neither_its_entry_nor_the_next(
    broken: str, title: str | None, year: int
) -> None:
    papers, _ = read(f"{broken}@article{{next, title={{The next}}, year=2006}}")
    assert [paper.title for paper in papers][1:] == ["The next"]
    assert title is None or papers[0].title == title
    assert papers[0].year == year


def test_what_cannot_be_read_is_named() -> None:
    _, notes = read("@article no brace, title={Rivers}\n@misc{whole, title={Whole}}\n")
    assert "@article no brace" in notes
    papers, notes = read("@misc{cut, title={Never closed\n")
    assert not papers and "@misc{cut" in notes
    papers, notes = read("@misc{untitled, author={Ada One}}\n@misc{titled, title={Titled}}")
    assert len(papers) == 1 and "it has no title: untitled." in notes
    _, notes = read("@article{b, title={A brace {is open}, year={2005}}\n")
    assert "b: a brace" in notes


def test_comments_and_prose_between_entries_are_no_trouble() -> None:
    papers, notes = read(
        "Written by me@example.org, see below.\n@comment{@misc{old, title={Old}}}\n"
        '@preamble{"\\newcommand{\\x}{y}"}\n@misc{a, title={Rivers}}\n'
    )
    assert [paper.title for paper in papers] == ["Rivers"] and notes == ""


def test_strings_are_joined_and_replaced() -> None:
    text = (
        '@string{jt = "Journal of Tests"}\n@STRING{both = jt # {, series } # "B"}\n'
        '@article{a, title = "Rivers " # {and} # " lakes", Journal = both, year = 2005,\n'
        ' author = one # " and " # {Bo Two}, month = 12 # "~" # jan}\n@string{one = {Ada One}}'
    )
    (paper,) = read_bibtex(text)
    assert (paper.title, paper.venue) == ("Rivers and lakes", "Journal of Tests, series B")
    assert paper.authors[-1] == "Bo Two"
    assert one("title={X}, journal=JMLR, year=2001").venue == "JMLR"
    assert one('title="A {"}quoted{"} word", year=2001').title == 'A "quoted" word'


def test_fields_come_from_the_entry_that_is_referred_to() -> None:
    child, parent = read_bibtex(
        "@inproceedings{c, title={A child}, crossref={PAR}, author={Ada One}}\n"
        "@proceedings{par, title={The proceedings}, year={2006}, editor={Bo Two}}"
    )
    assert (child.title, child.venue, child.year) == ("A child", "The proceedings", 2006)
    assert parent.title == "The proceedings"
    (book,) = read_bibtex("@book{b, title={B}, xdata={x, y}}@xdata{x, year=2001}@xdata{y, doi={q}}")
    assert book.year == 2001
    assert len(titles("@misc{a, title={A}, crossref={b}}@misc{b, title={B}, crossref={a}}")) == 2


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (
            "van der Berg, Jr., Jan and Ford, III, Henry",
            ["Jan van der Berg, Jr.", "Henry Ford, III"],
        ),
        ("King, Martin, Jr.", ["Martin King, Jr."]),
        ("King, V. and Vi, Ngoc and The Anh Lê", ["V. King", "Ngoc Vi", "The Anh Lê"]),
        ("Ada One AND Two, Bo\n And\tCy Three", ["Ada One", "Bo Two", "Cy Three"]),
        ("{Barnes and Noble, Inc.} and Ada One", ["Barnes and Noble, Inc.", "Ada One"]),
        ("Google, Inc.", ["Google, Inc."]),
        ("Ada One and others", ["Ada One"]),
        ("Ada One et al.", ["Ada One"]),
        ("One, Ada and {et al.}", ["Ada One"]),
        ("Anderson, Andy and Brand, Mandy", ["Andy Anderson", "Mandy Brand"]),
        (r"A B and \r{A}se {\O}ye and \v{S}ime Li", ["A B", "Åse Øye", "Šime Li"]),
        ("{Delgado de Molina}, A.", ["A. Delgado de Molina"]),
        (
            "Pardoe F., Kirk T., MacTest K. and Whit D.",
            ["Pardoe F.", "Kirk T.", "MacTest K.", "Whit D."],
        ),
        ("A. One, B. Two, C. Three", ["A. One", "B. Two", "C. Three"]),
        ("One, A., Two, B., Three, C.", None),
        ("One, A., Two, B.", ["A. One", "B. Two"]),
        ("and Ada One and", ["Ada One"]),
        ("Knuth, Donald~E.", ["Donald E. Knuth"]),
    ],
)
def test_names_are_split_as_bibtex_does(written: str, names: list[str] | None) -> None:
    found = one(f"title={{T}}, author={{{written}}}").authors
    assert found == (names or ["A. One", "B. Two", "C. Three"])


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("World Tests Organization", "{World Tests Organization}"),
        ("Gemini Team", "{Gemini Team}"),
        ("Barnes and Noble, Inc.", "{Barnes and Noble, Inc.}"),
        ("TINY Collaboration", "{TINY Collaboration}"),
        ("Jan van der Berg, Jr.", "van der Berg, Jr., Jan"),
        ("Ada Example", "Ada Example"),
        ("The Anh Lee", "The Anh Lee"),
    ],
)
def test_names_are_written_so_that_bibtex_reads_them_alike(name: str, written: str) -> None:
    paper = make_paper("x", title="T", identifiers=[], authors=[name, "Bo Two"])
    assert paper is not None
    text = write_bibtex([paper])
    assert f"author = {{{written} and Bo Two}}" in text
    assert read_bibtex(text)[0].authors == [name, "Bo Two"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_a_file_in_any_usual_encoding_keeps_its_letters(tmp_path: Path, encoding: str) -> None:
    text = "@article{a, title={Études “sur” les rivières – deux}, author={José Ñuñez}}"
    (tmp_path / "a.bib").write_bytes(text.encode(encoding))
    library = Library(tmp_path / "state")
    notes = take_in(library, [tmp_path / "a.bib"], tmp_path)
    (paper,) = library.candidates("rivières")
    library.close()
    assert (paper.title, paper.authors) == ("Études “sur” les rivières – deux", ["José Ñuñez"])
    assert bool(notes) == (encoding == "cp1252") and all("UTF-8" in note for note in notes)


def test_an_encoding_that_a_file_names_is_used() -> None:
    data = "% Encoding: Cp1251\n@misc{a, title={Река}}".encode("cp1251")
    assert titles(decoded(data)[0]) == ["Река"]
    # A file that is UTF-8 is read as UTF-8, whatever it says.
    assert titles(decoded("% Encoding: Cp1251\n@misc{a, title={Река}}".encode())[0]) == ["Река"]
    assert decoded("caf\xe9 \x81".encode("latin-1"))[0] == "café \x81"
    assert decoded(b"% Encoding: no-such-thing\nx")[0].endswith("x")


def test_troubles_of_a_file_are_in_the_notes_of_the_search(tmp_path: Path) -> None:
    (tmp_path / "mine.bib").write_text(
        "@misc{a, title={A {brace}, year=2001}\n@misc{cut, title={Cut\n", encoding="utf-8"
    )
    library = Library(tmp_path / "state")
    notes = take_in(library, [tmp_path / "mine.bib"], tmp_path)
    library.close()
    assert len(notes) == 2 and all(note.startswith("mine.bib: ") for note in notes)
    assert "a brace" in notes[0] and "@misc{cut" in notes[1]


def test_addresses_lose_only_what_latex_needs() -> None:
    assert (
        one(r"title={T}, url={https://a.org/b\_c\%20?x=1\&y=2}").url
        == "https://a.org/b_c%20?x=1&y=2"
    )
    assert one(r"title={T}, url={\url{https://a.org/~me}}").url == "https://a.org/~me"
    assert one(r"title={T}, doi={10.1000/978-3{\_}4}").doi == "10.1000/978-3_4"


def test_hostile_bibtex_costs_little() -> None:
    for text in (
        "@article{" * 5_000,
        "@article{a, title={" * 1_000,
        "@article{a, title={" + "{" * 50_000,
        "@article{a, title=x" + " # {x}" * 20_000 + "}",
        "@string{a={xxxxxxxxxx}}"
        + "".join(
            f"@string{{{b} = {a} # {a}}}"
            for a, b in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True)
        ),
    ):
        read_bibtex(text)
