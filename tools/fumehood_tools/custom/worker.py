"""The job that runs a custom sandbox: `python -m fumehood_tools.custom.worker '{"sandbox": …}'`."""

import json
import signal
import sys
from collections.abc import Mapping
from typing import Any

from fumehood_tools.custom.run import CustomRun
from fumehood_tools.custom.start import CustomRequest
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.settings import load_settings


def main() -> None:
    """Run what the command line says."""
    # Turn SIGTERM into SystemExit, so that a canceled job unwinds and ends its children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    request = CustomRequest.model_validate(json.loads(sys.argv[1]))
    context = JobContext.from_environment()
    with context.guard():
        found = CustomRun(load_settings(), request.sandbox, context).run(
            request.variants, request.seeds, request.asked
        )
        after = request.then or f"compare_variants(sandbox={request.sandbox!r})"
        if found["failed"]:
            table = f"read_benchmarks(sandbox={request.sandbox!r})"
            after = f"{table}, which says what failed and why, then {after}"
        summary = _summary(found)
        context.finish({"summary": summary, "sandbox": request.sandbox, **found, "next": after})


def _summary(found: Mapping[str, Any]) -> list[str]:
    """Return what became of a run in a few lines."""
    failed = found["failed"]
    said = f"{found['scored']} scored, {found['reused']} scored before, {len(failed)} failed"
    pinned = "pinned" if found["pinned"] else "NOT pinned by a reviewer"
    sealed = f"evaluated by sealed files {found['sealed_sha256'][:16]}…, {pinned}"
    return [said, *(f"{name}: {why}" for name, why in failed.items()), sealed]


if __name__ == "__main__":
    main()
