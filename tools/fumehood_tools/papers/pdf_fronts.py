"""Read the first pages of PDFs, in a child process that `children.ask_once` starts.

The request is a JSON list of paths. The answer is a JSON list with one object per path: title
(from the file's metadata, else the text in the largest type on the first page), authors, year,
arXiv stamp, the text of the first page as abstract, and sha256. The entry of a file that is not a
PDF is null. Only pypdfium2 is imported.
"""

import json
import re
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw

from fumehood_tools.children import ReportProgress, answer_once
from fumehood_tools.files import sha256_of
from fumehood_tools.quoting import one_line

_STAMP = re.compile(r"arXiv:\d{4}\.\d{4,5}(?:v\d+)?", re.IGNORECASE)
_ABSTRACT = re.compile(r"\babstract\b[\s.:—-]*", re.IGNORECASE)
_MACHINE_MADE = re.compile(
    r"^untitled|\.(?:dvi|tex|docx?|pdf|indd)$|^microsoft word", re.IGNORECASE
)
MOST_TEXT = 3000


def front_of(path: Path) -> dict[str, Any] | None:
    """Return the fields read from a PDF's first page and metadata; None if it can't be opened."""
    try:
        document = pypdfium2.PdfDocument(path)
    except (pypdfium2.PdfiumError, OSError, ValueError):
        return None
    with document:
        if not len(document):
            return None
        page = document[0].get_textpage()
        text = page.get_text_bounded()
        stated = one_line(document.get_metadata_value("Title"))
        title = stated if len(stated) > 8 and not _MACHINE_MADE.search(stated) else _largest(page)
        authors = re.split(r"\s*[;,]\s*|\s+and\s+", document.get_metadata_value("Author"))
        made = re.search(r"D:(\d{4})", document.get_metadata_value("CreationDate"))
    stamp = _STAMP.search(text)
    begin = _ABSTRACT.search(text)
    return {
        "title": title,
        "authors": [name for name in map(one_line, authors) if name],
        "year": int(made[1]) if made else None,
        "stamp": stamp[0] if stamp else "",
        "abstract": one_line(text[begin.end() if begin else 0 :])[:MOST_TEXT],
        "sha256": sha256_of(path),
    }


def _largest(page: Any) -> str:
    """Return the words in the largest type on a page, in reading order."""
    sizes = [
        round(pypdfium2.raw.FPDFText_GetFontSize(page, index), 1)
        for index in range(min(page.count_chars(), MOST_TEXT))
    ]
    text = page.get_text_range(0, len(sizes)) if sizes else ""
    if len(text) != len(sizes):
        return ""
    letters = [size for size, char in zip(sizes, text, strict=True) if char.isalpha()]
    # A drop cap or a logo may be larger than the title, but it has fewer than 8 letters.
    for size in sorted(set(letters), reverse=True):
        if letters.count(size) >= 8:
            marked = (c if s == size else "\n" for s, c in zip(sizes, text, strict=True))
            return one_line("".join(marked))[:300]
    return ""


def _answer(paths: list[str], folder: Path, progress: ReportProgress) -> str:
    return json.dumps([front_of(Path(path)) for path in paths])


if __name__ == "__main__":
    answer_once(_answer)
