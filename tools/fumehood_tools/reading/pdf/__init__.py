"""Read a PDF without models: from the characters and lines on its pages to a document.

`read_pdf` works in a child process, so that a damaged or hostile file cannot harm the caller,
which never imports pypdfium2. The text comes from the PDF's text layer, so a
scan without one cannot be read.
"""

from fumehood_tools.reading.pdf.reader import read_pdf

__all__ = ["read_pdf"]
