"""Boxes for marker drawn from the text layer, in place of its layout model. The worker's alone."""

import re
from collections.abc import Callable
from typing import Any

from marker.builders.layout import LayoutBuilder
from surya.layout.schema import LayoutBox, LayoutResult

_HEADING = re.compile(r"\d{1,2}(\.\d{1,2})*\.? [A-Z].{0,60}|References|Abstract")


class HeuristicLayoutBuilder(LayoutBuilder):  # type: ignore[misc]
    """marker's builder of layouts, asking no model."""

    on_page: Callable[[int, int], None] = staticmethod(lambda done, total: None)

    def surya_layout(self, pages: list[Any], provider: Any) -> list[LayoutResult]:
        """Return the boxes of every page, in reading order."""
        results = []
        for number, page in enumerate(pages, start=1):
            blocks = page.pdftext_page["blocks"] if page.pdftext_page else []
            boxes = [_box(block, position) for position, block in enumerate(blocks)]
            results.append(LayoutResult(bboxes=boxes, image_bbox=page.polygon.bbox))
            self.on_page(number, len(pages))
        return results


def _box(block: dict[str, Any], position: int) -> LayoutBox:
    left, top, right, bottom = block["bbox"]
    spans = (span["text"] for line in block["lines"] for span in line["spans"])
    label = "SectionHeader" if _HEADING.fullmatch("".join(spans).strip()) else "Text"
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return LayoutBox(label=label, raw_label=label, position=position, polygon=corners)
