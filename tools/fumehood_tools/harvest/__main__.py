"""`python -m fumehood_tools.harvest spec.json`: the trusted child that reads activations.

Prints JSON lines on stdout: {"progress": …} while it works, then {"activations": …, "probing": …},
or {"error": {"code", "message"}} and exit status 1. Everything else that libraries print goes to
stderr. Can be killed at any moment and run again.
"""

import os
import sys
from pathlib import Path
from typing import TextIO

from fumehood_tools.errors import BadRequest, FumehoodError
from fumehood_tools.harvest.collect import Harvester
from fumehood_tools.harvest.records import HarvestRequest, read_request
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.settings import load_settings


def main(arguments: list[str]) -> int:
    """Run one request; return the exit status."""
    reporter = Reporter(_own_stdout())
    try:
        if len(arguments) != 1:
            raise BadRequest("Usage: python -m fumehood_tools.harvest spec.json")
        reporter.say(run(_with_settings(read_request(Path(arguments[0]))), reporter))
    except FumehoodError as error:
        reporter.say({"error": {"code": error.code, "message": str(error)}})
        return 1
    return 0


def run(request: HarvestRequest, reporter: Reporter) -> dict[str, object]:
    """Harvest the parts a request names; return the last line's content."""
    harvester = Harvester(request, reporter)
    answer: dict[str, object] = {"activations": None, "probing": None}
    if "activations" in request.parts:
        answer["activations"] = harvester.activations().model_dump(mode="json")
    if "probing" in request.parts:
        probing = harvester.probing()
        answer["probing"] = probing.model_dump(mode="json") if probing else None
    answer["device"] = harvester.device
    return answer


def _with_settings(request: HarvestRequest) -> HarvestRequest:
    """Return the request with `auto` replaced by FUMEHOOD_DTYPE and FUMEHOOD_DEVICE."""
    settings = load_settings()
    dtype = settings.dtype if request.dtype == "auto" else request.dtype
    device = settings.device if request.device == "auto" else request.device
    return request.model_copy(update={"dtype": dtype, "device": device})


def _own_stdout() -> TextIO:
    """Return a stream on the real stdout, and send what anything else prints to stderr."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
