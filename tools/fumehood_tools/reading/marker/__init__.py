"""Read PDFs with marker-pdf, an optional dependency. It always runs in its own process.

    mode "models"   marker's layout model, plus OCR if its models or servers are available
    mode "layout"   marker's pipeline on boxes we compute from the text layer; needs no model

Nothing is downloaded, and nothing here imports marker into the calling process.
"""

from fumehood_tools.reading.marker.read import read_with_marker
from fumehood_tools.reading.marker.status import MarkerStatus, marker_available

__all__ = ["MarkerStatus", "marker_available", "read_with_marker"]
