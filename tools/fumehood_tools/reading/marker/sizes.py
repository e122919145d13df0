"""Work around a page-size bug: write each page's size into the page itself, as pdftext expects.

PDFium's FPDFPage_GetMediaBox does not look up a size inherited from the page tree
(crbug.com/pdfium/1786). pdftext 0.7 then assumes US letter, and on A4 pages all lines are 50
points away from where they are drawn.
"""

from pathlib import Path
from typing import Any


def with_own_sizes(pdf: Any, path: Path, folder: Path) -> Path:
    """Return `path` if every page states its size, or else the path of a fixed copy in `folder`.

    pdf: the open pypdfium2 document of the file at `path`.
    """
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
