"""One conversion with marker, in the process that imports it. The worker's alone."""

from typing import Any, Literal, cast

from marker.converters.pdf import PdfConverter

from fumehood_tools.reading.marker.layout import HeuristicLayoutBuilder

MODELS = ("layout_model", "fast_layout_model", "recognition_model", "ocr_error_model")
RENDERER = "marker.renderers.json.JSONRenderer"


def convert(
    path: str,
    *,
    mode: Literal["models", "layout"],
    conversion: Literal["fast", "balanced"],
    ocr: bool,
) -> dict[str, Any]:
    """Return marker's JSON of a PDF; all pages at once, as parts would lose the hierarchy.

    In mode "layout" blocks have what the layout knew and marker has no word for: the level of a
    heading, whether it is of the abstract.
    """
    models = _models() if mode == "models" else dict.fromkeys(MODELS)
    config = {
        "mode": conversion,
        "disable_ocr": not ocr,
        "disable_tqdm": True,
        "extract_images": False,
        "pdftext_workers": 1,
    }
    converter = PdfConverter(artifact_dict=models, config=config, renderer=RENDERER)
    if mode == "layout":
        converter.layout_builder_class = HeuristicLayoutBuilder
    output = cast(dict[str, Any], converter(path).model_dump(mode="json"))
    if mode == "layout":
        for page in output["children"]:
            for block in page["children"] or ():
                if (box := HeuristicLayoutBuilder.known.get(block["id"])) is not None:
                    block.update(level=box.level, abstract=box.abstract)
    return output


def _models() -> dict[str, Any]:
    from marker.models import create_model_dict

    return cast(dict[str, Any], create_model_dict())
