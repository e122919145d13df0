"""The front of a paper: titles in two sizes, names beside and below each other, the abstract."""

from pathlib import Path

import pytest
from fakes.tex_pdf import TexPage, read_tex_pdf

ABSTRACT = [
    "A probe is a small model that looks at the inside of a",
    "larger one and says what it can read there on its own.",
]


def _body(page: TexPage, y: float = 560) -> TexPage:
    page.text("Abstract", 250, y, font="CMBX10")
    for row, line in enumerate(ABSTRACT):
        page.text(line, 90, y - 20 - 12 * row)
    page.text("1", 72, y - 60, 12, font="CMBX12").text(
        "Introduction", 90, y - 60, 12, font="CMBX12"
    )
    return page.prose(12, y=y - 80)


TITLE = "What a Linear Reader Sees in Three Spellings"


@pytest.mark.parametrize(
    ("first", "second", "font", "size", "want"),
    [
        ("Harbour Probes:", TITLE, "CMBX12", 12, f"Harbour Probes: {TITLE}"),
        ("Harbour Probes:", TITLE, "CMR12", 14, f"Harbour Probes: {TITLE}"),
        ("Harbour Probes and", TITLE, "CMBX12", 14, f"Harbour Probes and {TITLE}"),
        ("Harbour Probes", "Anonymous submission of a paper", "CMBX12", 12, "Harbour Probes"),
        ("Harbour Probes", "Ada Quill", "CMBX12", 12, "Harbour Probes"),
        ("Harbour Probes", "Institute of Harbours of the North", "CMR12", 12, "Harbour Probes"),
    ],
)
def test_a_title_goes_on_in_a_smaller_size_but_not_with_names(
    tmp_path: Path, first: str, second: str, font: str, size: float, want: str
) -> None:
    page = (
        TexPage().text(first, 150, 700, 17, font="CMBX12").text(second, 100, 680, size, font=font)
    )
    page.text("Tom Reed", 250, 640)
    assert read_tex_pdf(tmp_path, _body(page)).title == want


def test_a_large_initial_of_the_text_is_no_title(tmp_path: Path) -> None:
    page = TexPage().text("Harbour Probes of the North", 150, 700, 20).text("Ada Quill", 250, 670)
    page.text("1", 72, 620, 12, font="CMBX12").text("Introduction", 90, 620, 12, font="CMBX12")
    page.text("A", 72, 588, 28).text("probe is a small model that looks at a larger", 88, 590)
    assert read_tex_pdf(tmp_path, page.prose(12, y=576)).title == "Harbour Probes of the North"


def test_names_a_quad_apart_are_two_names(tmp_path: Path) -> None:
    page = TexPage().text("Harbour Probes of the North", 150, 700, 20)
    page.text("Ada Quill", 200, 670, 12).text("Tom Reed", 264, 670, 12)
    assert read_tex_pdf(tmp_path, _body(page)).authors == ["Ada Quill", "Tom Reed"]


def test_a_second_row_of_names_below_the_addresses_is_read(tmp_path: Path) -> None:
    page = TexPage().text("Harbour Probes of the North", 150, 700, 20)
    for name, x in (("Ada Quill", 100), ("Tom Reed", 330)):
        page.text(name, x, 670, 12).text("University of Northport", x, 656, 12).text(
            "Norland", x, 642, 12
        )
    page.text("Una Vale", 200, 620, 12).text("School of Southport", 200, 606, 12)
    found = read_tex_pdf(tmp_path, _body(page)).authors
    assert found == ["Ada Quill", "Tom Reed", "Una Vale"]


def test_names_in_capitals_are_told_from_the_addresses_beside_them(tmp_path: Path) -> None:
    page = TexPage().text("Harbour Probes of the North", 72, 700, 20)
    page.text("ADA QUILL, Harbour House, Norland", 72, 670, 11)
    page.text("TOM REED, Boats and More, United Kingdom", 72, 656, 11)
    assert read_tex_pdf(tmp_path, _body(page)).authors == ["ADA QUILL", "TOM REED"]


def test_addresses_that_begin_with_a_raised_mark_are_no_names(tmp_path: Path) -> None:
    page = TexPage().text("Harbour Probes of the North", 150, 700, 20)
    page.text("Ada Quill", 150, 670, 12).text("1", 200, 675, 7).text(", Tom Reed", 204, 670, 12)
    page.text("2", 254, 675, 7)
    page.text("1", 146, 659, 7).text("Harbour House", 150, 655, 12)
    page.text("2", 146, 645, 7).text("Granite Works", 150, 641, 12)
    assert read_tex_pdf(tmp_path, _body(page)).authors == ["Ada Quill", "Tom Reed"]


def test_an_abstract_over_two_columns_of_text_is_no_footnote(tmp_path: Path) -> None:
    page = TexPage().text("Harbour probes read three spellings", 130, 740, 14, font="CMBX12")
    page.text("Ada Quill", 240, 720).text("1", 285, 725, 7)
    page.text("1", 176, 708, 6).text("Institute of Harbours, Northport", 180, 704, 9)
    for row in range(5):
        page.text(
            "the words of an abstract are set over both columns of the page", 150, 684 - 11 * row, 9
        )
    page.text("I.", 120, 600, 9, font="CMBX9").text("INTRODUCTION", 140, 600, 9, font="CMBX9")
    for column in (54, 320):
        for row in range(30):
            page.text("the words of a column of the plain text", column, 580 - 12 * row)
    document = read_tex_pdf(tmp_path, page)
    assert document.abstract.count("the words of an abstract") == 5
    assert not [block for block in document.blocks if block.kind == "footnote"]


def test_an_abstract_that_goes_on_over_the_page_is_whole(tmp_path: Path) -> None:
    first = TexPage().text("Harbour Probes of the North", 150, 700, 20).text("Ada Quill", 250, 670)
    first.text("Abstract", 250, 640, font="CMBX10").prose(30, y=620)
    first.text("and the last sentence goes on over the", 72, 260)
    second = TexPage().text("page to its end.", 72, 700)
    second.text("1", 72, 660, 12, font="CMBX12").text("Introduction", 90, 660, 12, font="CMBX12")
    document = read_tex_pdf(tmp_path, first, second.prose(12, y=640))
    assert document.abstract.endswith("goes on over the page to its end.")
    assert document.blocks[0].text == "Introduction"


@pytest.mark.parametrize("name", ["Abstract", "ABSTRACT", "A B S T R A C T"])
def test_an_abstract_after_a_title_page_is_found(tmp_path: Path, name: str) -> None:
    first = TexPage().text("Harbour Probes of the North", 150, 600, 20).text("Ada Quill", 250, 540)
    second = TexPage().text(name, 250, 700, 14, font="CMBX12").prose(6, y=670)
    third = TexPage().text("1", 72, 700, 12, font="CMBX12")
    third.text("Introduction", 90, 700, 12, font="CMBX12").prose(12, y=680)
    document = read_tex_pdf(tmp_path, first, second, third)
    assert document.abstract.count("several words of plain prose") == 6
    assert [block.text for block in document.blocks if block.kind == "heading"] == ["Introduction"]
