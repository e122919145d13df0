"""marker-pdf as a reader of PDFs: optional, always in a process of its own, never downloading.

    mode "models"   marker's own layout model, and OCR where its models or servers are there
    mode "layout"   marker's pipeline on boxes that we draw from the text layer: no model at all

Nothing here imports marker into the calling process.
"""

from fumehood_tools.reading.marker.read import read_with_marker
from fumehood_tools.reading.marker.status import MarkerStatus, marker_available

__all__ = ["MarkerStatus", "marker_available", "read_with_marker"]
