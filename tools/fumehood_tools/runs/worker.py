"""The job of run_variants: `python -m fumehood_tools.runs.worker`, inside a job.

The request is the file request.json in the job's folder.
"""

import signal
import sys
from typing import Any

from fumehood_tools.files import read_json
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.runs.job import RunJob
from fumehood_tools.runs.request import REQUEST_FILE, RunRequest
from fumehood_tools.settings import Settings, load_settings


def main() -> None:
    """Run the job."""
    # Turn SIGTERM into SystemExit, so that a canceled job unwinds and ends its children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = JobContext.from_environment()
    with context.guard():
        request = RunRequest.model_validate(read_json(context.folder / REQUEST_FILE))
        settings = load_settings()
        if request.target == "local":
            context.finish(RunJob(context, settings, request).run())
        else:
            context.finish(_run_elsewhere(context, settings, request))


def _run_elsewhere(context: JobContext, settings: Settings, request: RunRequest) -> dict[str, Any]:
    """Run on other machines; return the result, with what they cost."""
    # Most runs train here, and need none of this.
    from fumehood_tools.runs.remote.choosing import target_of

    with target_of(request, settings, context.job_id) as target:
        result = RunJob(context, settings, request, target.parts).run()
        bill = target.bill()
        summary = [*result["summary"], *_cost(request, bill)]
        return {**result, "summary": summary, "target": request.target, "rented": bill}


def _cost(request: RunRequest, bill: dict[str, Any] | None) -> list[str]:
    """Return what the rented machines have cost, as lines of the summary."""
    if request.target == "skypilot":
        return ["cost: unknown here; `sky cost-report` and your clouds' bills have it"]
    if bill is None:
        return []
    pods = bill["pods"]
    up = [pod for pod in pods if pod["record"] is None]
    ended = f"{len(up)} ARE NOT ENDED: see list_pods" if up else "all of them have ended"
    return [f"rented GPUs: ${bill['cost_usd']:.4f} on {len(pods)} pods; {ended}"]


if __name__ == "__main__":
    main()
