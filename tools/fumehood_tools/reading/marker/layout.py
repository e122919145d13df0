"""Boxes for marker drawn from the text layer, in place of its layout model. The worker's alone."""

from pathlib import Path
from typing import Any, ClassVar

from marker.builders.layout import LayoutBuilder
from surya.layout.schema import LayoutBox, LayoutResult

from fumehood_tools.reading.pdf.layout import LabelledBox, PageLayout, layout_of

_LABELS = {"Formula": "Equation"}


class HeuristicLayoutBuilder(LayoutBuilder):  # type: ignore[misc]
    """marker's builder of layouts, asking no model."""

    known: ClassVar[dict[str, LabelledBox]] = {}
    """Id of a block in marker -> the box it was made from, in the one conversion of a process."""

    def surya_layout(self, pages: list[Any], provider: Any) -> list[LayoutResult]:
        """Return the boxes of every page, in reading order."""
        layouts = layout_of(Path(provider.filepath), [page.page_id + 1 for page in pages])
        return [self._result(layout) for layout in layouts]

    def _result(self, layout: PageLayout) -> LayoutResult:
        for position, box in enumerate(layout.boxes):
            # marker numbers the blocks of a page as they come.
            self.known[f"/page/{layout.number - 1}/{_label(box)}/{position}"] = box
        boxes = [_marker_box(box, position) for position, box in enumerate(layout.boxes)]
        return LayoutResult(bboxes=boxes, image_bbox=[0, 0, layout.width, layout.height])


def _marker_box(it: LabelledBox, position: int) -> LayoutBox:
    left, top, right, bottom = it.box
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return LayoutBox(label=_label(it), raw_label=it.label, position=position, polygon=corners)


def _label(it: LabelledBox) -> str:
    return _LABELS.get(it.label, it.label)
