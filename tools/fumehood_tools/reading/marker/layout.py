"""Pages as marker gets them: without hidden text, and in boxes of our own. The worker's alone.

Our reader of PDFs says what of a page's text nobody sees, and what stands where; marker then never
sees the former, and in mode "layout" takes the latter in place of its layout model's boxes.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from marker.builders.layout import LayoutBuilder
from surya.layout.schema import LayoutBox, LayoutResult

from fumehood_tools.reading.document import Box
from fumehood_tools.reading.pdf.layout import LabelledBox, PageLayout, layout_of

_LABELS = {"Formula": "Equation"}
_SURE = 12
"""Fewer letters than this are taken for hidden only where no visible text stands."""


class CleanLayoutBuilder(LayoutBuilder):  # type: ignore[misc]
    """marker's builder of layouts, on pages whose hidden text is gone."""

    layouts: ClassVar[dict[int, PageLayout]] = {}
    """By number; filled by the one conversion of a process."""

    def __call__(self, document: Any, provider: Any) -> None:
        """Lay the pages of a document out."""
        self.layouts.update((it.number, it) for it in layout_of(Path(provider.filepath)))
        for page in document.pages:
            if layout := self.layouts.get(page.page_id + 1):
                _take_unseen(page, layout, provider)
        super().__call__(document, provider)


class HeuristicLayoutBuilder(CleanLayoutBuilder):
    """marker's builder of layouts, asking no model."""

    known: ClassVar[dict[str, LabelledBox]] = {}
    """Id of a block in marker -> the box it was made from."""

    def surya_layout(self, pages: list[Any], provider: Any) -> list[LayoutResult]:
        """Return the boxes of every page, in reading order."""
        return [self._result(page) for page in pages]

    def _result(self, page: Any) -> LayoutResult:
        layout = self.layouts.get(page.page_id + 1)
        if layout is None:
            return LayoutResult(bboxes=[], image_bbox=page.polygon.bbox)
        for position, box in enumerate(layout.boxes):
            # marker numbers the blocks of a page as they come.
            self.known[f"/page/{page.page_id}/{_label(box)}/{position}"] = box
        boxes = [_marker_box(box, position) for position, box in enumerate(layout.boxes)]
        return LayoutResult(bboxes=boxes, image_bbox=[0, 0, layout.width, layout.height])


def _take_unseen(page: Any, layout: PageLayout, provider: Any) -> None:
    """Drop the lines of hidden text, from the lines for paragraphs and from those for tables."""
    hidden = "".join(_letters(it.text) for it in layout.hidden)
    if not hidden:
        return

    def is_unseen(spans: Iterable[str], box: Box) -> bool:
        letters = _letters("".join(spans))
        if letters not in hidden:
            return False
        return len(letters) >= _SURE or not any(_meet(box, it.box) for it in layout.boxes)

    provider.page_lines[page.page_id] = [
        it
        for it in provider.page_lines.get(page.page_id, ())
        if not is_unseen((span.text for span in it.spans), it.line.polygon.bbox)
    ]
    for block in page.pdftext_page["blocks"] if page.pdftext_page else ():
        block["lines"] = [
            it
            for it in block["lines"]
            if not is_unseen((span["text"] for span in it["spans"]), it["bbox"])
        ]


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _letters(text: str) -> str:
    return "".join(text.split())


def _marker_box(it: LabelledBox, position: int) -> LayoutBox:
    left, top, right, bottom = it.box
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return LayoutBox(label=_label(it), raw_label=it.label, position=position, polygon=corners)


def _label(it: LabelledBox) -> str:
    return _LABELS.get(it.label, it.label)
