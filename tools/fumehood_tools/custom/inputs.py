"""The activations of a custom sandbox's texts, which its variants get: made once, then kept.

usage: python -m fumehood_tools.custom.inputs '{"subject": …, "texts": …, "position": …, "cache": …,
       "out": …}'

The file has one array per name, [texts, d_model] in float32. Prints {"done": true}.
"""

import json
import sys
from pathlib import Path
from typing import Any

from fumehood_tools.children import HUB_KEYS, LineChild
from fumehood_tools.errors import BadRequest, FumehoodError
from fumehood_tools.files import digest_of, read_json
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.spec import CustomSpec, SubjectSpec

PATIENCE_S = 1_800.0
MOST_TOKENS = 512


def inputs_of(box: Sandbox, custom: CustomSpec) -> Path:
    """Return the safetensors file with a sandbox's inputs, made if it is missing.

    Raises BadRequest for a file of texts that is none, PartMissing, RunFailed.
    """
    content = _request(box, custom)
    out = Path(content["out"])
    if not out.is_file():
        _made(content)
    return out


def kept_inputs(box: Sandbox, custom: CustomSpec) -> Path | None:
    """Return the file with a sandbox's inputs, or None if it has not been made yet."""
    out = Path(_request(box, custom)["out"])
    return out if out.is_file() else None


def _request(box: Sandbox, custom: CustomSpec) -> dict[str, Any]:
    """Return what the process that makes the inputs is told; "out" is named by the rest."""
    texts = _texts(read_json(box.folder / custom.inputs), custom.inputs)
    identity = box.describe_subject().identity
    subject = box.spec.subject.model_dump(mode="json")
    digest = digest_of([identity, subject, custom.position, texts])
    return {
        "subject": subject,
        "texts": texts,
        "position": custom.position,
        "cache": str(box.cache),
        "out": str(box.cache / "custom" / f"{digest}.safetensors"),
    }


def _made(content: dict[str, Any]) -> None:
    with LineChild("fumehood_tools.custom.inputs", json.dumps(content), keys=HUB_KEYS) as child:
        while True:
            for line in child.receive(1.0, patience=PATIENCE_S):
                if "error" in line:
                    raise ErrorReport.model_validate(line["error"]).as_error()
                if line.get("done"):
                    return


def _texts(content: Any, name: str) -> dict[str, list[str]]:
    if not isinstance(content, dict) or not all(
        isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts)
        for texts in content.values()
    ):
        raise BadRequest(f"{name} must be JSON with lists of texts by name. Correct it.")
    return content


def main() -> None:
    """Make one file of inputs."""
    content = json.loads(sys.argv[1])
    try:
        _harvest(content)
    except FumehoodError as error:
        print(json.dumps({"error": ErrorReport.of(error).model_dump()}), flush=True)
    else:
        print(json.dumps({"done": True}), flush=True)


def _harvest(content: dict[str, Any]) -> None:
    import torch
    from safetensors.torch import save_file

    from fumehood_tools.harvest.engine import ModelReader
    from fumehood_tools.harvest.records import Site
    from fumehood_tools.subjects.loading import load_language_model

    subject, out = SubjectSpec.model_validate(content["subject"]), Path(content["out"])
    model, tokenizer = load_language_model(subject, Path(content["cache"]))
    site = Site(layer=subject.layer, site=subject.site)
    reader, found = ModelReader(model, [site]), {}
    for name, texts in content["texts"].items():
        rows = []
        for text in texts:
            tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=MOST_TOKENS)
            [x_1TD] = reader.read(tokens["input_ids"], [site])
            rows.append(x_1TD[0, -1] if content["position"] == "last" else x_1TD[0].mean(dim=0))
        found[name] = torch.stack(rows).contiguous()
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    save_file(found, part)
    part.replace(out)


if __name__ == "__main__":
    main()
