"""The public API of real packages, read from their source, against what `inspect` finds in them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.api_agreement import differences

from fumehood_tools.settings import load_settings
from fumehood_tools.surveys.surveying import Request, Surveys

pytestmark = [pytest.mark.slow, pytest.mark.child]

INSPECT = Path(__file__).parents[2] / "fakes" / "inspected_api.py"
# Package -> (pattern of the differences that are expected, why they are). No other may occur.
EXPLAINED: dict[str, list[tuple[str, str]]] = {
    "einops": [],
    "packaging": [],
    "attrs": [],
    "sae-probes": [],
    "dictionary-learning": [],
    "sae-bench": [],
    "click": [],
    "rich": [],
    "httpx": [
        (r"httpx\.codes\.[\w-]+: only at run time \(other\)", "a loop makes an alias of each code"),
        (r"httpx\.codes: signature", "a call of an enum looks up a member"),
    ],
    "sae-lens": [
        (r"sae_lens(\.analysis)?\.SAETransformerBridge: only at", "is added to __all__ in a try"),
    ],
    "transformer-lens": [
        (r"transformer_lens\.lit\.\w+\.\w+: only in the source", "needs lit_nlp, not installed"),
        (
            r"transformer_lens\.model_bridge\.TransformerBridge\.\w+: (only at|signature)",
            "another module assigns these to the class",
        ),
    ],
}
# Modules that cannot be imported where only the locked packages are installed.
NOT_IMPORTED = {
    "einops": {"flax", "keras", "oneflow", "paddle", "tensorflow"},
    "sae-bench": {"demo", "convert_directory", "main", "main_experiments"},
}


@pytest.mark.parametrize("package", sorted(EXPLAINED))
def test_the_public_api_is_what_inspect_finds(package: str, tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"FUMEHOOD_CACHE": str(tmp_path / "cache")})
    _, survey = Surveys(settings).survey(Request(package))
    out = tmp_path / "inspected.json"
    program = [sys.executable, "-P", str(INSPECT), str(out)]
    subprocess.run(
        [*program, ",".join(survey.imports), *survey.modules],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=600,
    )
    inspected = json.loads(out.read_text(encoding="utf-8"))
    last = {name.rpartition(".")[2] for name in inspected["failed"]}
    assert last == NOT_IMPORTED.get(package, set()), inspected["failed"]
    found, compared = differences(survey, inspected)
    unexplained = [
        it for it in found if not any(re.match(known, it) for known, _ in EXPLAINED[package])
    ]
    assert compared > 50 and not unexplained, "\n".join(unexplained)
