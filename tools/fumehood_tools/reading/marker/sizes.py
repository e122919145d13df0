"""A PDF in which every page states its size itself, as pdftext expects.

PDFium's FPDFPage_GetMediaBox does not ask the page tree above a page (crbug.com/pdfium/1786);
pdftext 0.7 then takes US letter, and on A4 all lines lie 50 points from where the page is drawn.
"""

from pathlib import Path
from typing import Any


def with_own_sizes(pdf: Any, path: Path, folder: Path) -> Path:
    """Return the path of an open pypdfium2 document, or of a fixed copy in the folder."""
    fixed = False
    for page in pdf:
        if page.get_mediabox(fallback_ok=False) is None:
            page.set_mediabox(*page.get_bbox())
            fixed = True
        page.close()
    if not fixed:
        return path
    copy = folder / path.name
    pdf.save(copy)
    return copy
