"""Read a PDF without models: from characters and rules on the page to a typed document.

`read_pdf` works in a child process, so a damaged or hostile file can't harm the caller, who never
imports pypdfium2, pdftext or numpy. Text comes from the PDF's text layer: a scan has none.
"""

from fumehood_tools.reading.pdf.reader import read_pdf

__all__ = ["read_pdf"]
