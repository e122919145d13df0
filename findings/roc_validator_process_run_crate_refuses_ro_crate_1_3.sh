#!/usr/bin/env bash
# roc-validator 0.13.0 (the validator of the RO-Crate project): a crate that is valid RO-Crate 1.3 cannot be
# valid as a Process Run Crate 0.5, whatever it says about its runs.
#
# Expected: Process Run Crate is a profile on top of RO-Crate, and the validator has profiles for RO-Crate
# 1.1, 1.2 and 1.3; so a 1.3 crate whose actions are as the profile wants passes both.
# Found: the profile process-run-crate inherits ro-crate-1.1, whose required check 5.3 accepts only
# https://w3id.org/ro/crate/1.1 in the descriptor's conformsTo. With that it passes, but is no 1.3 crate any
# more. So a program that writes 1.3 must read this one required issue of the profile as expected.
# Also: validation asks w3id.org for the JSON-LD context. Here the copy of it that rocrate 0.16.0 brings is
# given to the validator, so that nothing but the package index is needed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  roc-validator==0.13.0 rocrate==0.16.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import requests
import rocrate
from urllib3.response import HTTPResponse

CONTEXT = (Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()


def send(adapter, request, **_):
    if "ro/crate/" not in request.url:
        raise requests.ConnectionError(request.url)
    head = {"Content-Type": "application/ld+json"}
    raw = HTTPResponse(io.BytesIO(CONTEXT), head, 200, preload_content=False, request_url=request.url)
    return adapter.build_response(request, raw)


requests.adapters.HTTPAdapter.send = send

from rocrate_validator import models, services

PROFILE, PROGRAM = "https://w3id.org/ro/wfrun/process/0.5", "https://example.org/program"


def crate(number):
    """Return a crate with one file that one run of a program made."""
    base = f"https://w3id.org/ro/crate/{number}"
    root = {
        **{"@id": "./", "@type": "Dataset", "name": "A run", "description": "One run of a program"},
        **{"datePublished": "2026-11-30", "license": {"@id": "https://spdx.org/licenses/MIT"}},
        **{"hasPart": [{"@id": "out.txt"}], "conformsTo": {"@id": PROFILE}},
        "mentions": [{"@id": "#run"}],
    }
    graph = [
        {
            **{"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}},
            "conformsTo": {"@id": base},
        },
        root,
        {"@id": "https://spdx.org/licenses/MIT", "@type": "CreativeWork", "name": "MIT", "description": "MIT"},
        {"@id": PROFILE, "@type": ["CreativeWork", "Profile"], "name": "Process Run Crate", "version": "0.5"},
        {"@id": PROGRAM, "@type": "SoftwareApplication", "name": "p", "url": PROGRAM, "version": "1"},
        {"@id": "out.txt", "@type": "File", "name": "out", "description": "The result", "contentSize": "2"},
        {
            **{"@id": "#run", "@type": "CreateAction", "name": "run", "instrument": {"@id": PROGRAM}},
            **{"result": {"@id": "out.txt"}, "endTime": "2026-11-30T00:00:00+00:00"},
        },
    ]
    return {"@context": f"{base}/context", "@graph": graph}


def required(number, profile):
    """Return the required checks that a crate of this version fails under a profile."""
    folder = Path(sys.argv[1]) / f"crate-{number}"
    folder.mkdir(exist_ok=True)
    (folder / "out.txt").write_text("42", encoding="utf-8")
    (folder / "ro-crate-metadata.json").write_text(json.dumps(crate(number)), encoding="utf-8")
    level = models.Severity.REQUIRED
    found = services.validate(
        services.ValidationSettings(
            rocrate_uri=str(folder), profile_identifier=profile, requirement_severity=level
        )
    )
    return sorted({issue.check.identifier for issue in found.get_issues(level)})


print(f"roc-validator {version('roc-validator')}")
failed = {
    (number, profile): required(number, profile)
    for number, profile in (
        ("1.3", "ro-crate-1.3"),
        ("1.3", "process-run-crate"),
        ("1.1", "process-run-crate"),
    )
}
for (number, profile), checks in failed.items():
    print(f"crate of version {number}, profile {profile}: fails {checks or 'nothing'}")
assert not failed["1.3", "ro-crate-1.3"], "the crate is no valid 1.3 crate"
assert failed["1.3", "process-run-crate"] == ["ro-crate-1.1_5.3"], "the profile accepts 1.3 now"
assert not failed["1.1", "process-run-crate"], "the crate of version 1.1 fails something else"
PYTHON
