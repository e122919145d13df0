"""One conversion with marker, in the process that imports it. The worker's alone."""

from collections.abc import Callable
from typing import Any, Literal, cast

from marker.converters.pdf import PdfConverter
from marker.models import create_model_dict, shutdown_models

from fumehood_tools.reading.marker.layout import HeuristicLayoutBuilder

RENDERER = "marker.renderers.json.JSONRenderer"


def convert(
    path: str,
    *,
    mode: Literal["models", "layout"],
    conversion: Literal["fast", "balanced"],
    ocr: bool,
    on_page: Callable[[int, int], None],
) -> dict[str, Any]:
    """Return marker's JSON of a PDF; all pages at once, as parts would lose the hierarchy."""
    models = create_model_dict()
    config = {
        "mode": conversion,
        "disable_ocr": not ocr,
        "disable_tqdm": True,
        "extract_images": False,
        "pdftext_workers": 1,
    }
    converter = PdfConverter(artifact_dict=models, config=config, renderer=RENDERER)
    if mode == "layout":
        HeuristicLayoutBuilder.on_page = staticmethod(on_page)
        converter.layout_builder_class = HeuristicLayoutBuilder
    try:
        return cast(dict[str, Any], converter(path).model_dump(mode="json"))
    finally:
        shutdown_models(models)
