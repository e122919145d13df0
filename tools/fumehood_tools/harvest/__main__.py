"""`python -m fumehood_tools.harvest spec.json`: the trusted process that computes activations.

Prints JSON lines on stdout: {"progress": …} while it works, then {"activations": …, "probing": …,
"sites": [the same for each further site]}, or {"error": {"code", "message"}} with exit status 1.
Anything that libraries print goes to stderr. It can be killed at any time and run again.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel

from fumehood_tools.errors import BadRequest, FumehoodError
from fumehood_tools.harvest.collect import Harvester
from fumehood_tools.harvest.records import Activations, HarvestRequest, Probing, read_request
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.settings import load_settings
from fumehood_tools.subjects import describe_subject
from fumehood_tools.subjects.stubs import stub_unused


def main(arguments: list[str]) -> int:
    """Run one request; return the exit status."""
    reporter = Reporter(_own_stdout())
    try:
        if len(arguments) != 1:
            raise BadRequest("Usage: python -m fumehood_tools.harvest spec.json")
        request = _with_settings(read_request(Path(arguments[0])))
        if describe_subject(request.subject, request.cache).kind == "synthetic":
            # sae-bench's probes are all that is needed of it.
            stub_unused()
        reporter.say(run(request, reporter))
    except FumehoodError as error:
        reporter.say({"error": {"code": error.code, "message": str(error)}})
        return 1
    return 0


def run(request: HarvestRequest, reporter: Reporter) -> dict[str, object]:
    """Harvest the requested parts; return the content of the last output line."""
    harvester = Harvester(request, reporter)
    activations: tuple[Activations, ...] | None = None
    probing: tuple[Probing, ...] | None = None
    if "activations" in request.parts:
        activations = harvester.activations()
    if "probing" in request.parts:
        probing = harvester.probing()
    own, *others = (
        {"activations": _content(activations, number), "probing": _content(probing, number)}
        for number in range(len(request.all_sites))
    )
    sites = [
        {**site.model_dump(), **made} for site, made in zip(request.sites, others, strict=True)
    ]
    return {**own, "sites": sites, "device": harvester.device}


def _content(made: Sequence[BaseModel] | None, number: int) -> object:
    if made is None or number >= len(made):
        return None
    return made[number].model_dump(mode="json")


def _with_settings(request: HarvestRequest) -> HarvestRequest:
    """Return the request with `auto` replaced by FUMEHOOD_DTYPE and FUMEHOOD_DEVICE."""
    settings = load_settings()
    dtype = settings.dtype if request.dtype == "auto" else request.dtype
    device = settings.device if request.device == "auto" else request.device
    return request.model_copy(update={"dtype": dtype, "device": device})


def _own_stdout() -> TextIO:
    """Return a stream to the real stdout, and redirect everything else to stderr."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
