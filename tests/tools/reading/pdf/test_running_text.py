"""Lines joined to sentences: hyphens, web addresses, footnotes, notices and references."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes.tex_pdf import Shape, TexPage, read_tex_pdf

from fumehood_tools.reading.document import Document


def _text(document: Document) -> str:
    return " ".join(block.text for block in document.blocks if block.kind != "footnote")


def _paper() -> TexPage:
    return TexPage().text("A Paper for Many Harbours", 180, 745, 17, font="CMBX12")


def _lines(page: TexPage, lines: Sequence[str], y: float = 640, x: float = 72) -> TexPage:
    for row, line in enumerate(lines):
        page.text(line, x, y - 12 * row)
    return page


@pytest.mark.parametrize(
    ("known", "before", "after", "want"),
    [
        ("the mood is sensitive", "more mood-", "sensitive", "mood-sensitive"),
        ("quality is based on it", "the quality-", "based", "quality-based"),
        ("a manager and a worker", "one manager-", "worker", "manager-worker"),
        ("a web and what is based", "the web-", "based", "web-based"),
        ("a year is not old", "a year-", "old", "year-old"),
        ("a loss per symbol", "a per-", "symbol", "per-symbol"),
        ("the base is a line", "the base-", "line", "baseline"),
        ("some data and a set of it", "the data-", "set", "dataset"),
        ("a network does work here", "a net-", "work", "network"),
        ("they show each case", "to show-", "case", "showcase"),
        ("under it they stand", "to under-", "stand", "understand"),
        ("a form is per word", "to per-", "form", "perform"),
        ("nothing is known", "the inter-", "pretation", "interpretation"),
        ("many datasets of text", "one data-", "set", "dataset"),
    ],
)
def test_a_hyphen_at_a_line_end_is_kept_in_a_compound_alone(
    tmp_path: Path, known: str, before: str, after: str, want: str
) -> None:
    page = _lines(TexPage().prose(4), [known + ".", "It has " + before, after + " which is so."])
    assert f" {want} which" in _text(read_tex_pdf(tmp_path, page))


ADDRESSES = [
    (["http://www.example.org/~quill/harbo", "ur/letters.html"],
     "http://www.example.org/~quill/harbour/letters.html"),
    (["https://repository.example.org/1810/2658894", "11377/letters/north.pdf"],
     "https://repository.example.org/1810/265889411377/letters/north.pdf"),
    (["https:", "//code.example.org/group/tool"], "https://code.example.org/group/tool"),
    (["https://code.example.org/a-very", "long-name-of-a/fol", "der/file.txt"],
     "https://code.example.org/a-verylong-name-of-a/folder/file.txt"),
]  # fmt: skip


@pytest.mark.parametrize(("pieces", "url"), ADDRESSES)
def test_an_address_in_typewriter_letters_is_whole_wherever_it_breaks(
    tmp_path: Path, pieces: list[str], url: str
) -> None:
    page = TexPage().prose(5)
    page.text("The letters are kept at", 72, 640)
    page.text(pieces[0], 72 + 5 * 24, 640, font="CMTT10")
    for row, piece in enumerate(pieces[1:], 1):
        page.text(piece, 72, 640 - 12 * row, font="CMTT10")
    end = 640 - 12 * (len(pieces) - 1)
    page.text("and the rest follows in a year.", 72 + 5 * len(pieces[-1]) + 3.3, end)
    document = read_tex_pdf(tmp_path, page)
    assert [link.url for link in document.links] == [url]
    assert f"kept at {url} and the rest" in _text(document)


def test_an_address_that_is_complete_takes_no_word_of_the_next_line(tmp_path: Path) -> None:
    first = "we keep all of it at https://example.org/data"
    page = _lines(TexPage().prose(6), [first, "and/or in a box of the town."], y=628)
    assert [it.url for it in read_tex_pdf(tmp_path, page).links] == ["https://example.org/data"]


@pytest.mark.parametrize("tilde", ["asciitilde", "tilde"])
def test_the_tilde_of_an_address_is_kept(tmp_path: Path, tilde: str) -> None:
    page = TexPage().prose(6).text("see http://example.org/", 72, 628)
    x = 72 + 5 * 3 + 3.33 + 5 * 19
    page.glyph(Shape(tilde, (50, 300, 450, 450)), 126, x, 628, font="CMTT10")
    page.text("quill/page for more", x + 5, 628)
    assert [it.url for it in read_tex_pdf(tmp_path, page).links] == [
        "http://example.org/~quill/page"
    ]


FOOT = [
    "Preprint. Submitted to the twelfth meeting.",
    "Permission to make copies of all of this work is granted",
    "Corresponding author: Una Vale",
    "The names are in the order of the alphabet and all did work",
]


@pytest.mark.parametrize("notice", FOOT)
def test_a_notice_at_the_foot_tears_no_sentence(tmp_path: Path, notice: str) -> None:
    first = TexPage().prose(30, y=700).text("and the sentence goes on over the end of", 72, 340)
    first.text(notice, 72, 80, 8)
    second = TexPage().text("the page to its end.", 72, 700).prose(8, y=688)
    document = read_tex_pdf(tmp_path, first, second)
    assert "over the end of the page to its end." in _text(document)
    assert notice in [block.text for block in document.blocks if block.kind == "footnote"]


def test_small_prose_in_the_text_is_no_notice(tmp_path: Path) -> None:
    page = TexPage().prose(10, y=700).text("a small remark that is a part of the text", 72, 560, 8)
    page.prose(10, y=530)
    assert all(block.kind == "paragraph" for block in read_tex_pdf(tmp_path, page).blocks)


@pytest.mark.parametrize(
    ("other", "want"), [("", "in 2019 and"), ("6", "in 2019^6 and")], ids=["lone", "second"]
)
def test_a_mark_after_a_number_is_one_if_nothing_else_refers_to_its_footnote(
    tmp_path: Path, other: str, want: str
) -> None:
    page = TexPage().prose(20, y=700).text("it was seen in 2019", 72, 460).text("6", 160.5, 464, 7)
    page.text("and in other years", 168, 460).text("It was", 72, 448)
    if other:
        page.text(other, 105.2, 452, 7)
    page.text("seen again, as they say.", 114, 448)
    page.text("6", 72, 103, 6).text("A remark on the year.", 76, 100, 8)
    assert want in _text(read_tex_pdf(tmp_path, page))


@pytest.mark.parametrize("size", [8, 10])
def test_an_address_in_a_footnote_is_no_equation(tmp_path: Path, size: float) -> None:
    page = TexPage().prose(20, y=700).text("1", 90, 104, 6)
    page.text("https://example.org/a", 94, 100, size)
    kinds = [(block.kind, block.text) for block in read_tex_pdf(tmp_path, page).blocks]
    assert kinds[-1][0] != "equation" and kinds[-1][1].endswith("https://example.org/a")


def test_a_numbered_step_of_a_method_is_no_equation(tmp_path: Path) -> None:
    page = TexPage().prose(6).text("2. for", 92, 628).text("m = 1", 130, 628, font="CMMI10")
    page.text("3. for", 92, 616).text("k = 2", 130, 616, font="CMMI10")
    kinds = [block.kind for block in read_tex_pdf(tmp_path, page).blocks]
    assert "equation" not in kinds and kinds.count("list_item") == 2


def _bibliography(page: TexPage, entries: Sequence[Sequence[str]], y: float) -> float:
    for entry in entries:
        for row, line in enumerate(entry):
            page.text(line, 72 if row == 0 else 92, y)
            y -= 12
    return y


ENTRIES = [
    ["Ada Quill. Probes for harbours and what", "they see. Journal of Boats, 2030."],
    ["Tom Reed. Spelling in many layers. Letters", "on Models, pages 1991-2013, 2029."],
    ["Una Vale and Bo Sand. Reading without", "any key at all. In Boats, 2028."],
    ["Cy Marsh. A long look at a small model", "in which nothing much is seen. 2027."],
]


def test_references_are_counted_once_though_one_ends_on_the_next_page(tmp_path: Path) -> None:
    first = _paper().prose(6).text("References", 72, 600, 14, font="CMBX12")
    _bibliography(first, ENTRIES, 570)
    first.text("Di Lock. A title that is longer than a", 72, 474)
    second = TexPage().text("line and that ends on the next page, as", 92, 700)
    second.text("it does here. Journal of Boats, 2026.", 92, 688)
    found = read_tex_pdf(tmp_path, first, second).references
    assert [it.year for it in found] == [2030, 2029, 2028, 2027, 2026]
    assert found[-1].text.endswith("on the next page, as it does here. Journal of Boats, 2026.")


def test_a_section_about_references_is_no_bibliography(tmp_path: Path) -> None:
    page = _paper().prose(4).text("References", 72, 640, 14, font="CMBX12").prose(8, y=610)
    page.text("References", 72, 490, 14, font="CMBX12")
    _bibliography(page, ENTRIES, 460)
    document = read_tex_pdf(tmp_path, page)
    assert len(document.references) == 4
    assert _text(document).count("several words of plain prose") == 8


def test_text_below_the_references_is_kept_and_is_no_reference(tmp_path: Path) -> None:
    page = _paper().prose(4).text("References", 72, 640, 14, font="CMBX12")
    y = _bibliography(page, ENTRIES, 610)
    page.text("The authors live in a town by the sea.", 72, y - 40)
    document = read_tex_pdf(tmp_path, page)
    assert [it.year for it in document.references] == [2030, 2029, 2028, 2027]
    assert "The authors live in a town by the sea." in _text(document)


def test_the_year_of_a_reference_is_the_one_after_its_names(tmp_path: Path) -> None:
    page = _paper().prose(4).text("References", 72, 640, 14, font="CMBX12")
    entries = [
        ["Ada Quill and Tom Reed. 2020. Feelings in", "small models. Boats, 9(8):1991-2013."],
        ["Una Vale. 2021. The harbour of 1999. In", "Proceedings of Boats (Boats 2022)."],
        ["Cy Marsh. The harbour. In the Boats of", "many towns (2019). Harbour Press."],
    ]
    _bibliography(page, entries, 610)
    assert [it.year for it in read_tex_pdf(tmp_path, page).references] == [2020, 2021, 2019]


def test_references_below_the_addresses_of_the_authors_are_no_footnote(tmp_path: Path) -> None:
    page = _paper().prose(20).text("*", 72, 440, 6).text("ada@example.org", 78, 436, 9)
    for row, (names, year) in enumerate((("A. Quill", 1876), ("T. Reed", 2029), ("U. Vale", 2028))):
        text = f"[{row + 1}] {names}, Boats and their letters, J. Boats 3, 12 ({year})."
        page.text(text, 72, 424 - 11 * row, 9)
    found = read_tex_pdf(tmp_path, page).references
    assert [(it.label, it.year) for it in found] == [("[1]", 1876), ("[2]", 2029), ("[3]", 2028)]


def test_references_with_bare_numbers_are_counted(tmp_path: Path) -> None:
    page = _paper().prose(4).text("References", 72, 640, 14, font="CMBX12")
    names = [
        "b100. A page of letters",
        "deck.gl: a tool for boats",
        "Ada Quill. Probes",
        "x2. Notes",
    ]
    names += ["Tom Reed. Letters", "Una Vale. Boats"]
    for row, name in enumerate(names):
        page.text(str(row + 1), 72, 610 - 24 * row).text(f"{name}, read by", 86, 610 - 24 * row)
        page.text("many people in the year 2030.", 86, 598 - 24 * row)
    found = read_tex_pdf(tmp_path, page).references
    assert [it.label for it in found] == [f"[{row + 1}]" for row in range(6)]
    assert found[0].text == "b100. A page of letters, read by many people in the year 2030."
