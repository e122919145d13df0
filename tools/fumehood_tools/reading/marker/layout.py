"""Pass our own page layout to marker. Imported by the worker process only.

Our PDF reader finds the hidden text of a page and the position of its blocks. Hidden text is
removed before marker sees the page. In mode "layout", our boxes replace those of marker's layout
model.
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
"""Shorter text, in letters, may match hidden text by chance: it counts as hidden only where it
overlaps no visible block."""


class CleanLayoutBuilder(LayoutBuilder):  # type: ignore[misc]
    """marker's layout builder, on pages from which hidden text has been removed."""

    layouts: ClassVar[dict[int, PageLayout]] = {}
    """Page number -> layout. Class-level, because a worker process converts one document only."""

    def __call__(self, document: Any, provider: Any) -> None:
        """Compute our layout, remove hidden text from the pages, then run marker's layout step."""
        self.layouts.update((it.number, it) for it in layout_of(Path(provider.filepath)))
        for page in document.pages:
            if layout := self.layouts.get(page.page_id + 1):
                _take_unseen(page, layout, provider)
        super().__call__(document, provider)


class HeuristicLayoutBuilder(CleanLayoutBuilder):
    """marker's layout builder, with our boxes in place of a model's."""

    known: ClassVar[dict[str, LabelledBox]] = {}
    """Id that marker gives to a block -> our box from which the block was made."""

    def surya_layout(self, pages: list[Any], provider: Any) -> list[LayoutResult]:
        """Return our boxes for every page, in reading order."""
        return [self._result(page) for page in pages]

    def _result(self, page: Any) -> LayoutResult:
        layout = self.layouts.get(page.page_id + 1)
        if layout is None:
            return LayoutResult(bboxes=[], image_bbox=page.polygon.bbox)
        for position, box in enumerate(layout.boxes):
            # marker numbers the blocks of a page in the order of their boxes.
            self.known[f"/page/{page.page_id}/{_label(box)}/{position}"] = box
        boxes = [_marker_box(box, position) for position, box in enumerate(layout.boxes)]
        return LayoutResult(bboxes=boxes, image_bbox=[0, 0, layout.width, layout.height])


def _take_unseen(page: Any, layout: PageLayout, provider: Any) -> None:
    """Remove hidden lines from marker's paragraph lines and from the lines it uses for tables."""
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
