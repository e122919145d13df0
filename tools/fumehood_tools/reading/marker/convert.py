"""Run one conversion with marker. Imports marker, so only the worker process may import it."""

from itertools import chain
from typing import Any, Literal, NamedTuple, cast

from marker.converters.pdf import PdfConverter

from fumehood_tools.reading.document import HiddenText
from fumehood_tools.reading.marker.layout import CleanLayoutBuilder, HeuristicLayoutBuilder

MODELS = ("layout_model", "fast_layout_model", "recognition_model", "ocr_error_model")
LAYOUT_KNOWS = {
    "MarginaliaProcessor_header_zone": 0.0,
    "MarginaliaProcessor_footer_zone": 0.0,
    "IgnoreTextProcessor_common_element_min_blocks": 1_000_000,
}
"""Our layout finds page headers and footers by comparing all pages, so marker must not drop
text by its position."""
RENDERER = "marker.renderers.json.JSONRenderer"


class Converted(NamedTuple):
    """marker's JSON output for a document, and the text in the PDF that readers cannot see."""

    output: dict[str, Any]
    hidden: list[HiddenText]


def convert(
    path: str,
    *,
    mode: Literal["models", "layout"],
    conversion: Literal["fast", "balanced"],
    ocr: bool,
) -> Converted:
    """Return marker's output for a PDF.

    All pages are converted at once, because marker infers heading levels from the whole document.
    In mode "layout", blocks also get two keys that our layout knows and marker has no field for:
    `level` of a heading, and `abstract` for blocks that belong to the abstract.
    """
    models = _models() if mode == "models" else dict.fromkeys(MODELS)
    config: dict[str, Any] = {
        "mode": conversion,
        "disable_ocr": not ocr,
        "disable_tqdm": True,
        "extract_images": False,
        "pdftext_workers": 1,
    }
    if not ocr:
        # High-resolution page images are only needed for OCR.
        config["highres_block_types"] = ()
    builder = CleanLayoutBuilder
    if mode == "layout":
        builder = HeuristicLayoutBuilder
        config.update(LAYOUT_KNOWS)
    converter = PdfConverter(artifact_dict=models, config=config, renderer=RENDERER)
    converter.layout_builder_class = builder
    output = cast(dict[str, Any], converter(path).model_dump(mode="json"))
    for block in chain.from_iterable(page["children"] or () for page in output["children"]):
        if (box := HeuristicLayoutBuilder.known.get(block["id"])) is not None:
            block.update(level=box.level, abstract=box.abstract)
    hidden = [text for layout in builder.layouts.values() for text in layout.hidden]
    return Converted(output, hidden)


def _models() -> dict[str, Any]:
    from marker.models import create_model_dict

    return cast(dict[str, Any], create_model_dict())
