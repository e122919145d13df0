"""The doctor's checks for the papers wing: the packages that read PDFs."""

from fumehood_tools.doctor.packages import group
from fumehood_tools.doctor.report import Part
from fumehood_tools.reading.marker.status import marker_available
from fumehood_tools.settings import Settings


def parts(_: Settings) -> list[Part]:
    """Return the report on the packages that read PDFs."""
    return [group("pdf", needed=False, use="reads papers' PDFs with marker"), _marker()]


def _marker() -> Part:
    """Report which of marker's modes is possible. Never an error: PDFs can be read without it."""
    status = marker_available()
    words = {"models": "its own models", "layout": "our model-free layout", "none": "not possible"}
    ocr = f", OCR {'too' if status.ocr else 'not possible'}" if status.mode != "none" else ""
    how = f"{words[status.mode]}{ocr}"
    return Part(
        section="packages",
        part="marker",
        state="ok" if status.mode != "none" else "absent",
        detail=f"{how}: {' '.join(status.missing)}" if status.missing else how,
        command=status.next_step or None,
    )
