"""Validate a folder as RO-Crate 1.3 and as Process Run Crate. Run with roc-validator and rocrate.

Prints JSON: profile -> required checks that fail. The JSON-LD context is the copy that rocrate
brings, so that nothing is asked over the network.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

import requests
import rocrate
from rocrate_validator import models, services
from urllib3.response import HTTPResponse

CONTEXT = (Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()


def send(adapter: Any, request: Any, **_: Any) -> Any:
    """Answer a request for the context; refuse all others."""
    if "ro/crate/1.3" not in request.url:
        raise requests.ConnectionError(request.url)
    head = {"Content-Type": "application/ld+json"}
    body, url = io.BytesIO(CONTEXT), request.url
    raw = HTTPResponse(body, head, 200, preload_content=False, request_url=url)
    return adapter.build_response(request, raw)


def required(folder: str, profile: str) -> list[str]:
    """Return the required checks of a profile that fail."""
    level = models.Severity.REQUIRED
    asked = services.ValidationSettings(
        rocrate_uri=folder, profile_identifier=profile, requirement_severity=level
    )
    return sorted({issue.check.identifier for issue in services.validate(asked).get_issues(level)})


if __name__ == "__main__":
    requests.adapters.HTTPAdapter.send = send
    profiles = ("ro-crate-1.3", "process-run-crate")
    print(json.dumps({profile: required(sys.argv[1], profile) for profile in profiles}))
