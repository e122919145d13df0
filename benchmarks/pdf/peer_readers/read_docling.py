"""Read PDFs and LaTeX with the parts of docling that need no model.

For each path on standard input, prints one line of JSON. A PDF goes through docling's
NativePdfPipeline, which returns lines of text and nothing else, a .tex file through its LaTeX
backend. docling's DocumentConverter is not used, since it imports torch. Runs in the environment of
docling.lock.
"""

import json
import sys
from pathlib import Path
from typing import Any

from docling.backend.docling_parse_backend import DoclingParseDocumentBackend
from docling.backend.latex_backend import LatexDocumentBackend
from docling.datamodel.base_models import InputFormat
from docling.datamodel.document import InputDocument
from docling.datamodel.pipeline_options import ConvertPipelineOptions, NativePdfPipelineOptions
from docling.exceptions import BaseError
from docling.pipeline.native_pdf_pipeline import NativePdfPipeline
from docling.pipeline.simple_pipeline import SimplePipeline
from docling_core.types.doc import DocItemLabel, DoclingDocument, InlineGroup, TableItem, TextItem

PDF = NativePdfPipeline(NativePdfPipelineOptions())
LATEX = SimplePipeline(ConvertPipelineOptions())
KINDS = {
    DocItemLabel.LIST_ITEM: "list_item",
    DocItemLabel.FORMULA: "equation",
    DocItemLabel.CODE: "code",
    DocItemLabel.FOOTNOTE: "footnote",
}


def read(path: Path) -> dict[str, Any]:
    """Return the text of a PDF, or a document for a .tex file."""
    if path.suffix == ".pdf":
        document = convert(path, InputFormat.PDF, DoclingParseDocumentBackend, PDF)
        return {"text": "\n".join(item.text for item in document.texts)}
    return as_document(convert(path, InputFormat.LATEX, LatexDocumentBackend, LATEX))


def convert(path: Path, form: InputFormat, backend: Any, pipeline: Any) -> DoclingDocument:
    given = InputDocument(path_or_stream=path, format=form, backend=backend)
    return pipeline.execute(given, raises_on_error=True).document


def as_document(document: DoclingDocument) -> dict[str, Any]:
    """Return title, abstract, blocks and links under the names of fumehood's Document."""
    title, abstract, inside = "", [], False
    blocks: list[dict[str, Any]] = []
    used: set[str] = set()
    for item, _ in document.iterate_items(with_groups=True):
        if item.self_ref in used:
            continue
        if isinstance(item, InlineGroup):
            parts = [part.resolve(document) for part in item.children]
            used |= {part.self_ref for part in parts}
            text = "".join(part.text for part in parts if isinstance(part, TextItem))
            if inside:
                abstract.append(text)
            else:
                blocks.append({"kind": "paragraph", "text": text})
        elif isinstance(item, TableItem):
            rows = [[cell.text for cell in row] for row in item.data.grid]
            caption = item.caption_text(document)
            blocks.append({"kind": "table", "text": caption, "rows": rows})
        elif isinstance(item, TextItem):
            if item.label == DocItemLabel.TITLE:
                title = item.text
            elif item.label == DocItemLabel.SECTION_HEADER:
                inside = item.text.strip().lower() == "abstract"
                level = min(item.level, 6)
                blocks.append({"kind": "heading", "text": item.text, "level": level})
            elif item.label == DocItemLabel.CAPTION:
                blocks.append({"kind": "figure", "text": item.text})
            elif inside:
                abstract.append(item.text)
            else:
                blocks.append({"kind": KINDS.get(item.label, "paragraph"), "text": item.text})
    return {
        "source": "latex",
        "title": title,
        "abstract": " ".join(abstract),
        "blocks": blocks,
        "links": [
            {"url": str(item.hyperlink), "origin": "markup"}
            for item in document.texts
            if item.hyperlink
        ],
    }


def main() -> None:
    for line in sys.stdin:
        try:
            answer = read(Path(json.loads(line)))
        except (BaseError, ValueError, KeyError, TypeError, RuntimeError, OSError) as error:
            answer = {"error": f"{type(error).__name__} {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
