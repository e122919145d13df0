"""What is a heading of a PDF, what its number is, and what only looks like one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.set_pdf import Sheet, front, outline, read_sheets, width_of

ITEMS = ["Claims", "Limits", "Proofs", "Code release", "Settings"]
Item = Callable[[Sheet, int, str, float], float]


def _sections(sheet: Sheet, y: float, size: float = 12, mark: str = "") -> float:
    """Write two numbered sections, and return the height below them."""
    for number, title in enumerate(("Introduction", "Data"), 1):
        sheet.text(f"{number}{mark} {title}", 72, y, size, "bold")
        y = sheet.prose(72, y - 18, lines=5) - 12
    return y


def _lead_on_its_own_line(sheet: Sheet, number: int, lead: str, y: float) -> float:
    sheet.text(f"{number}.", 85, y).text(lead, 97, y, 10, "bold")
    return sheet.prose(97, y - 12, 440, lines=2) - 4


def _bold_number(sheet: Sheet, number: int, lead: str, y: float) -> float:
    sheet.text(f"{number}. {lead}", 85, y, 10, "bold")
    return sheet.prose(97.8, y - 12, 440, lines=2) - 4


def _lead_in_line(sheet: Sheet, number: int, lead: str, y: float) -> float:
    sheet.text(f"{number}.", 85, y).text(f"{lead}.", 97, y, 10, "bold")
    sheet.prose(110 + width_of(lead, 10), y, 427 - width_of(lead, 10), lines=1)
    return sheet.prose(97, y - 12, 440, lines=1) - 4


def _at_the_margin(sheet: Sheet, number: int, lead: str, y: float) -> float:
    sheet.text(f"{number}", 72, y).text(lead, 84, y, 10, "bold")
    return sheet.prose(72, y - 12, lines=2) - 8


@pytest.mark.parametrize(
    "item", [_lead_on_its_own_line, _bold_number, _lead_in_line, _at_the_margin]
)
@pytest.mark.parametrize(("size", "mark"), [(12, ""), (12, "."), (10, "."), (10, "")])
def test_numbered_items_with_bold_leads_are_no_sections(
    tmp_path: Path, item: Item, size: float, mark: str
) -> None:
    sheet = front()
    y = _sections(sheet, 560, size, mark)
    sheet.text("Checklist", 72, y, size, "bold")
    y -= 18
    for number, lead in enumerate(ITEMS, 1):
        y = item(sheet, number, lead, y)
    found = outline(read_sheets(tmp_path, sheet))
    assert found == [("1", "Introduction"), ("2", "Data"), (None, "Checklist")]


def test_sections_after_a_numbered_list_are_found(tmp_path: Path) -> None:
    sheet = front()
    y = _sections(sheet, 560)
    for number, lead in enumerate(ITEMS, 1):
        y = _lead_on_its_own_line(sheet, number, lead, y)
    sheet.text("3 Results", 72, y - 10, 12, "bold")
    sheet.prose(72, y - 28, lines=4)
    assert [number for number, _ in outline(read_sheets(tmp_path, sheet))] == ["1", "2", "3"]


def test_items_before_the_first_numbered_section_are_no_sections(tmp_path: Path) -> None:
    sheet = Sheet().text("Harbour Letters", 200, 740, 17).text("Ada Quill", 270, 715, 11)
    sheet.text("Abstract", 286, 695, 10, "bold")
    sheet.prose(100, 680, 412, lines=3)
    sheet.text("Overview", 72, 630, 12, "bold").prose(72, 612, lines=3)
    y = 570.0
    for number, lead in enumerate(ITEMS[:3], 1):
        y = _lead_on_its_own_line(sheet, number, lead, y)
    _sections(sheet, y - 8)
    assert outline(read_sheets(tmp_path, sheet)) == [
        (None, "Overview"), ("1", "Introduction"), ("2", "Data")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "titles",
    [
        ["Introduction", "Reading environment", "Results"],
        ["Introduction", "Model of a harbour town", "Results of the clerks"],
        ["Introduction", "Letters", "How long a letter is"],
    ],
)
def test_a_heading_in_small_capitals_may_have_words_without_a_large_one(
    tmp_path: Path, titles: list[str]
) -> None:
    sheet = front()
    y = 560.0
    for number, title in zip(("I.", "II.", "III."), titles, strict=True):
        sheet.text(number, 200, y)
        _small_capitals(sheet, title, 226, y)
        y = sheet.prose(72, y - 18, lines=5) - 12
    found = outline(read_sheets(tmp_path, sheet))
    assert found == list(zip(("I", "II", "III"), titles, strict=True))


def _small_capitals(sheet: Sheet, title: str, x: float, y: float) -> None:
    """Write a title as LaTeX sets small capitals in a font that has none."""
    for word in title.split():
        large = word[0].isupper()
        if large:
            sheet.word(word[0], x, y, 10)
            x += width_of(word[0], 10)
        rest = word[1:] if large else word
        if rest:
            sheet.word(rest.upper(), x, y, 8)
        x += width_of(rest, 8) + 5


@pytest.mark.parametrize("size", [12, 10])
def test_a_heading_can_be_made_of_the_names_of_programs(tmp_path: Path, size: float) -> None:
    sheet = front()
    y = _sections(sheet, 560)
    for number, name in (("2.1", "read_letters"), ("2.2", "read_letters_of_clerks")):
        sheet.runs([(f"{number}", "bold"), (name, "mono")], 72, y, size)
        y = sheet.prose(72, y - 18, lines=4) - 12
    found = outline(read_sheets(tmp_path, sheet))
    assert found[2:] == [("2.1", "read_letters"), ("2.2", "read_letters_of_clerks")]


@pytest.mark.parametrize(("x", "size"), [(200, 6), (200, 7.5), (300, 10)])
def test_a_label_of_a_plot_opens_no_section(tmp_path: Path, x: float, size: float) -> None:
    sheet = front()
    _sections(sheet, 560)
    plot = Sheet()
    for at, label in enumerate(("Year", "References", "Abstract", "Discussion", "Place")):
        plot.text(label, x - width_of(label, size), 600 - 40 * at, size)
        plot.draw(f"{x + 5} {595 - 40 * at} {40 + 20 * at} 14 re f")
    plot.prose(72, 380, lines=8)
    document = read_sheets(tmp_path, sheet, plot)
    assert outline(document) == [("1", "Introduction"), ("2", "Data")]
    assert not document.references


@pytest.mark.parametrize(
    "label",
    [
        "Letters for the check.",
        "Letters and clerks:",
        "Is a letter read?",
        "Letters for the first check of the clerks who read them on the quay.",
    ],
)
@pytest.mark.parametrize("face", ["italic", "bold"])
def test_a_numbered_run_in_heading_ends_where_its_text_begins(
    tmp_path: Path, label: str, face: str
) -> None:
    sheet = front()
    y = _sections(sheet, 560)
    for number in ("2.0.1", "2.0.2"):
        sheet.runs([(f"{number} {label}", face), ("The boats carry", "roman")], 72, y)
        y = sheet.prose(72, y - 12, lines=3) - 8
    found = outline(read_sheets(tmp_path, sheet))
    assert found[2:] == [("2.0.1", label.rstrip(".:")), ("2.0.2", label.rstrip(".:"))]


def test_a_numbered_run_in_heading_can_take_two_lines(tmp_path: Path) -> None:
    sheet = front()
    y = _sections(sheet, 560)
    label = "2.0.1 Letters for the first check of the clerks who read what the boats of the town"
    label += " at sea have"
    sheet.text(label, 72, y, 10, "italic")
    sheet.runs(
        [("brought to us.", "italic"), ("The clerks write down what they find", "roman")],
        72,
        y - 12,
    )
    sheet.prose(72, y - 24, lines=3)
    document = read_sheets(tmp_path, sheet)
    assert outline(document)[2:] == [("2.0.1", f"{label[6:]} brought to us")]
    assert any(block.text.startswith("The clerks write down") for block in document.blocks)


def test_a_run_in_heading_can_end_with_a_dash(tmp_path: Path) -> None:
    sheet = front()
    y = _sections(sheet, 560)
    for number in ("2.0.1.", "2.0.2."):
        sheet.runs([(f"{number} Short", "italic")], 72, y)
        x = 72 + width_of(f"{number}Short", 10) + 5.6
        sheet.word("letters.", x, y, 10, "italic").word("\u2014The", x + 40, y)
        sheet.prose(x + 64, y, 440 - x, lines=1)
        y = sheet.prose(72, y - 12, lines=3) - 8
    found = outline(read_sheets(tmp_path, sheet))
    assert found[2:] == [("2.0.1", "Short letters"), ("2.0.2", "Short letters")]


def test_a_bold_label_without_a_stop_ends_at_a_wide_space(tmp_path: Path) -> None:
    sheet = front()
    y = _sections(sheet, 560)
    sheet.text("Lost letters", 72, y, 10, "bold").prose(72 + 70, y, 398, lines=1)
    sheet.prose(72, y - 12, lines=3)
    assert outline(read_sheets(tmp_path, sheet))[2:] == [(None, "Lost letters")]


APPENDIX = [("A", "Related work"), ("A.1", "Clerks"), ("B", "Practical details")]


@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_letter_with_a_plain_space_numbers_an_appendix(tmp_path: Path, last: int) -> None:
    sheet = front()
    y = _sections(sheet, 560)
    sheet.text("References", 72, y, 12, "bold")
    for number in (1, 2):
        sheet.text(f"[{number}] A. Quill. Letters of the quay. 2031.", 72, y - 18 * number)
    y -= 60
    for number, title in APPENDIX[:last]:
        sheet.text(f"{number} {title}", 72, y, 12, "bold")
        y = sheet.prose(72, y - 18, lines=3) - 12
    assert outline(read_sheets(tmp_path, sheet))[3:] == APPENDIX[:last]


def test_a_title_that_begins_with_a_word_of_one_letter_keeps_it(tmp_path: Path) -> None:
    sheet = front()
    for number, title in enumerate(("Introduction", "Data"), 1):
        sheet.text(f"{number}", 72, 680 - 120 * number, 12, "bold")
        sheet.text(title, 90, 680 - 120 * number, 12, "bold")
        sheet.prose(72, 662 - 120 * number, lines=5)
    sheet.text("A Note on Clerks", 72, 330, 12, "bold").prose(72, 312, lines=5)
    assert outline(read_sheets(tmp_path, sheet))[2:] == [(None, "A Note on Clerks")]


@pytest.mark.parametrize("name", ["A. Una Vale", "I. Una Vale", "A Una Vale", "1 School of Boats"])
@pytest.mark.parametrize("sections", [("1", "2"), ("I.", "II.")])
def test_an_author_with_an_initial_is_no_section(
    tmp_path: Path, name: str, sections: tuple[str, str]
) -> None:
    sheet = Sheet().text("Harbour Letters", 200, 740, 17)
    sheet.text("Ada Quill", 270, 715, 12).text(name, 265, 690, 12)
    sheet.text("ABSTRACT", 72, 660, 10, "bold")
    sheet.prose(72, 642, lines=4)
    y = 570.0
    for number, title in zip(sections, ("Introduction", "Data"), strict=True):
        sheet.text(f"{number} {title}", 72, y, 11, "bold")
        y = sheet.prose(72, y - 18, lines=5) - 12
    document = read_sheets(tmp_path, sheet)
    wanted = [number.rstrip(".") for number in sections]
    assert outline(document) == list(zip(wanted, ("Introduction", "Data"), strict=True))
    assert document.abstract.startswith("The boats of the harbour")
