"""Looks of published papers: long tables, terms of lists, large headings with other faces."""

from pathlib import Path

import pytest
from fakes.set_pdf import Sheet, front, outline, read_sheets, text_of


def _rules(sheet: Sheet, *heights: float) -> Sheet:
    for height in heights:
        sheet.draw(f"72 {height} m 540 {height} l S")
    return sheet


def _row(sheet: Sheet, y: float, *cells: str) -> None:
    for at, cell in enumerate(cells):
        sheet.text(cell, 72 + 110 * at, y)


@pytest.mark.parametrize("ruled", [True, False])
def test_the_heads_of_a_long_table_stay_on_every_page(tmp_path: Path, ruled: bool) -> None:
    first = front()
    first.prose(72, 540, lines=20)
    sheets = [first]
    heads = ("Port", "Boats", "Clerks", "Days", "Lost")
    for page in range(3):
        sheet = Sheet()
        if ruled:
            _rules(sheet, 732, 716, 500)
        _row(sheet, 720, *heads)
        for at in range(12):
            _row(sheet, 702 - 16 * at, f"quay{page}{at}", f"{at}.5", f"{at}7", "0.12", f"{page}")
        sheets.append(sheet)
    tables = [it for it in read_sheets(tmp_path, *sheets).blocks if it.kind == "table"]
    assert [it.rows[0] for it in tables] == [list(heads)] * 3
    assert [len(it.rows) for it in tables] == [13] * 3


def test_a_running_head_of_three_parts_with_a_rule_is_no_text(tmp_path: Path) -> None:
    first = front()
    first.prose(72, 540, lines=20)
    sheets = [first]
    for _ in range(3):
        sheet = _rules(Sheet(), 730)
        sheet.text("Quill", 72, 735).text("Reports", 280, 735).text("Winter", 505, 735)
        sheet.prose(72, 700, lines=20)
        sheets.append(sheet)
    assert "Winter" not in text_of(read_sheets(tmp_path, *sheets))


def test_numbers_of_sections_at_the_top_of_pages_count_no_pages(tmp_path: Path) -> None:
    first = front()
    first.text("1", 72, 560, 12, "bold").text("Boats", 90, 560, 12, "bold")
    first.prose(72, 540, lines=20)
    sheets = [first]
    for number, title in ((2, "Clerks"), (3, "Letters"), (4, "Tides")):
        sheet = Sheet().text(str(number), 72, 730, 12, "bold").text(title, 90, 730, 12, "bold")
        sheet.prose(72, 706, lines=20)
        sheets.append(sheet)
    found = outline(read_sheets(tmp_path, *sheets))
    assert found == [("1", "Boats"), ("2", "Clerks"), ("3", "Letters"), ("4", "Tides")]


def test_a_short_formula_at_the_top_of_a_page_is_text(tmp_path: Path) -> None:
    first = front()
    first.prose(72, 540, lines=20)
    later = Sheet().text("x + y < 7", 260, 730)
    later.prose(72, 700, lines=20)
    assert "x + y < 7" in text_of(read_sheets(tmp_path, first, later))


@pytest.mark.parametrize("lead", ["A slow clerk reads.", "I read alone."])
def test_a_lead_that_begins_with_a_word_of_one_letter_keeps_it(tmp_path: Path, lead: str) -> None:
    sheet = front()
    sheet.text("1", 72, 560, 12, "bold").text("Boats", 90, 560, 12, "bold")
    end = sheet.prose(72, 540, lines=5)
    sheet.runs([(lead, "bold"), ("The boats of the harbour carry letters", "roman")], 72, end - 8)
    sheet.prose(72, end - 20, lines=5)
    assert outline(read_sheets(tmp_path, sheet))[1:] == [(None, lead.rstrip("."))]


def test_terms_above_hanging_text_are_no_headings(tmp_path: Path) -> None:
    sheet = front()
    sheet.text("1", 72, 560, 12, "bold").text("Boats", 90, 560, 12, "bold")
    y = sheet.prose(72, 540, lines=5)
    for term in ("Gull 3", "Heron", "Tern small"):
        sheet.text(term, 72, y - 10, 10, "bold")
        sheet.prose(114, y - 22, 400, lines=2, text="The clerk answers that the boat is late.")
        y -= 44
    sheet.prose(72, y - 10, lines=5)
    assert outline(read_sheets(tmp_path, sheet)) == [("1", "Boats")]


def test_bold_words_of_an_indented_list_are_no_headings(tmp_path: Path) -> None:
    sheet = front()
    sheet.text("1", 72, 560, 12, "bold").text("Boats", 90, 560, 12, "bold")
    y = sheet.prose(72, 540, lines=5)
    for term in ("Nodes.", "Inner edges."):
        said = ("The boats of the harbour carry letters from town to town", "roman")
        sheet.runs([(term, "bold"), said], 88, y)
        sheet.text("and each of them is read by a clerk", 88, y - 12)
        y -= 24
    sheet.prose(72, y - 4, lines=5)
    assert outline(read_sheets(tmp_path, sheet)) == [("1", "Boats")]


@pytest.mark.parametrize("face", ["roman", "italic"])
def test_a_large_bold_heading_may_hold_a_word_in_another_face(tmp_path: Path, face: str) -> None:
    sheet = front()
    sheet.text("1", 72, 560, 12, "bold").text("Boats", 90, 560, 12, "bold")
    y = sheet.prose(72, 540, lines=8)
    sheet.runs([("2 The Plan of the", "bold"), ("harbourmaster", face)], 72, y - 12, 12)
    sheet.prose(72, y - 34, lines=8)
    found = outline(read_sheets(tmp_path, sheet))
    assert found == [("1", "Boats"), ("2", "The Plan of the harbourmaster")]
