"""Page numbers, running heads and line numbers are no text, and a title is no running head."""

import re
from pathlib import Path

import pytest
from fakes.set_pdf import Sheet, front, outline, read_sheets, text_of


def _sheets(count: int, x: float = 72, top: float = 700, lines: int = 30) -> list[Sheet]:
    """Return pages of prose below a first page with title and abstract."""
    first = front()
    first.prose(x, 540, lines=15)
    sheets = [first]
    for _ in range(count - 1):
        sheets.append(Sheet())
        sheets[-1].prose(x, top, lines=lines)
    return sheets


@pytest.mark.parametrize(
    ("height", "pattern"),
    [(30, "{}"), (120, "{}"), (160, "{}"), (160, "- {} -"), (140, "Page {} of 4"), (200, "{}/4")],
)
def test_a_page_number_is_no_text_however_wide_the_margin_is(
    tmp_path: Path, height: float, pattern: str
) -> None:
    sheets = _sheets(4, lines=20)
    for number, sheet in enumerate(sheets, 1):
        sheet.text(pattern.format(number), 300, height)
    assert not re.search(r"\d|Page", text_of(read_sheets(tmp_path, *sheets)))


def test_roman_page_numbers_in_a_wide_margin_are_no_text(tmp_path: Path) -> None:
    sheets = _sheets(4, lines=20)
    for number, sheet in zip(("ii", "iii", "iv", "v"), sheets, strict=True):
        sheet.text(number, 300, 170)
    assert not re.search(r"\b(ii|iii|iv|v)\b", text_of(read_sheets(tmp_path, *sheets)))


def test_a_running_head_below_a_wide_margin_is_no_text(tmp_path: Path) -> None:
    sheets = _sheets(5, top=600, lines=20)
    for number, sheet in enumerate(sheets[1:], 2):
        sheet.text(f"Reports of the quay {number}", 220, 660)
    assert "Reports" not in text_of(read_sheets(tmp_path, *sheets))


def test_numbers_in_a_wide_margin_that_do_not_count_pages_are_text(tmp_path: Path) -> None:
    sheets = _sheets(3, lines=20)
    for number, sheet in zip((1850, 1877, 1901), sheets, strict=True):
        sheet.text(str(number), 300, 160)
    assert re.findall(r"\d+", text_of(read_sheets(tmp_path, *sheets))) == ["1850", "1877", "1901"]


@pytest.mark.parametrize(("size", "face"), [(17, "roman"), (14, "bold"), (12, "bold")])
def test_a_title_that_later_pages_repeat_stays_a_title(
    tmp_path: Path, size: float, face: str
) -> None:
    title = "Harbour Clerks Read Three Letters"
    first = Sheet().text(title, 150, 735, size, face).text("Ada Quill", 270, 690, 11)
    first.text("Abstract", 286, 660, 11, "bold").prose(100, 640, 412, lines=4)
    first.text("1 Introduction", 72, 570, 12, "bold").prose(72, 550, lines=12)
    sheets = [first, *_sheets(4)[1:]]
    for sheet in sheets[1:]:
        sheet.text(title, 220, 735, 9)
    document = read_sheets(tmp_path, *sheets)
    assert document.title == title
    assert outline(document) == [("1", "Introduction")]
    assert text_of(document).count("Clerks Read") == 1


def test_a_heading_at_the_top_of_a_page_is_no_running_head(tmp_path: Path) -> None:
    # All of its words are in the abstract.
    sheets = _sheets(2)
    sheets[0].text("I. Introduction", 250, 560, 12).prose(72, 540, lines=15)
    page = Sheet().text("II. THE BOATS OF THE HARBOUR", 200, 735)
    page.prose(72, 710, lines=20)
    document = read_sheets(tmp_path, sheets[0], page)
    assert outline(document)[-1] == ("II", "THE BOATS OF THE HARBOUR")


