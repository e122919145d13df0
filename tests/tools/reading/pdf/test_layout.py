"""Page layouts: labeled boxes in reading order."""

from pathlib import Path

from fakes.tiny_pdf import Page, make_pdf

from fumehood_tools.reading.pdf.layout import layout_of


def _page(number: int) -> Page:
    page = Page().text("The Journal of Layouts", 72, 765).text(str(number), 300, 30)
    page.text("1 Introduction" if number == 1 else "2 Methods", 72, 720, 14)
    return page.prose(20, 700)


def test_boxes_come_in_reading_order_and_know_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(make_pdf([_page(1), _page(2)]))
    layouts = layout_of(path)
    assert [(it.number, it.width, it.height) for it in layouts] == [(1, 612, 792), (2, 612, 792)]
    second = layouts[1].boxes
    assert [box.label for box in second] == ["PageHeader", "SectionHeader", "Text", "PageFooter"]
    assert second[1].level == 1
    tops = [box.box[1] for box in second]
    assert tops == sorted(tops) and all(0 <= top <= 792 for top in tops)


def test_only_the_pages_asked_for_are_returned(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(make_pdf([_page(1), _page(2)]))
    assert layout_of(path, [2]) == layout_of(path)[1:]
