"""The job of run_variants: `python -m fumehood_tools.runs.worker`, inside a job.

The request is the file request.json in the job's folder.
"""

import signal
import sys

from fumehood_tools.files import read_json
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.runs.job import RunJob
from fumehood_tools.runs.request import REQUEST_FILE, RunRequest
from fumehood_tools.settings import load_settings


def main() -> None:
    """Run the job."""
    # Turn SIGTERM into SystemExit, so that a canceled job unwinds and ends its children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = JobContext.from_environment()
    with context.guard():
        request = RunRequest.model_validate(read_json(context.folder / REQUEST_FILE))
        context.finish(RunJob(context, load_settings(), request).run())


if __name__ == "__main__":
    main()
