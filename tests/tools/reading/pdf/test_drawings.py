"""A drawing takes its labels out of the text of a PDF, and nothing else."""

from pathlib import Path

import pytest
from fakes.set_pdf import PROSE, Sheet, front, read_sheets, text_of

FRAME = "72 420 200 120 re S"
CLIP = "72 420 200 120 re W n"
RAMP = " ".join(f"{80 + 12 * at} 430 6 {-40 * at} re f" for at in range(14))
CURVES = {
    "a curve that leaves its axes": f"{FRAME} q {CLIP} 72 420 m 120 4000 l 200 -57930 l S Q",
    "bars below their axes": f"{FRAME} q {CLIP} {RAMP} Q",
    "a clip within a clip": f"{FRAME} q 0 0 612 792 re W n q {CLIP} 80 430 m 90 -900 l S Q Q",
    "a round clip": f"{FRAME} q 72 480 m 72 540 272 540 272 480 c 272 420 72 420 72 480 c W n "
    "80 430 m 200 -900 l S Q",
    "a line that runs over the text below": f"{FRAME} 100 500 m 120 -300 l S",
}


def _words(document_text: str) -> int:
    return document_text.count("harbour")


def _page(drawing: str, form: str = "") -> Sheet:
    page = Sheet(form=form).draw(drawing)
    page.text("loss", 150, 500, 8)
    page.text("Figure 1: The loss of a clerk over the year.", 72, 400, 9)
    page.prose(72, 370, lines=25)
    page.prose(72, 720, lines=10)
    return page


@pytest.mark.parametrize("name", CURVES)
def test_text_beside_a_clipped_drawing_is_kept(tmp_path: Path, name: str) -> None:
    first = front()
    first.text("1 Introduction", 72, 560, 12, "bold").prose(72, 540, lines=20)
    bare = _words(text_of(read_sheets(tmp_path, first, _page(""))))
    text = text_of(read_sheets(tmp_path, first, _page(CURVES[name])))
    assert _words(text) == bare
    assert "loss of a clerk" in text and " loss " not in text.replace("The loss", "")


@pytest.mark.parametrize(
    "form",
    [
        "0 0 200 120 re W n 0 0 m 40 4000 l 100 -900 l S",
        "0 0 200 120 re S 0 0 m 300 3000 l S -900 -900 20 2000 re f",
    ],
)
def test_text_beside_an_included_figure_that_is_cut_is_kept(tmp_path: Path, form: str) -> None:
    first = front()
    first.text("1 Introduction", 72, 560, 12, "bold").prose(72, 540, lines=20)
    bare = _words(text_of(read_sheets(tmp_path, first, _page(""))))
    # The second form has no clip of its own: its place on the page has one.
    page = _page(f"q {CLIP} 1 0 0 1 72 420 cm /F Do Q", form)
    assert _words(text_of(read_sheets(tmp_path, first, page))) == bare


def test_labels_inside_a_drawing_are_no_text(tmp_path: Path) -> None:
    first = front()
    first.text("1 Introduction", 72, 560, 12, "bold").prose(72, 540, lines=20)
    text = text_of(read_sheets(tmp_path, first, _page(f"{FRAME} 80 430 m 250 530 l S")))
    assert " loss " not in text.replace("The loss", "")
    assert PROSE.split(".")[0] in text