def test_a_small_bold_running_head_with_words_of_the_title_is_no_heading(tmp_path: Path) -> None:
    sheets = _sheets(2)
    sheets[0].text("1 Introduction", 72, 560, 12, "bold").prose(72, 540, lines=15)
    sheets[1].text("Harbour Letters", 280, 745, 9, "bold")
    assert outline(read_sheets(tmp_path, *sheets)) == [("1", "Introduction")]


def _two_columns(numbers: list[list[int]], shown: list[float], step: int = 1) -> list[Sheet]:
    """Return pages of two columns with line numbers at the places `shown`, one for each column."""
    sheets = []
    for page, (left, right) in enumerate(numbers):
        sheet = Sheet()
        if not page:
            sheet.text("Harbour Letters", 200, 740, 17)
        for x, first, place in ((72, left, shown[0]), (320, right, shown[1])):
            title = "Introduction" if x == 72 else "Data"
            if page:
                sheet.prose(x, 700, 220, lines=1)
            else:
                sheet.text(title, x, 700, 12, "bold")
            sheet.prose(x, 688, 220, lines=39)
            for line in range(40):
                if (first + line) % step == 0:
                    text = str(first + line)
                    sheet.text(text, place - 2.5 * len(text), 700 - 12 * line, 5)
        sheets.append(sheet)
    return sheets


@pytest.mark.parametrize(
    ("shown", "step"),
    [
        ([62.0, 310.0], 1),
        ([62.0, 558.0], 1),
        ([302.0, 558.0], 1),
        ([62.0, 310.0], 5),
        ([62.0, 558.0], 5),
    ],
)
def test_line_numbers_beside_any_column_are_no_text(
    tmp_path: Path, shown: list[float], step: int
) -> None:
    numbers = [[1, 41], [81, 121], [161, 201]]
    document = read_sheets(tmp_path, *_two_columns(numbers, shown, step))
    assert not re.search(r"\d", text_of(document))
    assert outline(document) == [(None, "Introduction"), (None, "Data")]


def test_the_number_of_a_single_line_is_no_text(tmp_path: Path) -> None:
    last = Sheet().text("The end of the letters.", 320, 700).text("161", 302, 700, 5)
    sheets = _two_columns([[1, 41], [81, 121]], [62.0, 310.0])
    assert not re.search(r"\d", text_of(read_sheets(tmp_path, *sheets, last)))


def test_line_numbers_that_begin_anew_on_every_page_are_no_text(tmp_path: Path) -> None:
    document = read_sheets(tmp_path, *_two_columns([[1, 41], [1, 41]], [62.0, 310.0]))
    assert not re.search(r"\d", text_of(document))


def test_the_numbered_rows_of_a_ranking_are_kept(tmp_path: Path) -> None:
    sheets = _sheets(2)
    page = Sheet().text("Table 1: The clerks by the number of letters.", 72, 700)
    page.draw("72 688 m 400 688 l S 72 672 m 400 672 l S 72 496 m 400 496 l S")
    page.text("Rank", 74, 676).text("Clerk", 150, 676).text("Letters", 300, 676)
    for row in range(14):
        page.text(str(row + 1), 74, 660 - 12 * row).text(
            f"Clerk {chr(65 + row)}", 150, 660 - 12 * row
        )
        page.text(f"{90 - row}", 300, 660 - 12 * row)
    page.prose(72, 470, lines=25)
    document = read_sheets(tmp_path, *sheets, page)
    table = next(block for block in document.blocks if block.kind == "table")
    assert [row[0] for row in table.rows] == ["Rank", *map(str, range(1, 15))]


def test_references_with_bare_numbers_keep_them(tmp_path: Path) -> None:
    sheets = _sheets(2)
    page = Sheet().text("References", 72, 720, 12, "bold")
    for number in range(1, 16):
        y = 700 - 36 * (number - 1)
        page.text(str(number), 72, y)
        page.prose(90, y, 440, lines=3)
    assert len(read_sheets(tmp_path, *sheets, page).references) == 15
