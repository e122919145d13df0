"""One conversion with marker, in the process that imports it. The worker's alone."""

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
"""Our layout knows headers and footers from all pages; marker need not guess them by place."""
RENDERER = "marker.renderers.json.JSONRenderer"


class Converted(NamedTuple):
    """marker's JSON of a document, and the text of it that nobody sees."""

    output: dict[str, Any]
    hidden: list[HiddenText]


def convert(
    path: str,
    *,
    mode: Literal["models", "layout"],
    conversion: Literal["fast", "balanced"],
    ocr: bool,
) -> Converted:
    """Return marker's reading of a PDF; all pages at once, as parts would lose the hierarchy.

    In mode "layout" blocks have what the layout knew and marker has no word for: the level of a
    heading, whether it is of the abstract.
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
        # Sharp images are for OCR alone.
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
