"""Read PDFs with pdfplumber. For each path on standard input, print one line of JSON.

Runs in the environment of pdfplumber.lock. Settings are the defaults: `extract_text` for the text,
`extract_tables` for the tables, which needs rules between the cells, and link annotations.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pdfplumber
from pdfminer.pdfexceptions import PDFException


def read(path: Path) -> dict[str, Any]:
    """Return text, rows of tables and addresses of links."""
    with pdfplumber.open(path) as pdf:
        pages = list(pdf.pages)
        tables = [table for page in pages for table in page.extract_tables()]
        return {
            "text": "\n".join(page.extract_text() for page in pages),
            "rows": [[cell or "" for cell in row] for table in tables for row in table],
            "links": [link["uri"] for page in pages for link in page.hyperlinks if link["uri"]],
        }


def main() -> None:
    for line in sys.stdin:
        try:
            answer = read(Path(json.loads(line)))
        except (PDFException, ValueError, KeyError, TypeError, RecursionError) as error:
            answer = {"error": f"{type(error).__name__} {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
